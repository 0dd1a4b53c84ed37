#include "universe.h"

#include <string.h>

struct gathering {
        struct arena *arena;
        VEC(struct prefix) prefixes;
        VEC(uint16_t) ports, source_ports;
        VEC(const char *) interfaces;
        bool chance;
        VEC(uint8_t) icmp_types, hop_limits;
        bool source_pairs; /* rules ask sets of source ports */
        bool flags;        /* rules ask for other flags than those that penstock asks for */
};

static void add_prefix(struct gathering *gathering, const struct prefix *prefix)
{
        vec_push(gathering->arena, &gathering->prefixes, *prefix);
}

static void add_host(struct gathering *gathering, const struct ip *ip)
{
        struct prefix host = prefix_host(ip);

        add_prefix(gathering, &host);
}

static void add_range(struct gathering *gathering, struct port_range range)
{
        vec_push(gathering->arena, &gathering->ports, range.first);
        if (range.last < UINT16_MAX)
                vec_push(gathering->arena, &gathering->ports, (uint16_t)(range.last + 1));
}

/* What no object names and the reference knows all the same; what no wire carries; and everything.
 */
static void add_of_link(struct gathering *gathering)
{
        static const char *const known[] = {
            "0.0.0.0/0", "224.0.0.0/4", "255.255.255.255/32", "0.0.0.0/8", "127.0.0.0/8",
            "::/0",      "fe80::/10",   "ff00::/8",           "::/128",    "::1/128"};
        struct prefix prefix;

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (prefix_parse(known[i], &prefix, NULL))
                        add_prefix(gathering, &prefix);
}

static void add_policy_rule(struct gathering *gathering, const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (!peer_is_ip_block(peer))
                        continue;
                add_prefix(gathering, &peer->cidr);
                for (size_t j = 0; j < peer->except.n; j++)
                        add_prefix(gathering, &peer->except.items[j]);
        }
        for (size_t i = 0; i < rule->ports.n; i++)
                if (!rule->ports.items[i].name)
                        add_range(gathering, rule->ports.items[i].range);
}

static void add_cluster(struct gathering *gathering, const struct cluster *cluster)
{
        vec_foreach (const struct pod, pod, &cluster->pods) {
                for (size_t i = 0; i < pod->ips.n; i++)
                        add_host(gathering, &pod->ips.items[i]);
                for (size_t i = 0; i < pod->ports.n; i++)
                        add_range(gathering, (struct port_range){pod->ports.items[i].port,
                                                                 pod->ports.items[i].port});
        }
        vec_foreach (const struct node, node, &cluster->nodes)
                for (size_t i = 0; i < node->addresses.n; i++)
                        add_host(gathering, &node->addresses.items[i]);
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        for (size_t i = 0; i < policy->rules[d].n; i++)
                                add_policy_rule(gathering, &policy->rules[d].items[i]);
}

/* "eth+" takes in eth0. */
static const char *interface_of(struct arena *arena, const char *pattern)
{
        size_t length = strlen(pattern);

        if (length && pattern[length - 1] == '+')
                return arena_printf(arena, "%.*s0", (int)length - 1, pattern);
        return pattern;
}

static void add_match(struct gathering *gathering, const struct match *match)
{
        switch (match->kind) {
        case MATCH_SOURCE:
        case MATCH_DESTINATION:
                add_prefix(gathering, &match->prefix);
                return;
        case MATCH_IN_INTERFACE:
        case MATCH_OUT_INTERFACE:
                vec_push(gathering->arena, &gathering->interfaces,
                         interface_of(gathering->arena, match->text));
                return;
        case MATCH_DESTINATION_PORT:
        case MATCH_DESTINATION_PORTS:
                for (size_t i = 0; i < match->ports.n; i++)
                        add_range(gathering, match->ports.items[i]);
                return;
        case MATCH_SOURCE_PORT:
        case MATCH_SOURCE_PORTS:
                for (size_t i = 0; i < match->ports.n; i++)
                        vec_push(gathering->arena, &gathering->source_ports,
                                 match->ports.items[i].first);
                return;
        case MATCH_ICMP_TYPE:
                vec_push(gathering->arena, &gathering->icmp_types, match->icmp.type);
                return;
        case MATCH_HOP_LIMIT:
                vec_push(gathering->arena, &gathering->hop_limits, (uint8_t)match->number);
                return;
        case MATCH_TCP_FLAGS:
                gathering->flags |=
                    match->tcp_flags.set != TCP_SYN ||
                    match->tcp_flags.mask != (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
                return;
        case MATCH_SET:
                gathering->source_pairs |=
                    match->set.n_ends > 1 && match->set.ends[1] == SET_SOURCE;
                return;
        case MATCH_CHANCE:
                gathering->chance = true;
                return;
        default:
                return;
        }
}

static void add_rules(struct gathering *gathering, const struct ruleset *ruleset)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                vec_foreach (const struct match, match, &rule->matches)
                                        add_match(gathering, match);
}

static void add_sets(struct gathering *gathering, const struct ruleset *ruleset)
{
        vec_foreach (const struct set, set, &ruleset->sets)
                vec_foreach (const struct set_element, element, &set->elements) {
                        add_prefix(gathering, &element->prefix);
                        if (set->type == SET_HASH_IP_PORT && gathering->source_pairs)
                                vec_push(gathering->arena, &gathering->source_ports, element->port);
                        if (set->type == SET_HASH_IP_PORT)
                                add_range(gathering,
                                          (struct port_range){element->port, element->port});
                }
}

static int compare_prefixes(const void *a, const void *b)
{
        return prefix_compare(a, b);
}

static int compare_ports(const void *a, const void *b)
{
        return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static size_t once_each(uint16_t *ports, size_t n)
{
        size_t kept = 0;

        sort_items(ports, n, sizeof(*ports), compare_ports);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || ports[kept - 1] != ports[i])
                        ports[kept++] = ports[i];
        return kept;
}

static void sort_once_each(struct gathering *gathering)
{
        size_t n = 0;

        vec_sort(&gathering->prefixes, compare_prefixes);
        vec_foreach (struct prefix, prefix, &gathering->prefixes)
                if (n == 0 || !prefix_equal(&gathering->prefixes.items[n - 1], prefix))
                        gathering->prefixes.items[n++] = *prefix;
        gathering->prefixes.n = n;
        gathering->ports.n = once_each(gathering->ports.items, gathering->ports.n);
        gathering->source_ports.n =
            once_each(gathering->source_ports.items, gathering->source_ports.n);
}

/* The first address behind the prefix; false where there is none. */
static bool behind(const struct prefix *prefix, struct ip *ret)
{
        struct ip ip = prefix->ip;

        for (unsigned bit = prefix->length; bit < family_bits(ip.family); bit++)
                ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        for (unsigned i = family_bits(ip.family) / 8; i-- > 0;)
                if (++ip.bytes[i] != 0) {
                        *ret = ip;
                        return true;
                }
        return false;
}

/* The longest prefix that takes the address in. Prefixes lie inside each other or apart, so
 * addresses with the same one are told apart by none. */
static size_t innermost(const struct gathering *gathering, const struct ip *ip)
{
        size_t found = 0;

        for (size_t i = 0; i < gathering->prefixes.n; i++)
                if (prefix_contains(&gathering->prefixes.items[i], ip))
                        found = i; /* longer ones sort behind what they lie in */
        return found;
}

static void add_address(struct arena *arena, const struct gathering *gathering, bool *seen,
                        const struct ip *ip, struct universe *universe)
{
        size_t at = innermost(gathering, ip);

        if (!seen[at])
                vec_push(arena, &universe->addresses[ip->family], *ip);
        seen[at] = true;
}

static void choose_addresses(struct arena *arena, const struct gathering *gathering,
                             struct universe *universe)
{
        bool *seen = arena_new_array(arena, bool, gathering->prefixes.n);
        struct ip next;

        vec_foreach (const struct prefix, prefix, &gathering->prefixes)
                if (prefix->length > 0) /* 0.0.0.0 is no packet's */
                        add_address(arena, gathering, seen, &prefix->ip, universe);
        vec_foreach (const struct prefix, prefix, &gathering->prefixes)
                if (behind(prefix, &next))
                        add_address(arena, gathering, seen, &next, universe);
}

struct moment {
        uint32_t state;
        uint8_t tcp_flags;
        bool later, of_tcp;
};

static const struct moment moments[] = {
    {CT_NEW, TCP_SYN, false, false},         {CT_NEW, TCP_ACK, true, false},
    {CT_NEW, TCP_SYN | TCP_ACK, true, true}, {CT_NEW, TCP_SYN | TCP_PSH, false, true},
    {CT_ESTABLISHED, TCP_ACK, false, false}, {CT_RELATED, TCP_SYN, false, false},
    {CT_RELATED, TCP_ACK, true, false},      {CT_INVALID, TCP_SYN, false, false},
    {CT_INVALID, TCP_RST, true, false},      {CT_UNTRACKED, TCP_SYN, false, false},
    {CT_UNTRACKED, TCP_ACK, true, false},
};

static void add_all_flags(struct arena *arena, struct universe *universe, enum family family,
                          const struct sim_packet *shape)
{
        struct sim_packet packet = *shape;

        packet.state = CT_NEW;
        for (packet.tcp_flags = 0; packet.tcp_flags < 64; packet.tcp_flags++)
                vec_push(arena, &universe->shapes[family], packet);
}

/* Of what has no stages, only a connection's first packet and later ones differ. */
static void add_shapes(struct arena *arena, struct universe *universe, enum family family,
                       const struct sim_packet *shape, bool flags)
{
        bool tcp = shape->protocol == PROTOCOL_TCP, sctp = shape->protocol == PROTOCOL_SCTP;

        for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
                struct sim_packet packet = *shape;
                if (moments[i].of_tcp ? !tcp : !tcp && !sctp && moments[i].later)
                        continue;
                packet.state = moments[i].state;
                packet.tcp_flags = tcp ? moments[i].tcp_flags : 0;
                packet.sctp_init = sctp && !moments[i].later;
                vec_push(arena, &universe->shapes[family], packet);
        }
        if (tcp && flags)
                add_all_flags(arena, universe, family, shape);
}

static struct sim_packet icmp(enum family family, uint8_t type, uint8_t hop_limit)
{
        return (struct sim_packet){
            .protocol = family == FAMILY_IPV6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP,
            .icmp_type = type,
            .hop_limit = hop_limit,
            .state = CT_NEW,
        };
}

/* Types that rules name with hop limits that they name, and one of neither; beginning with
 * connections alone, because they are many. */
static void add_icmp_of_rules(struct arena *arena, struct gathering *gathering,
                              struct universe *universe, enum family family)
{
        bool seen[256][256] = {0};

        vec_push(gathering->arena, &gathering->icmp_types, 200);
        vec_push(gathering->arena, &gathering->icmp_types, family == FAMILY_IPV6 ? 128 : 8);
        vec_push(gathering->arena, &gathering->hop_limits, 63);
        vec_foreach (const uint8_t, type, &gathering->icmp_types)
                vec_foreach (const uint8_t, hops, &gathering->hop_limits) {
                        struct sim_packet packet = icmp(family, *type, *hops);
                        if (!seen[*type][*hops])
                                vec_push(arena, &universe->shapes[family], packet);
                        seen[*type][*hops] = true;
                }
}

static void add_icmp(struct arena *arena, struct universe *universe, enum family family,
                     uint8_t type, uint8_t hop_limit)
{
        struct sim_packet packet = icmp(family, type, hop_limit);

        add_shapes(arena, universe, family, &packet, false);
}

static void add_ports(struct arena *arena, const struct gathering *gathering,
                      struct universe *universe, enum family family, uint8_t protocol)
{
        for (size_t i = 0; i < gathering->ports.n; i++) {
                struct sim_packet packet = {
                    .protocol = protocol,
                    .source_port = 40000,
                    .destination_port = gathering->ports.items[i],
                    .hop_limit = 63,
                };
                add_shapes(arena, universe, family, &packet, gathering->flags);
                vec_foreach (const uint16_t, port, &gathering->source_ports) {
                        packet.source_port = *port;
                        add_shapes(arena, universe, family, &packet, gathering->flags);
                }
        }
}

#define GRE 47 /* what has no ports and is not ICMP */

static void choose_shapes(struct arena *arena, struct gathering *gathering,
                          struct universe *universe, enum family family)
{
        static const uint8_t with_ports[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};
        static const uint8_t neighbours[] = {133, 134, 135, 136, 137},
                             listeners[] = {130, 131, 132, 143};
        struct sim_packet other = {.protocol = GRE, .hop_limit = 63};

        for (size_t i = 0; i < ARRAY_SIZE(with_ports); i++)
                add_ports(arena, gathering, universe, family, with_ports[i]);
        add_shapes(arena, universe, family, &other, false);
        add_icmp_of_rules(arena, gathering, universe, family);
        if (family == FAMILY_IPV4) {
                add_icmp(arena, universe, family, 8, 63);
                return;
        }
        add_icmp(arena, universe, family, 128, 63);
        for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++)
                add_icmp(arena, universe, family, neighbours[i], 255);
        for (size_t i = 0; i < ARRAY_SIZE(listeners); i++)
                add_icmp(arena, universe, family, listeners[i], 1);
}

struct universe universe_of(struct arena *arena, const struct cluster *cluster,
                            const struct enforced *enforced)
{
        struct gathering gathering = {.arena = arena};
        struct universe universe = {0};

        vec_push(arena, &gathering.ports, 0);
        add_of_link(&gathering);
        add_cluster(&gathering, cluster);
        for (size_t i = 0; i < enforced->n; i++)
                add_rules(&gathering, enforced->rules[i]);
        add_sets(&gathering, enforced->sets);
        sort_once_each(&gathering);
        choose_addresses(arena, &gathering, &universe);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                choose_shapes(arena, &gathering, &universe, family);
        vec_push(arena, &universe.interfaces, "fresh0");
        vec_foreach (const char *, name, &gathering.interfaces)
                vec_push(arena, &universe.interfaces, *name);
        universe.chance = gathering.chance;
        return universe;
}
