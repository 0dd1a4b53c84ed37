#include "lab/probes.h"

struct wish {
        enum protocol protocol;
        uint16_t port;
};

struct wishes {
        VEC(struct wish) list;
};

/* One address of one end. */
struct spot {
        size_t end;
        struct ip ip;
};

struct spots {
        VEC(struct spot) list;
};

static struct wishes wishes_of(const struct lab_plan *plan, bool sctp)
{
        static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};
        struct wishes wishes = {0};
        struct wish ping = {PROTOCOL_ICMP, 0};

        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
                if (protocols[i] == PROTOCOL_SCTP && !sctp)
                        continue;
                vec_foreach (const uint16_t, port, &plan->ports.list) {
                        struct wish wish = {protocols[i], *port};
                        vec_push(plan->arena, &wishes.list, wish);
                }
        }
        vec_push(plan->arena, &wishes.list, ping);
        return wishes;
}

static struct spots spots_of(const struct lab_plan *plan)
{
        struct spots spots = {0};

        for (size_t i = 0; i < plan->ends.n; i++)
                vec_foreach (const struct ip, ip, &plan->ends.items[i].ips) {
                        struct spot spot = {i, *ip};
                        vec_push(plan->arena, &spots.list, spot);
                }
        return spots;
}

static bool worth_probing(const struct lab_plan *plan, const struct spot *from,
                          const struct spot *to)
{
        return from->ip.family == to->ip.family && (plan->ends.items[from->end].kind == LAB_POD ||
                                                    plan->ends.items[to->end].kind == LAB_POD);
}

static size_t count_pairs(const struct lab_plan *plan, const struct spots *spots)
{
        size_t n = 0;

        vec_foreach (const struct spot, from, &spots->list)
                vec_foreach (const struct spot, to, &spots->list)
                        n += worth_probing(plan, from, to);
        return n;
}

/* Spread evenly, the same on every run (Knuth's multiplicative hash). */
static bool is_kept(size_t index, size_t one_of)
{
        return ((uint32_t)index * 2654435761u >> 8) % one_of == 0;
}

static struct probe probe_of(const struct lab_plan *plan, const struct policy_options *policy,
                             const struct spot *from, const struct spot *to,
                             const struct wish *wish)
{
        struct packet packet = {from->ip, to->ip, wish->protocol, wish->port};

        return (struct probe){
            .from = from->end,
            .to = to->end,
            .source = from->ip,
            .destination = to->ip,
            .protocol = wish->protocol,
            .port = wish->port,
            .expected = policy_allows(plan->cluster, policy, &packet),
            .reason = "",
            .fd = -1,
        };
}

struct probes *probes_list(struct lab_plan *plan, const struct policy_options *policy, bool sctp)
{
        struct probes *probes = arena_new_object(plan->arena, struct probes);
        struct wishes wishes = wishes_of(plan, sctp);
        struct spots spots = spots_of(plan);
        size_t total = count_pairs(plan, &spots) * wishes.list.n, index = 0;
        size_t one_of = (total + PROBES_MAX - 1) / PROBES_MAX;

        vec_foreach (const struct spot, from, &spots.list)
                vec_foreach (const struct spot, to, &spots.list)
                        for (size_t i = 0; i < wishes.list.n && worth_probing(plan, from, to); i++)
                                if (is_kept(index++, one_of))
                                        vec_push(plan->arena, &probes->list,
                                                 probe_of(plan, policy, from, to,
                                                          &wishes.list.items[i]));
        if (one_of > 1)
                lab_plan_note(plan, "%zu of %zu possible probes are sent, spread evenly",
                              probes->list.n, total);
        return probes;
}
