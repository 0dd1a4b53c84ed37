#include "lab/lab.h"

#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lab/names.h"
#include "lab/netns.h"
#include "netlink/link.h"

#define UPLINK   2   /* index of eth0 in pods, nodes and outside, and of outside in the fabric */
#define DOWNLINK 100 /* the first of a router's links to what it serves */

/* The two ends of every link, seen from the router above and from what hangs on it. */
static const uint8_t upper_mac[6] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
static const uint8_t lower_mac[6] = {0x02, 0, 0, 0, 0, 0x02};
static const char *const upper_gateway[FAMILIES] = {"169.254.1.1", "fe80::1"};
static const char *const lower_gateway[FAMILIES] = {"169.254.1.2", "fe80::2"};

/* A namespace while it is being wired. */
struct site {
        int netns;
        struct netlink *netlink;
};

struct builder {
        const struct lab_plan *plan;
        struct site fabric, outside;
        struct site *nodes; /* plan->n_nodes */
        bool begun;         /* something of the lab is ours, to be removed on failure */
        struct err *err;
};

static struct ip address(const char *text)
{
        struct ip ip;

        ip_parse(text, &ip);
        return ip;
}

static void site_done(struct site *site)
{
        netlink_close(site->netlink);
        if (site->netns > 0)
                close(site->netns);
        *site = (struct site){0};
}

struct setting {
        const char *key, *value;
};

/* IPv6 addresses of the kernel's own making would look for duplicates; there are none here. Pings
 * need no raw socket. Nothing may depend on what the machine's own namespace is set to. */
static const struct setting settings[] = {
    {"ipv4/conf/all/rp_filter", "0"},          {"ipv4/conf/default/rp_filter", "0"},
    {"ipv4/ping_group_range", "0 2147483647"}, {"ipv6/conf/all/disable_ipv6", "0"},
    {"ipv6/conf/default/disable_ipv6", "0"},   {"ipv6/conf/default/addr_gen_mode", "1"},
};

/* Refusals are answered each time, not a few a second. */
static const struct setting router_settings[] = {
    {"ipv4/ip_forward", "1"},
    {"ipv6/conf/all/forwarding", "1"},
    {"ipv4/icmp_ratelimit", "0"},
    {"ipv6/icmp/ratelimit", "0"},
};

static int apply_settings(const struct setting *list, size_t n, struct err *err)
{
        for (size_t i = 0; i < n; i++)
                if (netns_sysctl(list[i].key, list[i].value, err) < 0)
                        return -1;
        return 0;
}

/* A new namespace, entered, with lo up. */
static int open_site(struct builder *builder, const char *name, bool router, struct site *ret)
{
        struct site site = {.netns = netns_create(name, builder->err)};

        if (site.netns < 0)
                return -1;
        builder->begun = true;
        site.netlink = netlink_open(NETLINK_ROUTE, builder->err);
        if (!site.netlink || apply_settings(settings, ARRAY_SIZE(settings), builder->err) < 0 ||
            (router &&
             apply_settings(router_settings, ARRAY_SIZE(router_settings), builder->err) < 0) ||
            link_up(site.netlink, LINK_LOOPBACK, builder->err) < 0) {
                site_done(&site);
                return -1;
        }
        *ret = site;
        return 0;
}

static int fix_gateways(struct netlink *netlink, int index, const char *const *gateways,
                        const uint8_t mac[6], struct err *err)
{
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct ip gateway = address(gateways[family]);

                if (link_add_neighbour(netlink, index, &gateway, mac, err) < 0)
                        return -1;
        }
        return 0;
}

/* source, here and below: whose address local packets get, or NULL. */
static const struct ip *source_ip(const struct lab_end *source, enum family family)
{
        return source ? ip_of_family(source->ips.items, source->ips.n, family) : NULL;
}

static int add_default_routes(struct netlink *netlink, const struct lab_end *source,
                              struct err *err)
{
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct ip gateway = address(upper_gateway[family]);
                struct prefix everything = {.ip.family = (uint8_t)family};

                if (link_add_route(netlink, UPLINK, &everything, &gateway,
                                   source_ip(source, family), err) < 0)
                        return -1;
        }
        return 0;
}

/* The upper end is a router's link of that index and name, the lower eth0 with a default route
 * through it. */
static int wire(const struct site *upper, int index, const char *name, const struct site *lower,
                struct err *err)
{
        struct link_end up = {.netns = upper->netns, .name = name, .index = index};
        struct link_end down = {.netns = lower->netns, .name = "eth0", .index = UPLINK};

        memcpy(up.mac, upper_mac, sizeof(up.mac));
        memcpy(down.mac, lower_mac, sizeof(down.mac));
        if (link_add_pair(upper->netlink, &up, &down, err) < 0 ||
            link_up(upper->netlink, index, err) < 0 || link_up(lower->netlink, UPLINK, err) < 0)
                return -1;
        if (fix_gateways(upper->netlink, index, lower_gateway, lower_mac, err) < 0)
                return -1;
        return fix_gateways(lower->netlink, UPLINK, upper_gateway, upper_mac, err);
}

static int add_addresses(const struct site *site, const struct lab_end *end, struct err *err)
{
        vec_foreach (const struct ip, ip, &end->ips)
                if (link_add_address(site->netlink, UPLINK, ip, err) < 0)
                        return -1;
        return 0;
}

/* From a router down to an end's addresses. */
static int add_routes(const struct site *router, int index, const struct lab_end *end,
                      const struct lab_end *source, struct err *err)
{
        vec_foreach (const struct ip, ip, &end->ips) {
                struct ip gateway = address(lower_gateway[ip->family]);
                struct prefix host = prefix_host(ip);

                if (link_add_route(router->netlink, index, &host, &gateway,
                                   source_ip(source, ip->family), err) < 0)
                        return -1;
        }
        return 0;
}

static const struct lab_end *node_end(const struct lab_plan *plan, size_t node)
{
        return &plan->ends.items[plan->n_pods + node];
}

static int build_node(struct builder *builder, size_t at)
{
        const struct lab_end *end = node_end(builder->plan, at);
        struct site *site = &builder->nodes[at];
        int index = DOWNLINK + (int)at;
        char name[IFNAMSIZ];

        snprintf(name, sizeof(name), "node%zu", at);
        if (open_site(builder, end->netns, true, site) < 0 ||
            wire(&builder->fabric, index, name, site, builder->err) < 0 ||
            add_addresses(site, end, builder->err) < 0 ||
            add_default_routes(site->netlink, end, builder->err) < 0)
                return -1;
        return add_routes(&builder->fabric, index, end, NULL, builder->err);
}

static int wire_pod(struct builder *builder, size_t at, const struct site *site)
{
        const struct lab_plan *plan = builder->plan;
        const struct lab_end *end = &plan->ends.items[at];
        size_t node = end->node - plan->n_pods;
        const struct site *router = &builder->nodes[node];
        int index = DOWNLINK + (int)at;
        char name[IFNAMSIZ];

        snprintf(name, sizeof(name), "pod%zu", at);
        if (wire(router, index, name, site, builder->err) < 0 ||
            add_addresses(site, end, builder->err) < 0 ||
            add_default_routes(site->netlink, NULL, builder->err) < 0 ||
            add_routes(router, index, end, node_end(plan, node), builder->err) < 0)
                return -1;
        return add_routes(&builder->fabric, DOWNLINK + (int)node, end, NULL, builder->err);
}

static int build_pod(struct builder *builder, size_t at)
{
        const struct lab_end *end = &builder->plan->ends.items[at];
        struct site site = {0};
        int status = open_site(builder, end->netns, false, &site);

        if (status == 0)
                status = wire_pod(builder, at, &site);
        site_done(&site);
        return status < 0 ? err_wrap(builder->err, "Pod %s", end->label) : 0;
}

static int add_outside(const struct lab_plan *plan, const struct site *fabric,
                       const struct site *outside, struct err *err)
{
        for (size_t i = plan->ends.n - plan->n_outside; i < plan->ends.n; i++)
                if (add_addresses(outside, &plan->ends.items[i], err) < 0 ||
                    add_routes(fabric, UPLINK, &plan->ends.items[i], NULL, err) < 0)
                        return -1;
        return 0;
}

/* Whoever makes the fabric makes the lab: of several makers the others fail here, and touch
 * nothing. */
static int claim(struct builder *builder)
{
        const struct lab_plan *plan = builder->plan;
        const char *fabric = lab_netns_fabric(plan->arena, plan->lab);
        struct err ignored;

        if (open_site(builder, fabric, true, &builder->fabric) < 0)
                return !builder->begun && lab_exists(plan->lab) ? LAB_EXISTS : -1;
        if (netns_list(plan->arena, lab_prefix(plan->arena, plan->lab)).list.n == 1)
                return 0;
        netns_remove(fabric, &ignored); /* parts of an older one are there */
        builder->begun = false;
        return LAB_EXISTS;
}

static int build_core(struct builder *builder)
{
        const struct lab_plan *plan = builder->plan;
        int status = claim(builder);

        if (status < 0)
                return status;
        if (open_site(builder, lab_netns_outside(plan->arena, plan->lab), false,
                      &builder->outside) < 0)
                return -1;
        if (wire(&builder->fabric, UPLINK, "outside", &builder->outside, builder->err) < 0 ||
            add_default_routes(builder->outside.netlink, NULL, builder->err) < 0)
                return -1;
        return add_outside(plan, &builder->fabric, &builder->outside, builder->err);
}

/* A signal that waits for us, who blocked it. */
static bool interrupted(struct err *err)
{
        sigset_t pending;

        if (sigpending(&pending) < 0 ||
            !(sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM)))
                return false;
        err_set(err, "interrupted");
        return true;
}

static int build(struct builder *builder, struct lab_progress progress)
{
        const struct lab_plan *plan = builder->plan;
        int status = build_core(builder);

        if (status < 0)
                return status;
        for (size_t i = 0; i < plan->n_nodes; i++)
                if (build_node(builder, i) < 0)
                        return err_wrap(builder->err, "Node %s", node_end(plan, i)->name);
        for (size_t i = 0; i < plan->n_pods; i++) {
                if (interrupted(builder->err) || build_pod(builder, i) < 0)
                        return -1;
                if (progress.report)
                        progress.report(i + 1, plan->n_pods, progress.data);
        }
        return 0;
}

static void block_signals(sigset_t *ret_old)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, ret_old);
}

static int build_or_remove(const struct lab_plan *plan, struct lab_progress progress,
                           struct err *err)
{
        struct builder builder = {
            .plan = plan,
            .nodes = arena_new_array(plan->arena, struct site, plan->n_nodes),
            .err = err,
        };
        int status = build(&builder, progress);
        struct err ignored;
        size_t removed;

        for (size_t i = 0; i < plan->n_nodes; i++)
                site_done(&builder.nodes[i]);
        site_done(&builder.fabric);
        site_done(&builder.outside);
        if (status < 0 && builder.begun)
                lab_down(plan->lab, &removed, &ignored);
        return status;
}

int lab_up(const struct lab_plan *plan, struct lab_progress progress, struct err *err)
{
        int here = netns_current(err);
        sigset_t old;

        if (here < 0)
                return -1;
        block_signals(&old);
        int status = build_or_remove(plan, progress, err);
        netns_return(here);
        sigprocmask(SIG_SETMASK, &old, NULL);
        if (status == LAB_EXISTS)
                err_set(err, "lab %s exists already; `penstock lab down` removes it", plan->lab);
        return status;
}

int lab_down(const char *lab, size_t *ret_removed, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct netns_names names = netns_list(arena, lab_prefix(arena, lab));
        int status = 0;

        vec_foreach (const char *, name, &names.list)
                if (netns_remove(*name, err) < 0)
                        status = -1;
        if (status == 0)
                *ret_removed = names.list.n;
        return status;
}

bool lab_exists(const char *lab)
{
        _cleanup_arena_ struct arena *arena = arena_new();

        return netns_list(arena, lab_prefix(arena, lab)).list.n > 0;
}

static int open_existing(const char *name, struct site *ret, struct err *err)
{
        struct site site = {.netns = netns_open(name, err)};

        if (site.netns < 0)
                return -1;
        if (netns_enter(site.netns, err) == 0)
                site.netlink = netlink_open(NETLINK_ROUTE, err);
        if (!site.netlink) {
                site_done(&site);
                return -1;
        }
        *ret = site;
        return 0;
}

int lab_add_outside(const struct lab_plan *plan, struct err *err)
{
        struct site fabric = {0}, outside = {0};
        int status = -1, here = netns_current(err);

        if (here < 0)
                return -1;
        if (open_existing(lab_netns_fabric(plan->arena, plan->lab), &fabric, err) == 0 &&
            open_existing(lab_netns_outside(plan->arena, plan->lab), &outside, err) == 0)
                status = add_outside(plan, &fabric, &outside, err);
        site_done(&fabric);
        site_done(&outside);
        netns_return(here);
        return status;
}
