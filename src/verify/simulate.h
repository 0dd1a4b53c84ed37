#pragma once

#include "rules/ruleset.h"

/* One packet through rules, as the kernel would run it.
 *
 * Truth has three values: what is not understood is never taken for a yes or a no. */
enum truth { NO, YES, UNKNOWN };

enum outcome {
        OUTCOME_PASS,    /* accepted, or came to the end of a chain without a policy of DROP */
        OUTCOME_DROP,    /* dropped or rejected */
        OUTCOME_UNKNOWN, /* a match, target or set that this does not know stood in the way */
};

/* Fields that a packet may have without our knowing what is in them. */
enum sim_field {
        SIM_SOURCE = 1,
        SIM_DESTINATION = 2,
        SIM_SOURCE_PORT = 4,
        SIM_DESTINATION_PORT = 8,
        SIM_STATE = 16,      /* of which connection it is, if of any */
        SIM_TRANSLATED = 32, /* CT_SNAT, CT_DNAT */
        SIM_HOP_LIMIT = 64,
        SIM_SETS = 128, /* what is in sets, by now */
        SIM_REST = 256, /* protocol, flags, types */
};

struct sim_packet {
        struct ip source, destination;
        uint8_t protocol; /* IANA's: 1 for ICMP, 58 for ICMPv6 */
        uint16_t source_port, destination_port;
        uint8_t tcp_flags; /* of enum tcp_flag */
        bool sctp_init;    /* INIT is its only chunk */
        uint8_t icmp_type, icmp_code;
        uint8_t hop_limit;
        uint32_t state; /* of enum ct_state: one state, and CT_SNAT, CT_DNAT */
        uint32_t mark, connmark;
        const char *in_interface, *out_interface; /* "" where none; NULL where not known */
        /* Not known, be it that a rule which may have matched set them or that NAT chose: what they
         * hold is a guess. Nothing, in a packet that begins as all 0. */
        uint32_t unknown;                        /* of enum sim_field */
        uint32_t mark_unknown, connmark_unknown; /* these bits */
};

/* A new connection's first packet: TCP with SYN, SCTP with INIT, ICMP as echo request, hop
 * limit 63, no mark. */
struct sim_packet sim_packet_new(const struct ip *source, const struct ip *destination,
                                 enum protocol protocol, uint16_t port);

/* What a node knows besides its rules. Lists may be empty where nothing is known: an address is
 * then told by its looks alone (multicast, 255.255.255.255, loopback), and what these don't settle
 * is UNKNOWN. */
struct sim_node {
        bool known;
        const struct ip *locals, *broadcasts; /* sorted by ip_compare */
        size_t n_locals, n_broadcasts;
        /* The first address of each link, where REDIRECT leads what came in by it. A link that is
         * not among them may have none, and then what is redirected is dropped. */
        const struct sim_link *links;
        size_t n_links;
};

struct sim_link {
        const char *name;
        struct ip ip; /* one entry for each family */
};

/* How matches that chance, time or history decide (limit, statistic, recent) come out. */
enum chance { CHANCE_UNKNOWN, CHANCE_MATCHES, CHANCE_FAILS, CHANCE_MIXED };

struct sim_options {
        const struct sim_node *node; /* NULL: nothing is known */
        enum chance chance;
        /* CHANCE_MIXED: those that match; all others fail. */
        const struct match *const *lucky;
        size_t n_lucky;
        /* Called for each rule that matches, or may; NULL where nobody wants to know. */
        void (*trace)(const struct table *table, const struct chain *chain, const struct rule *rule,
                      enum truth truth, void *data);
        void *trace_data;
};

struct sim_result {
        enum outcome outcome;
        const struct table *table; /* of the rule that decided; NULL where nothing did */
        const struct chain *chain;
        const struct rule *rule;  /* NULL where a chain's policy decided, or nothing */
        unsigned evaluated;       /* rules looked at: the packet's cost */
        struct sim_packet packet; /* as it leaves: marks, addresses and ports translated */
        bool rerouted;            /* simulate_path(): to other addresses than it began with */
};

enum sim_hook { HOOK_PREROUTING, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT, HOOK_POSTROUTING };
const char *sim_hook_name(enum sim_hook hook); /* "FORWARD" */

/* Behind so many rules no packet is followed into another chain: it is unknown what becomes of it.
 */
#define SIM_MAX_RULES 1000000

/* All tables of one hook, in the kernel's order: raw, mangle, nat where it translates destinations
 * (PREROUTING, OUTPUT), filter, security, nat where it translates sources (INPUT, POSTROUTING), of
 * every ruleset. nat is for what begins a connection. A table or chain that is absent passes. In
 * the raw table no packet is of a connection yet. options may be NULL.
 *
 * Where a rule may match or not, both ways are followed: the outcome is unknown only where they end
 * differently, and then the result names the first such rule. Of two rulesets' tables the kernel
 * may take either first; where that makes a difference, both orders count. */
struct sim_result simulate(const struct enforced *enforced, enum sim_hook hook,
                           const struct sim_packet *packet, const struct sim_options *options);

/* Of one ruleset that holds its own sets, as compile() makes it, at a node without addresses: what
 * is not told by its looks is any other host. */
struct sim_result simulate_ruleset(const struct ruleset *ruleset, enum sim_hook hook,
                                   const struct sim_packet *packet);

/* From the wire to the wire or a socket: PREROUTING, then INPUT where the destination is the node's
 * own by then and FORWARD (a hop less) where not, POSTROUTING. from_node: OUTPUT, POSTROUTING, and
 * back by loopback where the destination is the node's own. Whether an address is the node's own is
 * options->node's knowledge; where that is not known, or NAT leads nobody knows where, both ways
 * are followed.
 *
 * state is what conntrack will say of the packet; what it says of NAT is of before. out_interface
 * is where routes lead the packet as it is: once its destination is translated it is not known any
 * more. Routes by mark are left out. */
struct sim_result simulate_path(const struct enforced *enforced, bool from_node,
                                const struct sim_packet *packet, const struct sim_options *options);

/* One match of one packet, inversion applied. */
enum truth sim_match(const struct ruleset *sets, const struct match *match,
                     const struct sim_packet *packet, const struct sim_options *options);
