#include "verify/simulate.h"

#include <string.h>

#include "verify/set_test.h"
#include "verify/sim_address.h"

/* One match of one packet. Where the kernel's extension belongs to a protocol, the rule names that
 * protocol too (it is not loaded otherwise); a packet of another one fails it whether it is
 * inverted or not. */

static enum truth truth_of(bool yes)
{
        return yes ? YES : NO;
}

static bool has_ports(uint8_t protocol)
{
        enum { DCCP = 33, UDPLITE = 136 }; /* xt_multiport knows these, too */

        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
               protocol == DCCP || protocol == UDPLITE;
}

static bool is_icmp(const struct sim_packet *packet)
{
        return packet->protocol ==
               (packet->source.family == FAMILY_IPV6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

/* Does it only ask about packets of one protocol, and is this none? */
static bool is_beside_the_protocol(const struct match *match, const struct sim_packet *packet)
{
        switch (match->kind) {
        case MATCH_DESTINATION_PORT:
        case MATCH_SOURCE_PORT:
        case MATCH_DESTINATION_PORTS:
        case MATCH_SOURCE_PORTS:
        case MATCH_EITHER_PORTS:
                return !has_ports(packet->protocol);
        case MATCH_TCP_FLAGS:
                return packet->protocol != PROTOCOL_TCP;
        case MATCH_SCTP_INIT:
                return packet->protocol != PROTOCOL_SCTP;
        case MATCH_ICMP_TYPE:
                return !is_icmp(packet);
        case MATCH_CONNMARK: /* what is not tracked is no connection's */
                return packet->state & (CT_INVALID | CT_UNTRACKED);
        default:
                return false;
        }
}

static bool interface_matches(const char *pattern, const char *name)
{
        size_t length = strlen(pattern);

        if (length && pattern[length - 1] == '+')
                return strncmp(pattern, name, length - 1) == 0;
        return strcmp(pattern, name) == 0;
}

/* name NULL: not known. */
static enum truth test_interface(const char *pattern, const char *name)
{
        if (!name)
                return strcmp(pattern, "+") == 0 ? YES : UNKNOWN;
        return truth_of(interface_matches(pattern, name));
}

static bool is_in_range(const struct match *match, const struct ip *ip)
{
        return ip_compare(&match->range.first, ip) <= 0 && ip_compare(ip, &match->range.last) <= 0;
}

static bool is_among(const struct match *match, uint16_t port)
{
        for (size_t i = 0; i < match->ports.n; i++)
                if (port_range_contains(match->ports.items[i], port))
                        return true;
        return false;
}

/* Type 255 of ICMP is how iptables says "any". */
static bool icmp_matches(const struct match *match, const struct sim_packet *packet)
{
        if (packet->source.family == FAMILY_IPV4 && match->icmp.type == UINT8_MAX)
                return true;
        return packet->icmp_type == match->icmp.type &&
               (match->icmp.any_code || packet->icmp_code == match->icmp.code);
}

static enum truth test_mark(const struct match *match, uint32_t mark, uint32_t unknown)
{
        const uint32_t value = match->mark.value, mask = match->mark.mask;

        if (value & ~mask || (mark ^ value) & mask & ~unknown)
                return NO;
        return mask & unknown ? UNKNOWN : YES;
}

static enum truth test_state(uint32_t flags, const struct sim_packet *packet)
{
        const uint32_t translated = CT_SNAT | CT_DNAT;

        if (packet->unknown & SIM_STATE)
                return UNKNOWN;
        if (flags & packet->state & ~translated)
                return YES;
        if (packet->unknown & SIM_TRANSLATED)
                return flags & translated ? UNKNOWN : NO;
        return truth_of(flags & packet->state);
}

static enum truth test_type(const struct match *match, const struct sim_packet *packet,
                            const struct ip *ip, const struct sim_options *options)
{
        const bool limited = match->address_type.limit_in || match->address_type.limit_out;

        /* Sources of 0.0.0.0/8 are broadcasts, some or all by the kernel's age. So are destinations
         * then, but no packet to one gets as far as a filter: like the policies, this takes them
         * for any host. */
        if (ip == &packet->destination && ip->family == FAMILY_IPV4 && ip->bytes[0] == 0)
                return truth_of(match->address_type.types & ADDRESS_UNICAST);
        return sim_address_is_of_type(options ? options->node : NULL, ip, match->address_type.types,
                                      limited);
}

static enum truth test_chance(const struct match *match, const struct sim_options *options)
{
        static const enum truth truths[] = {[CHANCE_UNKNOWN] = UNKNOWN,
                                            [CHANCE_MATCHES] = YES,
                                            [CHANCE_FAILS] = NO,
                                            [CHANCE_MIXED] = NO};

        if (!options)
                return UNKNOWN;
        for (size_t i = 0; options->chance == CHANCE_MIXED && i < options->n_lucky; i++)
                if (options->lucky[i] == match)
                        return YES;
        return truths[options->chance];
}

/* The fields without which there is no answer; marks, states, links and sets see to it themselves.
 */
static uint32_t fields_of(const struct match *match)
{
        static const uint32_t fields[] = {
            [MATCH_SOURCE] = SIM_SOURCE,
            [MATCH_SOURCE_RANGE] = SIM_SOURCE,
            [MATCH_SOURCE_TYPE] = SIM_SOURCE,
            [MATCH_DESTINATION] = SIM_DESTINATION,
            [MATCH_DESTINATION_RANGE] = SIM_DESTINATION,
            [MATCH_DESTINATION_TYPE] = SIM_DESTINATION,
            [MATCH_SOURCE_PORT] = SIM_SOURCE_PORT,
            [MATCH_SOURCE_PORTS] = SIM_SOURCE_PORT,
            [MATCH_DESTINATION_PORT] = SIM_DESTINATION_PORT,
            [MATCH_DESTINATION_PORTS] = SIM_DESTINATION_PORT,
            [MATCH_EITHER_PORTS] = SIM_SOURCE_PORT | SIM_DESTINATION_PORT,
            [MATCH_PROTOCOL] = SIM_REST,
            [MATCH_TCP_FLAGS] = SIM_REST,
            [MATCH_SCTP_INIT] = SIM_REST,
            [MATCH_ICMP_TYPE] = SIM_REST,
            [MATCH_HOP_LIMIT] = SIM_HOP_LIMIT,
            [MATCH_CONNMARK] = SIM_STATE,
            [MATCH_UNKNOWN] = 0,
        };

        return fields[match->kind];
}

/* May the answer hang on what is not known of the packet? */
static bool set_is_in_doubt(const struct ruleset *sets, const struct match *match,
                            const struct sim_packet *packet)
{
        const struct set *set = ruleset_set(sets, match->set.name);
        uint32_t fields = SIM_SETS;

        if (!set)
                return true;
        bool whole = set->type == SET_HASH_IP || set->type == SET_HASH_NET ||
                     set->type == SET_BITMAP_IP || set->type == SET_HASH_NET_NET;
        for (size_t i = 0; i < match->set.n_ends; i++) {
                bool source = match->set.ends[i] == SET_SOURCE;
                fields |= source ? SIM_SOURCE : SIM_DESTINATION;
                if (!whole)
                        fields |= SIM_REST | (source ? SIM_SOURCE_PORT : SIM_DESTINATION_PORT);
        }
        return packet->unknown & fields ||
               (!whole &&
                (packet->mark_unknown || !packet->in_interface || !packet->out_interface));
}

static bool is_all_known(const struct sim_packet *packet)
{
        return !packet->unknown && !packet->mark_unknown && packet->in_interface &&
               packet->out_interface;
}

static enum truth test_set(const struct ruleset *sets, const struct match *match,
                           const struct sim_packet *packet)
{
        if (!is_all_known(packet) && set_is_in_doubt(sets, match, packet))
                return UNKNOWN;
        return set_test(sets, match, packet);
}

/* Before inversion, of a packet that it asks about. */
static enum truth test(const struct ruleset *sets, const struct match *match,
                       const struct sim_packet *packet, const struct sim_options *options)
{
        switch (match->kind) {
        case MATCH_SOURCE:
                return truth_of(prefix_contains(&match->prefix, &packet->source));
        case MATCH_DESTINATION:
                return truth_of(prefix_contains(&match->prefix, &packet->destination));
        case MATCH_SOURCE_RANGE:
                return truth_of(is_in_range(match, &packet->source));
        case MATCH_DESTINATION_RANGE:
                return truth_of(is_in_range(match, &packet->destination));
        case MATCH_IN_INTERFACE:
                return test_interface(match->text, packet->in_interface);
        case MATCH_OUT_INTERFACE:
                return test_interface(match->text, packet->out_interface);
        case MATCH_PROTOCOL:
                return truth_of(match->number == 0 || match->number == packet->protocol);
        case MATCH_COMMENT:
        case MATCH_COUNTS:
                return YES;
        case MATCH_CTSTATE:
                return test_state(match->flags, packet);
        case MATCH_SET:
                return test_set(sets, match, packet);
        case MATCH_DESTINATION_PORT:
        case MATCH_DESTINATION_PORTS:
                return truth_of(is_among(match, packet->destination_port));
        case MATCH_SOURCE_PORT:
        case MATCH_SOURCE_PORTS:
                return truth_of(is_among(match, packet->source_port));
        case MATCH_EITHER_PORTS:
                return truth_of(is_among(match, packet->source_port) ||
                                is_among(match, packet->destination_port));
        case MATCH_TCP_FLAGS:
                return truth_of((packet->tcp_flags & match->tcp_flags.mask) ==
                                match->tcp_flags.set);
        case MATCH_SCTP_INIT:
                return truth_of(packet->sctp_init);
        case MATCH_ICMP_TYPE:
                return truth_of(icmp_matches(match, packet));
        case MATCH_HOP_LIMIT:
                return truth_of(packet->hop_limit == match->number);
        case MATCH_SOURCE_TYPE:
                return test_type(match, packet, &packet->source, options);
        case MATCH_DESTINATION_TYPE:
                return test_type(match, packet, &packet->destination, options);
        case MATCH_MARK:
                return test_mark(match, packet->mark, packet->mark_unknown);
        case MATCH_CONNMARK:
                return test_mark(match, packet->connmark, packet->connmark_unknown);
        case MATCH_CHANCE:
        case MATCH_BEYOND:
        case MATCH_UNKNOWN:
                return UNKNOWN;
        }
        return UNKNOWN;
}

enum truth sim_match(const struct ruleset *sets, const struct match *match,
                     const struct sim_packet *packet, const struct sim_options *options)
{
        if (packet->unknown & fields_of(match))
                return UNKNOWN;
        if (match->kind == MATCH_CHANCE) /* as a whole, whatever it inverts */
                return test_chance(match, options);
        if (is_beside_the_protocol(match, packet))
                return NO;
        enum truth truth = test(sets, match, packet, options);
        return truth == UNKNOWN ? UNKNOWN : truth_of((truth == YES) != match->invert);
}
