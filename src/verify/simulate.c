#include "verify/simulate.h"

#include <string.h>

#include "verify/set_test.h"

#define MAX_DEPTH 64 /* the kernel's own limit is 16 nested jumps in nf_tables */

struct run {
        const struct ruleset *sets;
        const struct table *table;
        const struct sim_packet *packet;
        struct sim_result result;
        unsigned depth;
};

static enum truth truth_of(bool yes)
{
        return yes ? YES : NO;
}

static bool has_ports(uint8_t protocol)
{
        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}

static bool is_icmp(uint8_t protocol)
{
        return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

static bool interface_matches(const char *pattern, const char *name)
{
        size_t length = strlen(pattern);

        if (length && pattern[length - 1] == '+')
                return strncmp(pattern, name, length - 1) == 0;
        return strcmp(pattern, name) == 0;
}

static enum truth ports_match(const struct sim_packet *packet, const struct match *match,
                              uint16_t port)
{
        if (!has_ports(packet->protocol))
                return NO;
        for (size_t i = 0; i < match->ports.n; i++)
                if (port_range_contains(match->ports.items[i], port))
                        return YES;
        return NO;
}

static enum truth icmp_matches(const struct sim_packet *packet, const struct match *match)
{
        if (!is_icmp(packet->protocol))
                return NO;
        return truth_of(packet->icmp_type == match->icmp.type &&
                        (match->icmp.any_code || packet->icmp_code == match->icmp.code));
}

/* By the address alone: which addresses are broadcasts of the node's links, a ruleset does not
 * say. */
static enum truth destination_type_matches(const struct sim_packet *packet, uint32_t types)
{
        const uint8_t *bytes = packet->destination.bytes;

        if (packet->destination.family == FAMILY_IPV6)
                return truth_of(types & ADDRESS_MULTICAST && bytes[0] == 0xff);
        return truth_of((types & ADDRESS_MULTICAST && bytes[0] >= 224 && bytes[0] < 240) ||
                        (types & ADDRESS_BROADCAST && memcmp(bytes, "\xff\xff\xff\xff", 4) == 0));
}

static enum truth evaluate(const struct run *run, const struct match *match)
{
        const struct sim_packet *packet = run->packet;

        switch (match->kind) {
        case MATCH_SOURCE:
                return truth_of(prefix_contains(&match->prefix, &packet->source));
        case MATCH_DESTINATION:
                return truth_of(prefix_contains(&match->prefix, &packet->destination));
        case MATCH_IN_INTERFACE:
                return truth_of(interface_matches(match->text, packet->in_interface));
        case MATCH_OUT_INTERFACE:
                return truth_of(interface_matches(match->text, packet->out_interface));
        case MATCH_PROTOCOL:
                return truth_of(match->number == 0 || match->number == packet->protocol);
        case MATCH_COMMENT:
                return YES;
        case MATCH_CTSTATE:
                return truth_of(match->flags & packet->state);
        case MATCH_SET:
                return set_test(run->sets, match, packet);
        case MATCH_DESTINATION_PORT:
        case MATCH_DESTINATION_PORTS:
                return ports_match(packet, match, packet->destination_port);
        case MATCH_SOURCE_PORT:
        case MATCH_SOURCE_PORTS:
                return ports_match(packet, match, packet->source_port);
        case MATCH_TCP_FLAGS:
                return truth_of(packet->protocol == PROTOCOL_TCP &&
                                (packet->tcp_flags & match->tcp_flags.mask) ==
                                    match->tcp_flags.set);
        case MATCH_SCTP_INIT:
                return truth_of(packet->protocol == PROTOCOL_SCTP && packet->sctp_init);
        case MATCH_ICMP_TYPE:
                return icmp_matches(packet, match);
        case MATCH_HOP_LIMIT:
                return truth_of(packet->hop_limit == match->number);
        case MATCH_DESTINATION_TYPE:
                return destination_type_matches(packet, match->address_type.types);
        default:
                return UNKNOWN;
        }
}

static enum truth rule_matches(const struct run *run, const struct rule *rule)
{
        enum truth all = YES;

        vec_foreach (const struct match, match, &rule->matches) {
                enum truth truth = evaluate(run, match);
                if (truth == UNKNOWN)
                        all = UNKNOWN;
                else if ((truth == YES) == match->invert)
                        return NO;
        }
        return all;
}

/* True where the packet's fate is decided; false where it fell off the end or returned. */
static bool run_chain(struct run *run, const struct chain *chain);

static bool decide(struct run *run, const struct chain *chain, const struct rule *rule,
                   enum outcome outcome)
{
        run->result.outcome = outcome;
        run->result.table = run->table;
        run->result.chain = chain;
        run->result.rule = rule;
        return true;
}

static bool enter(struct run *run, const struct chain *from, const struct rule *rule)
{
        const struct chain *to = table_chain(run->table, rule->target.text);

        if (!to || run->depth == MAX_DEPTH)
                return decide(run, from, rule, OUTCOME_UNKNOWN);
        run->depth++;
        bool decided = run_chain(run, to);
        run->depth--;
        return decided;
}

static bool run_chain(struct run *run, const struct chain *chain)
{
        vec_foreach (const struct rule, rule, &chain->rules) {
                run->result.evaluated++;
                enum truth truth = rule_matches(run, rule);
                if (truth == NO || rule->target.kind == TARGET_NONE)
                        continue;
                if (truth == UNKNOWN)
                        return decide(run, chain, rule, OUTCOME_UNKNOWN);
                switch (rule->target.kind) {
                case TARGET_ACCEPT:
                        return decide(run, chain, rule, OUTCOME_PASS);
                case TARGET_DROP:
                case TARGET_REJECT:
                        return decide(run, chain, rule, OUTCOME_DROP);
                case TARGET_RETURN:
                        return false;
                case TARGET_JUMP:
                        if (enter(run, chain, rule))
                                return true;
                        continue;
                case TARGET_GOTO:
                        return enter(run, chain, rule);
                case TARGET_NONE:
                        continue;
                default:
                        return decide(run, chain, rule, OUTCOME_UNKNOWN);
                }
        }
        return false;
}

const char *sim_hook_name(enum sim_hook hook)
{
        static const char *const names[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                            "POSTROUTING"};

        return names[hook];
}

struct sim_result simulate(const struct enforced *enforced, enum sim_hook hook,
                           const struct sim_packet *packet, const struct sim_options *options)
{
        struct run run = {
            .sets = enforced->sets,
            .table = ruleset_table(enforced->rules[0], packet->source.family, "filter"),
            .packet = packet,
        };
        const struct chain *chain = run.table ? table_chain(run.table, sim_hook_name(hook)) : NULL;

        run.result.packet = *packet;
        if (!chain || run_chain(&run, chain))
                return run.result;
        if (chain->policy && strcmp(chain->policy, "DROP") == 0)
                decide(&run, chain, NULL, OUTCOME_DROP);
        return run.result;
}

struct sim_result simulate_ruleset(const struct ruleset *ruleset, enum sim_hook hook,
                                   const struct sim_packet *packet)
{
        const struct enforced enforced = enforced_of(ruleset);

        return simulate(&enforced, hook, packet, NULL);
}

struct sim_packet sim_packet_new(const struct ip *source, const struct ip *destination,
                                 enum protocol protocol, uint16_t port)
{
        bool icmp = protocol == PROTOCOL_ICMP, v6 = source->family == FAMILY_IPV6;

        return (struct sim_packet){
            .source = *source,
            .destination = *destination,
            .protocol = icmp && v6 ? PROTOCOL_ICMPV6 : (uint8_t)protocol,
            .source_port = has_ports((uint8_t)protocol) ? 40000 : 0,
            .destination_port = port,
            .tcp_flags = protocol == PROTOCOL_TCP ? TCP_SYN : 0,
            .sctp_init = protocol == PROTOCOL_SCTP,
            .icmp_type = icmp ? (v6 ? 128 : 8) : 0,
            .hop_limit = 63,
            .state = CT_NEW,
            .in_interface = "",
            .out_interface = "",
        };
}
