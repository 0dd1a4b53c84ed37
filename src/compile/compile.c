#include "compile/compile.h"

#include "compile/class_chain.h"
#include "compile/dispatch.h"
#include "compile/link.h"

/* From the hooks down: FORWARD leads to PENSTOCK-FORWARD. There established and related packets
 * leave; then
 *
 *     PENSTOCK-EGRESS    leads by source to the class's chain, which returns what is allowed and
 *                        sends the rest to PENSTOCK-DENY
 *     PENSTOCK-INGRESS   by destination, likewise
 *
 * PENSTOCK-INPUT is there only where egress rules apply towards the pod's own node, and
 * PENSTOCK-OUTPUT then, so that the node takes up no connection that was cut.
 *
 * What returns from both is allowed, and goes on through the rules of others. Traffic between a pod
 * and its own node passes INPUT and OUTPUT only, so that "always allowed" needs no rule at all. */

#define CHAIN_FORWARD   CHAIN_PREFIX "FORWARD"
#define CHAIN_INPUT     CHAIN_PREFIX "INPUT"
#define CHAIN_OUTPUT    CHAIN_PREFIX "OUTPUT"
#define CHAIN_MIDSTREAM CHAIN_PREFIX "MIDSTREAM"

static const char *const dispatch_chains[DIRECTIONS] = {
    [DIRECTION_INGRESS] = CHAIN_PREFIX "INGRESS",
    [DIRECTION_EGRESS] = CHAIN_PREFIX "EGRESS",
};

/* Sets of local isolated addresses, by family. */
static const char *const isolated_sets[FAMILIES] = {SET_PREFIX "isolated-4",
                                                    SET_PREFIX "isolated-6"};

static struct target target_of(enum target_kind kind, const char *text)
{
        return (struct target){.kind = kind, .text = text};
}

static void add_plain(struct compiler *compiler, struct chain *chain, const char *comment,
                      struct target target)
{
        compiler_add_rule(compiler, chain, NULL, 0, comment, target);
}

static void add_icmpv6_of_link(struct compiler *compiler, struct chain *chain, uint8_t type,
                               uint8_t hop_limit, const char *comment)
{
        struct match matches[] = {
            {.kind = MATCH_PROTOCOL, .number = PROTOCOL_ICMPV6},
            {.kind = MATCH_ICMP_TYPE, .icmp = {.type = type, .any_code = true}},
            {.kind = MATCH_HOP_LIMIT, .number = hop_limit},
        };

        compiler_add_rule(compiler, chain, matches, ARRAY_SIZE(matches), comment,
                          target_of(TARGET_RETURN, NULL));
}

static void add_deny(struct compiler *compiler, struct table *table)
{
        /* RFC 3810: without its reports, a bridge that snoops keeps neighbour discovery back. */
        static const uint8_t listener[] = {130, 131, 132, 143};
        static const char *const prohibited[FAMILIES] = {"icmp-admin-prohibited",
                                                         "icmp6-adm-prohibited"};
        struct chain *chain = table_add_chain(compiler->ruleset, table, CHAIN_DENY);

        /* RFC 4861: hop limit 255 proves that no router passed it on. Only bridged packets come
         * here. */
        for (uint8_t type = 133; table->family == FAMILY_IPV6 && type <= 137; type++)
                add_icmpv6_of_link(compiler, chain, type, 255, "penstock: neighbour discovery");
        for (size_t i = 0; table->family == FAMILY_IPV6 && i < ARRAY_SIZE(listener); i++)
                add_icmpv6_of_link(compiler, chain, listener[i], 1,
                                   "penstock: multicast listeners");
        if (compiler->options->deny == DENY_REJECT) {
                struct match tcp = {.kind = MATCH_PROTOCOL, .number = PROTOCOL_TCP};
                compiler_add_rule(compiler, chain, &tcp, 1, "penstock: denied",
                                  target_of(TARGET_REJECT, "tcp-reset"));
                add_plain(compiler, chain, "penstock: denied",
                          target_of(TARGET_REJECT, prohibited[table->family]));
                return;
        }
        add_plain(compiler, chain, "penstock: denied", target_of(TARGET_DROP, NULL));
}

/* TCP and SCTP that conntrack does not know, and that does not begin a connection. Conntrack would
 * take it up as a new one in the direction of this packet (of SCTP, a heartbeat), so that a
 * connection that was cut would live on through the server's packets: they look as if the server
 * had opened it. */
static void add_midstream(struct compiler *compiler, struct table *table)
{
        struct chain *chain = table_add_chain(compiler->ruleset, table, CHAIN_MIDSTREAM);
        const char *set = isolated_sets[table->family];

        for (enum set_end end = SET_SOURCE; end <= SET_DESTINATION; end++) {
                struct match match = match_set(set, end);
                compiler_add_rule(compiler, chain, &match, 1,
                                  "penstock: of no known connection of an isolated pod",
                                  target_of(TARGET_DROP, NULL));
        }
}

static bool ports_name_sctp(const struct policy_rules *rules)
{
        for (size_t i = 0; i < rules->n; i++)
                for (size_t j = 0; j < rules->items[i].ports.n; j++)
                        if (rules->items[i].ports.items[j].protocol == PROTOCOL_SCTP)
                                return true;
        return false;
}

/* Is there SCTP to be cut, by the word of the local pods or of their policies? Elsewhere its rule
 * would ask every new connection for nothing, and need a match that a small kernel may lack. */
static bool names_sctp(const struct classes *classes)
{
        vec_foreach (const struct member, member, &classes->members)
                for (size_t i = 0; i < member->pod->ports.n; i++)
                        if (member->pod->ports.items[i].protocol == PROTOCOL_SCTP)
                                return true;
        vec_foreach (struct class *, class, &classes->list)
                for (size_t i = 0; i < (*class)->n_policies; i++)
                        if (ports_name_sctp(&(*class)->policies[i]->rules[(*class)->direction]))
                                return true;
        return false;
}

static void add_to_midstream(struct compiler *compiler, struct chain *chain, enum protocol protocol,
                             struct match begins)
{
        struct match matches[] = {{.kind = MATCH_PROTOCOL, .number = protocol}, begins};
        const char *comment = arena_printf(
            compiler->arena, "penstock: %s that begins no connection", protocol_name(protocol));

        matches[1].invert = true;
        compiler_add_rule(compiler, chain, matches, ARRAY_SIZE(matches), comment,
                          target_of(TARGET_JUMP, CHAIN_MIDSTREAM));
}

static void add_hook(struct compiler *compiler, struct table *table, const char *hook,
                     const char *name, unsigned directions, bool sctp, bool link)
{
        struct match established = {.kind = MATCH_CTSTATE, .flags = CT_ESTABLISHED | CT_RELATED};
        struct match syn = {
            .kind = MATCH_TCP_FLAGS,
            .tcp_flags = {.mask = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, .set = TCP_SYN}};
        struct match init = {.kind = MATCH_SCTP_INIT};
        struct chain *chain = table_add_chain(compiler->ruleset, table, name);

        compiler_add_rule(compiler, chain, &established, 1, "penstock: established and related",
                          target_of(TARGET_RETURN, NULL));
        add_to_midstream(compiler, chain, PROTOCOL_TCP, syn);
        if (sctp)
                add_to_midstream(compiler, chain, PROTOCOL_SCTP, init);
        if (link)
                link_add_sources(compiler, chain, table->family);
        if (directions & 1 << DIRECTION_EGRESS)
                add_plain(compiler, chain, "penstock: egress of local pods",
                          target_of(TARGET_JUMP, dispatch_chains[DIRECTION_EGRESS]));
        if (directions & 1 << DIRECTION_INGRESS)
                add_plain(compiler, chain, "penstock: ingress of local pods",
                          target_of(TARGET_JUMP, dispatch_chains[DIRECTION_INGRESS]));
        chain = table_add_chain(compiler->ruleset, table, hook);
        add_plain(compiler, chain, "penstock: network policy", target_of(TARGET_JUMP, name));
}

static void add_isolated_set(struct compiler *compiler, const struct classes *by_direction,
                             enum family family)
{
        struct set *isolated =
            ruleset_add_set(compiler->ruleset, isolated_sets[family], SET_HASH_IP, family);

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                vec_foreach (const struct member, member, &by_direction[d].members) {
                        const struct ip *ip = pod_ip(member->pod, family);
                        if (!ip)
                                continue;
                        struct set_element element = {.prefix = prefix_host(ip)};
                        vec_push(compiler->arena, &isolated->elements, element);
                }
}

static void add_family(struct compiler *compiler, const struct classes *by_direction,
                       enum family family)
{
        struct table *table = ruleset_add_table(compiler->ruleset, family, "filter");
        bool sctp = names_sctp(&by_direction[DIRECTION_INGRESS]) ||
                    names_sctp(&by_direction[DIRECTION_EGRESS]);

        bool link = by_direction[DIRECTION_INGRESS].members.n > 0 ||
                    by_direction[DIRECTION_EGRESS].members.n > 0;

        add_isolated_set(compiler, by_direction, family);
        if (link)
                link_add_set(compiler, family);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                vec_foreach (struct class *, class, &by_direction[d].list)
                        class_chain_compile(compiler, table, *class);
                dispatch_compile(compiler, table, dispatch_chains[d], &by_direction[d], d, link);
        }
        add_deny(compiler, table);
        add_midstream(compiler, table);
        add_hook(compiler, table, "FORWARD", CHAIN_FORWARD,
                 1 << DIRECTION_EGRESS | 1 << DIRECTION_INGRESS, sctp, link);
        if (!compiler->options->own_node_egress)
                return;
        add_hook(compiler, table, "INPUT", CHAIN_INPUT, 1 << DIRECTION_EGRESS, sctp, false);
        add_hook(compiler, table, "OUTPUT", CHAIN_OUTPUT, 0, sctp, false);
}

void compiler_run(struct compiler *compiler)
{
        struct classes by_direction[DIRECTIONS];

        classes_find(compiler, by_direction);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                add_family(compiler, by_direction, family);
        ruleset_finish(compiler->ruleset);
}
