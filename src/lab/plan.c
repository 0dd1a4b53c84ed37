#include "lab/plan.h"

#include <stdarg.h>
#include <string.h>

#include "lab/names.h"
#include "lab/samples.h"

void lab_plan_note(struct lab_plan *plan, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        const char *note = arena_vprintf(plan->arena, format, args);
        va_end(args);
        vec_push(plan->arena, &plan->notes, note);
}

struct planner {
        struct lab_plan *plan;
        struct cluster *cluster;
        const struct map *found;
        struct map *taken; /* texts of addresses that somebody has */
        struct err *err;
};

static void take(struct planner *planner, const struct ip *ip)
{
        char text[IP_TEXT_SIZE];

        map_put(planner->taken, ip_format(ip, text), planner);
}

static bool is_taken(const struct planner *planner, const struct ip *ip)
{
        char text[IP_TEXT_SIZE];

        return map_get(planner->taken, ip_format(ip, text));
}

/* Unless it is known already. */
static void add_node(struct cluster *cluster, struct map *known, const char *name)
{
        if (map_get(known, name))
                return;
        struct node node = {
            .meta = {.namespace = intern_text(cluster->intern, ""),
                     .name = intern_text(cluster->intern, name),
                     .uid = intern_text(cluster->intern, ""),
                     .place = {"lab", 0}},
        };
        vec_push(cluster->arena, &cluster->nodes, node);
        map_put(known, name, cluster);
}

/* The first in order of name of those there are: of Nodes, else of those that pods name. */
static const char *first_node(const struct cluster *cluster)
{
        const char *first = NULL;

        if (cluster->nodes.n)
                return cluster->nodes.items[0].meta.name;
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (*pod->node && (!first || strcmp(pod->node, first) < 0))
                        first = pod->node;
        return first ? first : intern_text(cluster->intern, "node");
}

/* Every pod gets a node and every node that is named exists. */
static void complete_nodes(struct planner *planner)
{
        struct cluster *cluster = planner->cluster;
        struct map *known = map_new(planner->plan->arena);
        const char *first = first_node(cluster);

        vec_foreach (struct node, node, &cluster->nodes)
                map_put(known, node->meta.name, cluster);
        add_node(cluster, known, first);
        vec_foreach (struct pod, pod, &cluster->pods) {
                if (!*pod->node)
                        pod->node = first;
                add_node(cluster, known, pod->node);
        }
        cluster_seal(cluster);
}

static const struct lab_addresses *addresses_found(const struct planner *planner, const char *netns)
{
        static const struct lab_addresses none;
        const struct lab_addresses *addresses = map_get(planner->found, netns);

        return addresses ? addresses : &none;
}

/* A number added to a prefix's first address; it must fit in the last four bytes. */
static struct ip ip_at(const struct ip *base, unsigned number)
{
        struct ip ip = *base;

        for (unsigned i = family_bits(ip.family) / 8; number && i-- > 0; number >>= 8) {
                number += ip.bytes[i];
                ip.bytes[i] = (uint8_t)number;
        }
        return ip;
}

static struct prefix default_cidr(enum family family, size_t node)
{
        struct prefix prefix;

        prefix_parse(family == FAMILY_IPV4 ? "10.244.0.0/24" : "fd00:10:244::/64", &prefix, NULL);
        prefix.ip.bytes[family == FAMILY_IPV4 ? 2 : 7] = (uint8_t)node;
        return prefix;
}

static void complete_node(struct planner *planner, struct node *node, size_t at)
{
        const char *netns =
            lab_netns_node(planner->plan->arena, planner->plan->lab, node->meta.name);
        const struct lab_addresses *found = addresses_found(planner, netns);
        VEC(struct ip) ips = {0};

        for (size_t i = 0; i < node->addresses.n; i++)
                vec_push(planner->cluster->arena, &ips, node->addresses.items[i]);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                unsigned number = (unsigned)at + 1;
                struct ip base, ip;

                if (ip_of_family(ips.items, ips.n, family))
                        continue;
                ip_parse(family == FAMILY_IPV4 ? "172.30.0.0" : "fd00:172:30::", &base);
                do {
                        ip = ip_at(&base, number++);
                } while (is_taken(planner, &ip));
                vec_foreach (const struct ip, given, &found->ips)
                        if (given->family == family)
                                ip = *given;
                take(planner, &ip);
                vec_push(planner->cluster->arena, &ips, ip);
        }
        node->addresses.items = ips.items;
        node->addresses.n = ips.n;
}

/* The first two addresses are a network's own and its gateway's by custom; the last of an IPv4
 * network is for broadcast. */
static bool hand_out(struct planner *planner, const struct prefix *cidr, struct ip *ret)
{
        unsigned host_bits = family_bits(cidr->ip.family) - cidr->length;
        unsigned n = host_bits < 20 ? 1u << host_bits : 1u << 20;

        for (unsigned number = 2; number + 1 < n; number++) {
                struct ip ip = ip_at(&cidr->ip, number);

                if (is_taken(planner, &ip))
                        continue;
                take(planner, &ip);
                *ret = ip;
                return true;
        }
        return false;
}

static size_t node_place(const struct cluster *cluster, const char *name)
{
        return (size_t)(cluster_node(cluster, name) - cluster->nodes.items);
}

/* One address from the first CIDR of each family. */
static int address_pod(struct planner *planner, struct pod *pod)
{
        size_t place = node_place(planner->cluster, pod->node);
        const struct node *node = &planner->cluster->nodes.items[place];
        VEC(struct ip) ips = {0};

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct prefix cidr = default_cidr(family, place);
                bool has = node->pod_cidrs.n == 0;
                char text[PREFIX_TEXT_SIZE];
                struct ip ip;

                for (size_t i = 0; i < node->pod_cidrs.n && !has; i++)
                        if (node->pod_cidrs.items[i].ip.family == family) {
                                cidr = node->pod_cidrs.items[i];
                                has = true;
                        }
                if (!has)
                        continue;
                if (!hand_out(planner, &cidr, &ip))
                        return err_set(planner->err,
                                       "Node %s: podCIDR %s has no address left for Pod %s/%s",
                                       node->meta.name, prefix_format(&cidr, text),
                                       pod->meta.namespace, pod->meta.name);
                vec_push(planner->cluster->arena, &ips, ip);
        }
        pod->ips.items = ips.items;
        pod->ips.n = ips.n;
        return 0;
}

/* Found in the lab; nothing where the pod is not in it, or has them from the manifests. */
static void adopt_pod(struct planner *planner, struct pod *pod)
{
        const char *netns = lab_netns_pod(planner->plan->arena, planner->plan->lab,
                                          pod->meta.namespace, pod->meta.name);
        const struct lab_addresses *found = addresses_found(planner, netns);

        if (pod->ips.n || found->ips.n == 0)
                return;
        pod->ips.items =
            arena_copy(planner->cluster->arena, found->ips.items, found->ips.n * sizeof(struct ip));
        pod->ips.n = found->ips.n;
}

/* Those that are given or found are taken before any is handed out. */
static int complete_addresses(struct planner *planner)
{
        struct cluster *cluster = planner->cluster;

        vec_foreach (const struct node, node, &cluster->nodes)
                for (size_t i = 0; i < node->addresses.n; i++)
                        take(planner, &node->addresses.items[i]);
        vec_foreach (struct pod, pod, &cluster->pods) {
                if (!pod_takes_part(pod))
                        continue;
                adopt_pod(planner, pod);
                for (size_t i = 0; i < pod->ips.n; i++)
                        take(planner, &pod->ips.items[i]);
        }
        for (size_t i = 0; i < cluster->nodes.n; i++)
                complete_node(planner, &cluster->nodes.items[i], i);
        vec_foreach (struct pod, pod, &cluster->pods)
                if (pod_takes_part(pod) && pod->ips.n == 0 && address_pod(planner, pod) < 0)
                        return -1;
        cluster_seal(cluster);
        return 0;
}

static struct lab_end *add_end(struct lab_plan *plan, enum lab_kind kind, const char *label,
                               const char *netns)
{
        struct lab_end end = {.kind = kind, .label = label, .netns = netns};

        vec_push(plan->arena, &plan->ends, end);
        return &plan->ends.items[plan->ends.n - 1];
}

static void add_ips(struct lab_plan *plan, struct lab_end *end, const struct ip *ips, size_t n)
{
        for (size_t i = 0; i < n; i++)
                vec_push(plan->arena, &end->ips, ips[i]);
}

static void add_pods(struct lab_plan *plan)
{
        const struct cluster *cluster = plan->cluster;

        vec_foreach (const struct pod, pod, &cluster->pods)
                plan->n_pods += pod_takes_part(pod);
        vec_foreach (const struct pod, pod, &cluster->pods) {
                const char *namespace = pod->meta.namespace, *name = pod->meta.name;

                if (!pod_takes_part(pod))
                        continue;
                struct lab_end *end =
                    add_end(plan, LAB_POD, arena_printf(plan->arena, "%s/%s", namespace, name),
                            lab_netns_pod(plan->arena, plan->lab, namespace, name));
                end->node = plan->n_pods + node_place(cluster, pod->node);
                add_ips(plan, end, pod->ips.items, pod->ips.n);
        }
}

static void add_nodes(struct lab_plan *plan)
{
        plan->n_nodes = plan->cluster->nodes.n;
        vec_foreach (const struct node, node, &plan->cluster->nodes) {
                const char *name = node->meta.name;
                struct lab_end *end =
                    add_end(plan, LAB_NODE, arena_printf(plan->arena, "node/%s", name),
                            lab_netns_node(plan->arena, plan->lab, name));
                end->name = name;
                add_ips(plan, end, node->addresses.items, node->addresses.n);
        }
}

static void add_outside(struct lab_plan *plan, const struct map *taken)
{
        struct samples samples = samples_choose(plan->arena, plan->cluster, taken);
        const char *netns = lab_netns_outside(plan->arena, plan->lab);
        char text[IP_TEXT_SIZE];

        plan->n_outside = samples.list.n;
        vec_foreach (const struct ip, ip, &samples.list) {
                const char *label = arena_strdup(plan->arena, ip_format(ip, text));
                add_ips(plan, add_end(plan, LAB_OUTSIDE, label, netns), ip, 1);
        }
        if (samples.cut)
                lab_plan_note(plan,
                              "%zu ipBlocks and excepts have no address outside to try "
                              "them: %d addresses are made at most",
                              samples.cut, SAMPLES_MAX);
}

static void choose_ports(struct lab_plan *plan)
{
        plan->ports = lab_ports_choose(plan->arena, plan->cluster);
        if (plan->ports.cut)
                lab_plan_note(plan, "%zu ports are not tried: %d are at most", plan->ports.cut,
                              LAB_PORTS_MAX);
}

struct lab_plan *lab_plan_make(struct arena *arena, const char *lab, struct cluster *cluster,
                               const struct map *found, struct err *err)
{
        struct lab_plan *plan = arena_new_object(arena, struct lab_plan);
        struct planner planner = {plan, cluster, found, map_new(arena), err};

        plan->arena = arena;
        plan->lab = lab;
        plan->cluster = cluster;
        complete_nodes(&planner);
        if (cluster->nodes.n > LAB_NODES_MAX) {
                err_set(err, "%zu nodes; a lab has %d at most", cluster->nodes.n, LAB_NODES_MAX);
                return NULL;
        }
        if (complete_addresses(&planner) < 0)
                return NULL;
        add_pods(plan);
        add_nodes(plan);
        add_outside(plan, planner.taken);
        choose_ports(plan);
        return plan;
}
