#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/vec.h"

/* A ruleset as data: what compile writes, the printers print, the parsers read from the kernel,
 * simulate runs and list shows. Everything lives in the arena it was built in. */

/* What is penstock's own: chains and sets of these names, and jumps to such chains from the
 * built-in ones. */
#define CHAIN_PREFIX "PENSTOCK-"
#define SET_PREFIX   "penstock-"
/* Where what is denied goes, whatever else is installed: it lets through the same in any state. */
#define CHAIN_DENY CHAIN_PREFIX "DENY"

enum match_kind {
        MATCH_SOURCE,       /* prefix */
        MATCH_DESTINATION,  /* prefix */
        MATCH_IN_INTERFACE, /* text */
        MATCH_OUT_INTERFACE,
        MATCH_PROTOCOL,         /* number */
        MATCH_COMMENT,          /* text */
        MATCH_CTSTATE,          /* flags: enum ct_state */
        MATCH_SET,              /* set */
        MATCH_DESTINATION_PORT, /* ports, one range; the rule names the protocol */
        MATCH_SOURCE_PORT,
        MATCH_DESTINATION_PORTS, /* ports, up to 15 slots, a range takes two (xt_multiport) */
        MATCH_SOURCE_PORTS,
        MATCH_TCP_FLAGS,        /* tcp_flags */
        MATCH_SCTP_INIT,        /* a packet with an INIT chunk and nothing else; no argument */
        MATCH_ICMP_TYPE,        /* icmp; the rule's family says which ICMP */
        MATCH_HOP_LIMIT,        /* number; equality */
        MATCH_DESTINATION_TYPE, /* flags: enum address_type */
        MATCH_UNKNOWN,          /* text, verbatim; no claim about what it means */
};

enum ct_state { CT_INVALID = 1, CT_NEW = 2, CT_ESTABLISHED = 4, CT_RELATED = 8, CT_UNTRACKED = 16 };

/* As in the header (RFC 9293). */
enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

/* What the node's own routes say of an address: a broadcast of one of its links, multicast. */
enum address_type { ADDRESS_BROADCAST = 1, ADDRESS_MULTICAST = 2 };

/* Which of the packet's ends each dimension of a set is compared with. */
enum set_end { SET_SOURCE, SET_DESTINATION };
#define SET_DIMENSIONS 2

struct match {
        enum match_kind kind;
        bool invert;
        union {
                struct prefix prefix;
                uint32_t number;
                uint32_t flags;
                const char *text;
                struct {
                        const char *name;
                        uint8_t ends[SET_DIMENSIONS]; /* enum set_end */
                        uint8_t n_ends;
                } set;
                struct {
                        const struct port_range *items;
                        size_t n;
                } ports;
                struct {
                        uint8_t mask, set; /* of enum tcp_flag */
                } tcp_flags;
                struct {
                        uint8_t type, code;
                        bool any_code;
                } icmp;
        };
};

enum target_kind {
        TARGET_NONE, /* counts and goes on */
        TARGET_ACCEPT,
        TARGET_DROP,
        TARGET_RETURN,
        TARGET_REJECT, /* reject_with */
        TARGET_JUMP,   /* chain */
        TARGET_GOTO,   /* chain */
        TARGET_UNKNOWN,
};

struct target {
        enum target_kind kind;
        const char *text; /* chain; reject type ("tcp-reset"); verbatim where unknown; else NULL */
};

struct counters {
        uint64_t packets, bytes;
};

struct rule {
        VEC(struct match) matches;
        struct target target;
        struct counters counters;
};

struct chain {
        const char *name;
        const char *policy; /* "ACCEPT" or "DROP" of a built-in chain, NULL of any other */
        struct counters counters;
        VEC(struct rule) rules;
};

struct table {
        enum family family;
        const char *name; /* "filter" */
        VEC(struct chain) chains;
        struct map *by_name; /* table_chain() */
};

enum set_type { SET_HASH_IP, SET_HASH_NET, SET_HASH_IP_PORT, SET_UNKNOWN };

struct set_element {
        struct prefix prefix;
        uint8_t protocol; /* hash:ip,port; enum protocol */
        bool nomatch;
        uint16_t port;
        struct counters counters; /* of a set that counts, read back */
};

struct set {
        const char *name;
        enum set_type type;
        enum family family;
        bool counters;                    /* each element counts the packets that matched it */
        VEC(struct set_element) elements; /* sorted by set_element_compare once finished */
};

struct ruleset {
        struct arena *arena;
        VEC(struct table) tables;
        VEC(struct set) sets; /* sorted by name once finished */
};

struct ruleset *ruleset_new(struct arena *arena);
struct table *ruleset_table(const struct ruleset *ruleset, enum family family, const char *name);
/* Adds it where absent. The pointer holds until the next table is added. */
struct table *ruleset_add_table(struct ruleset *ruleset, enum family family, const char *name);
struct chain *table_chain(const struct table *table, const char *name); /* NULL where absent */
/* Adds an empty one; the name must be new. The pointer holds until the next chain is added. */
struct chain *table_add_chain(struct ruleset *ruleset, struct table *table, const char *name);
struct set *ruleset_set(const struct ruleset *ruleset, const char *name); /* sets sorted */
struct set *ruleset_add_set(struct ruleset *ruleset, const char *name, enum set_type type,
                            enum family family);
/* Sorts sets and their elements, drops elements given twice. */
void ruleset_finish(struct ruleset *ruleset);

void rule_add_match(struct ruleset *ruleset, struct rule *rule, struct match match);
const char *rule_comment(const struct rule *rule); /* NULL where it has none */
void counters_add(struct counters *sum, const struct counters *counters);

int set_element_compare(const struct set_element *a, const struct set_element *b);
/* The element equal to key in all but counters; the set is finished. NULL where there is none. */
const struct set_element *set_find(const struct set *set, const struct set_element *key);
const char *set_type_name(enum set_type type); /* "hash:ip" */
/* Do they hold the same? Counters do not count; both are finished. */
bool set_content_equal(const struct set *a, const struct set *b);
/* Is it one that only spares a walk: what it holds, rules further down its chain allow, too? These
 * are the sets that count. */
bool set_is_shortcut(const struct set *set);

/* What the two mean to the kernel; counters do not count. Matches may stand in any order:
 * iptables-nft prints them in another order than they were given. */
bool rule_equal(const struct rule *a, const struct rule *b);
bool chain_rules_equal(const struct chain *a, const struct chain *b);
