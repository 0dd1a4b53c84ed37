#pragma once

#include "rules/ruleset.h"

/* One packet through the filter table of a ruleset, as the kernel would run it. */

enum outcome {
        OUTCOME_PASS,    /* accepted, or came to the end of a chain without a policy of DROP */
        OUTCOME_DROP,    /* dropped or rejected */
        OUTCOME_UNKNOWN, /* a match, target or set that this does not know stood in the way */
};

struct sim_packet {
        struct ip source, destination;
        uint8_t protocol; /* IANA's: 1 for ICMP, 58 for ICMPv6 */
        uint16_t source_port, destination_port;
        uint8_t tcp_flags; /* of enum tcp_flag */
        bool sctp_init;    /* INIT is its only chunk */
        uint8_t icmp_type, icmp_code;
        uint8_t hop_limit;
        enum ct_state state;
        const char *in_interface, *out_interface; /* "" where none */
};

/* A new connection's first packet: TCP with SYN, SCTP with INIT, ICMP as echo request, hop
 * limit 63. */
struct sim_packet sim_packet_new(const struct ip *source, const struct ip *destination,
                                 enum protocol protocol, uint16_t port);

struct sim_result {
        enum outcome outcome;
        const struct chain *chain; /* of the rule that decided; NULL where no rule did */
        const struct rule *rule;   /* NULL where a chain's policy or nothing did */
        unsigned evaluated;        /* rules looked at: the packet's cost */
};

/* hook: "FORWARD", "INPUT" or "OUTPUT". A chain that is absent passes. */
struct sim_result simulate(const struct ruleset *ruleset, const char *hook,
                           const struct sim_packet *packet);
