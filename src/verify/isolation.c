#include "verify/isolation.h"

#include <string.h>

#include "verify/named_ports.h"

/* Policies are found once for all pods of a namespace with equal labels. Pods are then sorted by
 * their lists of policies and by what they mean by the names these use; equal ones are a group. */

struct policy_list {
        VEC(size_t) items;
};

/* A pod of the node. */
struct local {
        const struct pod *pod;
        const struct ip *ip;                /* NULL where it has none of the family */
        const struct policy_list *policies; /* by direction */
        /* By name that its ingress policies use: the port, or NO_PORT. */
        const uint32_t *ports;
        size_t n_ports;
        size_t group[DIRECTIONS];
};
#define NO_PORT UINT32_MAX

struct work {
        struct arena *arena;
        const struct cluster *cluster;
        const char *node;
        enum family family;
        VEC(struct local) locals;
};

static bool is_local(const struct work *work, const struct pod *pod)
{
        return pod_takes_part(pod) && strcmp(pod->node, work->node) == 0;
}

static const struct policy_list *find_policies(struct work *work, const struct pod *pod)
{
        struct policy_list *lists = arena_new_array(work->arena, struct policy_list, DIRECTIONS);
        struct span span = cluster_policies_of(work->cluster, pod->meta.namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &work->cluster->policies.items[i];
                if (!selector_matches(&policy->pod_selector, &pod->meta.labels))
                        continue;
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        if (policy->rules[d].isolates)
                                vec_push(work->arena, &lists[d].items, i);
        }
        return lists;
}

static struct port_names names_used(struct work *work, const struct policy_list *list)
{
        struct port_names names = {0};

        vec_foreach (const size_t, i, &list->items)
                port_names_add_rules(work->arena, &names,
                                     &work->cluster->policies.items[*i].rules[DIRECTION_INGRESS]);
        port_names_settle(&names);
        return names;
}

static const uint32_t *resolve(struct work *work, const struct port_names *names,
                               const struct pod *pod)
{
        uint32_t *ports = arena_new_array(work->arena, uint32_t, names->items.n);
        uint16_t number;

        for (size_t i = 0; i < names->items.n; i++) {
                const struct port_name *name = &names->items.items[i];
                ports[i] =
                    pod_named_port(pod, name->name, name->protocol, &number) ? number : NO_PORT;
        }
        return ports;
}

static void add_group(struct work *work, const struct pods_by_labels *pods,
                      const struct pod_group *group)
{
        struct local local = {.group = {SIZE_MAX, SIZE_MAX}};
        struct port_names names = {0};

        for (size_t i = group->first_pod; i != NO_POD; i = pods_next(pods, i)) {
                local.pod = &work->cluster->pods.items[i];
                if (!is_local(work, local.pod))
                        continue;
                if (!local.policies) {
                        local.policies = find_policies(work, local.pod);
                        names = names_used(work, &local.policies[DIRECTION_INGRESS]);
                }
                local.ip = pod_ip(local.pod, work->family);
                local.ports = resolve(work, &names, local.pod);
                local.n_ports = names.items.n;
                vec_push(work->arena, &work->locals, local);
        }
}

static void add_namespace(struct work *work, struct pods_by_labels *pods, size_t namespace)
{
        struct span span = pods_span(pods, namespace);
        size_t i = span.first, end = span.first + span.n;

        while (i < end && !is_local(work, &work->cluster->pods.items[i]))
                i++;
        if (i == end)
                return;
        struct pod_groups groups = pods_by_labels_of(pods, namespace);
        for (i = 0; i < groups.n; i++)
                add_group(work, pods, &groups.items[i]);
}

static int order_of(const struct local *a, const struct local *b)
{
        return (a->pod > b->pod) - (a->pod < b->pod);
}

static int compare_pods(const void *a, const void *b)
{
        return order_of(a, b);
}

static int lists_compare(const struct policy_list *a, const struct policy_list *b)
{
        if (a->items.n != b->items.n)
                return a->items.n < b->items.n ? -1 : 1;
        return memcmp(a->items.items, b->items.items, a->items.n * sizeof(*a->items.items));
}

/* Equal lists use the same names. */
static int ingress_compare(const struct local *a, const struct local *b)
{
        int order = lists_compare(&a->policies[DIRECTION_INGRESS], &b->policies[DIRECTION_INGRESS]);

        return order ? order : memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports));
}

/* The names of egress are the other end's. */
static int egress_compare(const struct local *a, const struct local *b)
{
        return lists_compare(&a->policies[DIRECTION_EGRESS], &b->policies[DIRECTION_EGRESS]);
}

static int compare_ingress(const void *a, const void *b)
{
        const struct local *const *left = a, *const *right = b;
        int order = ingress_compare(*left, *right);

        return order ? order : order_of(*left, *right);
}

static int compare_egress(const void *a, const void *b)
{
        const struct local *const *left = a, *const *right = b;
        int order = egress_compare(*left, *right);

        return order ? order : order_of(*left, *right);
}

static const struct {
        int (*are_apart)(const struct local *, const struct local *);
        int (*sort)(const void *, const void *);
} ways[DIRECTIONS] = {
    [DIRECTION_INGRESS] = {ingress_compare, compare_ingress},
    [DIRECTION_EGRESS] = {egress_compare, compare_egress},
};

static void group_locals(struct work *work, enum direction direction, struct isolation *isolation)
{
        struct local **order = arena_new_array(work->arena, struct local *, work->locals.n);
        size_t n = 0;

        vec_foreach (struct local, local, &work->locals) {
                bool isolated = local->policies[direction].items.n > 0;
                isolation->any = isolation->any || isolated;
                if (isolated && local->ip)
                        order[n++] = local;
        }
        sort_items(order, n, sizeof(*order), ways[direction].sort);
        for (size_t i = 0; i < n; i++) {
                const struct policy_list *list = &order[i]->policies[direction];
                struct subject_group group = {order[i]->pod, list->items.items, list->items.n};
                if (i == 0 || ways[direction].are_apart(order[i - 1], order[i]) != 0)
                        vec_push(work->arena, &isolation->groups[direction], group);
                order[i]->group[direction] = isolation->groups[direction].n - 1;
        }
}

struct isolation isolation_of(struct arena *arena, const struct cluster *cluster,
                              struct pods_by_labels *pods, const char *node, enum family family)
{
        struct work work = {.arena = arena, .cluster = cluster, .node = node, .family = family};
        struct isolation isolation = {0};

        for (size_t i = 0; i < cluster->namespaces.n; i++)
                add_namespace(&work, pods, i);
        vec_sort(&work.locals, compare_pods);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                group_locals(&work, d, &isolation);
        vec_foreach (const struct local, local, &work.locals) {
                if (!local->ip)
                        continue;
                struct subject subject = {.pod = local->pod, .ip = *local->ip};
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        subject.isolated[d] = local->policies[d].items.n > 0;
                        subject.group[d] = local->group[d];
                }
                vec_push(arena, &isolation.subjects, subject);
        }
        return isolation;
}
