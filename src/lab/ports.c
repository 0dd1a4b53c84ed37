#include "lab/ports.h"

/* Any number would do for the port that nobody names; this one is nobody's by IANA either. */
#define FIRST_UNNAMED 4242

struct choice {
        struct arena *arena;
        struct lab_ports ports;
        uint8_t seen[(UINT16_MAX + 1) / 8];    /* chosen, or cut */
        uint8_t covered[(UINT16_MAX + 1) / 8]; /* by a pod's port or a policy's range */
};

static bool bit(const uint8_t *bits, unsigned i)
{
        return bits[i / 8] & 1 << i % 8;
}

static void set_bit(uint8_t *bits, unsigned i)
{
        bits[i / 8] |= (uint8_t)(1 << i % 8);
}

static void add_port(struct choice *choice, unsigned port)
{
        if (port == 0 || port > UINT16_MAX || bit(choice->seen, port))
                return;
        set_bit(choice->seen, port);
        if (choice->ports.list.n == LAB_PORTS_MAX)
                choice->ports.cut++;
        else
                vec_push(choice->arena, &choice->ports.list, (uint16_t)port);
}

static bool is_all(struct port_range range)
{
        return range.first == PORT_RANGE_ALL.first && range.last == PORT_RANGE_ALL.last;
}

static void each_policy_port(struct choice *choice, const struct cluster *cluster,
                             void (*add)(struct choice *choice, struct port_range range))
{
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                for (size_t d = 0; d < DIRECTIONS; d++)
                        for (size_t i = 0; i < policy->rules[d].n; i++) {
                                const struct policy_rule *rule = &policy->rules[d].items[i];
                                for (size_t j = 0; j < rule->ports.n; j++)
                                        if (!rule->ports.items[j].name &&
                                            !is_all(rule->ports.items[j].range))
                                                add(choice, rule->ports.items[j].range);
                        }
}

static void cover(struct choice *choice, struct port_range range)
{
        for (unsigned port = range.first; port <= range.last; port++)
                set_bit(choice->covered, port);
}

static void add_ends(struct choice *choice, struct port_range range)
{
        add_port(choice, range.first);
        add_port(choice, range.last);
}

static void add_neighbours(struct choice *choice, struct port_range range)
{
        if (range.first == range.last)
                return;
        add_port(choice, range.first - 1u);
        add_port(choice, range.last + 1u);
}

static void add_pod_ports(struct choice *choice, const struct cluster *cluster)
{
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; pod_takes_part(pod) && i < pod->ports.n; i++)
                        add_port(choice, pod->ports.items[i].port);
}

static void add_unnamed(struct choice *choice, const struct cluster *cluster)
{
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; i < pod->ports.n; i++)
                        set_bit(choice->covered, pod->ports.items[i].port);
        each_policy_port(choice, cluster, cover);
        for (unsigned i = 0; i < UINT16_MAX; i++) {
                unsigned port = 1 + (FIRST_UNNAMED - 1 + i) % UINT16_MAX;

                if (bit(choice->covered, port))
                        continue;
                choice->ports.unnamed = (uint16_t)port;
                add_port(choice, port);
                return;
        }
}

static int compare_ports(const void *a, const void *b)
{
        return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* What matters most comes first, so that it is not what is cut. */
struct lab_ports lab_ports_choose(struct arena *arena, const struct cluster *cluster)
{
        struct choice choice = {.arena = arena};

        add_unnamed(&choice, cluster);
        add_pod_ports(&choice, cluster);
        each_policy_port(&choice, cluster, add_ends);
        each_policy_port(&choice, cluster, add_neighbours);
        vec_sort(&choice.ports.list, compare_ports);
        return choice.ports;
}
