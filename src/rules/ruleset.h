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
bool is_own_chain(const char *name);
bool is_own_set(const char *name);
/* Where what is denied goes, whatever else is installed: it lets through the same in any state. */
#define CHAIN_DENY CHAIN_PREFIX "DENY"

enum match_kind {
        MATCH_SOURCE,       /* prefix */
        MATCH_DESTINATION,  /* prefix */
        MATCH_SOURCE_RANGE, /* range; xt_iprange, ends included */
        MATCH_DESTINATION_RANGE,
        MATCH_IN_INTERFACE, /* text; "eth+" is every name that begins so */
        MATCH_OUT_INTERFACE,
        MATCH_PROTOCOL,         /* number */
        MATCH_COMMENT,          /* text */
        MATCH_CTSTATE,          /* flags: enum ct_state */
        MATCH_SET,              /* set */
        MATCH_DESTINATION_PORT, /* ports, one range; the rule names the protocol */
        MATCH_SOURCE_PORT,
        MATCH_DESTINATION_PORTS, /* ports, up to 15 slots, a range takes two (xt_multiport) */
        MATCH_SOURCE_PORTS,
        MATCH_EITHER_PORTS,     /* ports: source or destination (multiport --ports) */
        MATCH_TCP_FLAGS,        /* tcp_flags */
        MATCH_SCTP_INIT,        /* a packet with an INIT chunk and nothing else; no argument */
        MATCH_ICMP_TYPE,        /* icmp; the rule's family says which ICMP */
        MATCH_HOP_LIMIT,        /* number; equality */
        MATCH_SOURCE_TYPE,      /* address_type */
        MATCH_DESTINATION_TYPE, /* address_type */
        MATCH_MARK,             /* mark: (packet's & mask) == value */
        MATCH_CONNMARK,         /* mark, of the connection */
        /* Known extensions of which the model of a packet says no more than this. */
        MATCH_COUNTS,  /* extension; always true: nfacct */
        MATCH_CHANCE,  /* extension; time, history or dice: limit, statistic, recent */
        MATCH_BEYOND,  /* extension; of what no packet here has: owner, socket, mac */
        MATCH_UNKNOWN, /* text, verbatim; no claim about what it means */
};

enum ct_state {
        CT_INVALID = 1,
        CT_NEW = 2,
        CT_ESTABLISHED = 4,
        CT_RELATED = 8,
        CT_UNTRACKED = 16,
        CT_SNAT = 32, /* the two that a connection can have besides its state */
        CT_DNAT = 64,
};

/* As in the header (RFC 9293). */
enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

/* What the node's own routes say of an address (RTN_…; xt_addrtype). */
enum address_type {
        ADDRESS_BROADCAST = 1,
        ADDRESS_MULTICAST = 2,
        ADDRESS_UNICAST = 4,
        ADDRESS_LOCAL = 8,
        ADDRESS_ANYCAST = 16,
        ADDRESS_BLACKHOLE = 32,
        ADDRESS_UNREACHABLE = 64,
        ADDRESS_PROHIBIT = 128,
        ADDRESS_UNSPEC = 256, /* no address at all: 0.0.0.0 */
};

/* Which of the packet's ends each dimension of a set is compared with. */
enum set_end { SET_SOURCE, SET_DESTINATION };
#define SET_DIMENSIONS 3

struct match {
        enum match_kind kind;
        bool invert;
        /* Was read behind an -m of its own where it could have shared the one in front of it. Says
         * nothing about what the rule means. */
        bool apart;
        union {
                struct prefix prefix;
                struct {
                        struct ip first, last;
                } range;
                uint32_t number;
                uint32_t flags;
                const char *text;
                struct {
                        const char *name;
                        uint8_t ends[SET_DIMENSIONS]; /* enum set_end */
                        uint8_t n_ends;
                        /* What else follows ("--return-nomatch"), canonical; NULL: nothing. A
                         * set match with more than this model says is three-valued. */
                        const char *options;
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
                struct {
                        uint32_t types;           /* of enum address_type */
                        bool limit_in, limit_out; /* --limit-iface-in, -out */
                } address_type;
                struct {
                        uint32_t value, mask;
                } mark;
                struct {
                        const char *module; /* "limit" */
                        const char *text;   /* its options as iptables-save prints them */
                } extension;
        };
};

enum target_kind {
        TARGET_NONE, /* counts and goes on */
        TARGET_ACCEPT,
        TARGET_DROP,
        TARGET_RETURN,
        TARGET_REJECT, /* text: reject type ("tcp-reset") or NULL */
        TARGET_JUMP,   /* text: chain */
        TARGET_GOTO,   /* text: chain */
        /* Known extensions. text is all that follows "-j ", canonical: "MARK --set-xmark 1/1". */
        TARGET_MARK,       /* mark: the packet's becomes (mark & ~mask) ^ value */
        TARGET_CONNMARK,   /* the connection's mark, or the packet's from it; goes on */
        TARGET_DNAT,       /* nat */
        TARGET_SNAT,       /* nat */
        TARGET_REDIRECT,   /* nat: the node itself at a port */
        TARGET_MASQUERADE, /* nat: the ports; the address is the outgoing link's */
        TARGET_NOTRACK,    /* CT --notrack, NOTRACK: the packet is UNTRACKED; goes on */
        TARGET_ASIDE,      /* something is done besides, and the packet goes on: LOG, TCPMSS */
        TARGET_BEYOND,     /* others decide: NFQUEUE, TPROXY */
        TARGET_UNKNOWN,    /* text verbatim, with its "-j " or "-g " */
};

enum connmark_action {
        CONNMARK_SET,     /* the connection's mark becomes (it & ~mask) ^ value */
        CONNMARK_SAVE,    /* … (it & ~mask) ^ (the packet's & packet_mask) */
        CONNMARK_RESTORE, /* the packet's becomes (it & ~packet_mask) ^ (the connection's & mask) */
};

/* Which addresses and ports a connection gets: one range of each. */
struct nat {
        bool has_ip, has_port;
        struct ip first, last;
        struct port_range ports;
};

struct target {
        enum target_kind kind;
        const char *text; /* as its kind says; else NULL */
        union {
                struct {
                        uint32_t value, mask;
                } mark;
                struct {
                        enum connmark_action action;
                        uint32_t value, mask, packet_mask;
                } connmark;
                struct nat nat;
        };
};

struct counters {
        uint64_t packets, bytes;
};

struct rule {
        VEC(struct match) matches;
        struct target target;
        struct counters counters;
        /* What follows "-A CHAIN", where a text that was read is not as penstock would print it
         * (another version's spelling, another order); it is printed again so. NULL: as
         * penstock prints it. Whoever changes a rule clears it. */
        const char *written;
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
        /* Of a text that was read: the lines in front and behind, for people ("# Generated by …",
         * "# Completed on …"), with their newlines; NULL where there are none. */
        const char *preamble, *postscript;
        bool counted; /* its rules came with counters */
};

enum set_type {
        SET_HASH_IP,
        SET_HASH_NET,
        SET_HASH_IP_PORT,
        SET_HASH_IP_PORT_IP,
        SET_HASH_IP_PORT_NET,
        SET_HASH_IP_MARK,
        SET_HASH_IP_MAC,
        SET_HASH_MAC,
        SET_HASH_NET_PORT,
        SET_HASH_NET_NET,
        SET_HASH_NET_PORT_NET,
        SET_HASH_NET_IFACE,
        SET_BITMAP_IP,
        SET_BITMAP_IP_MAC,
        SET_BITMAP_PORT,
        SET_LIST,
        SET_UNKNOWN,
};

/* What elements of penstock's own sets don't have. Elements may share one. */
struct set_element_more {
        struct prefix second;  /* …,ip and …,net behind the first */
        uint8_t mac[6];        /* zero where there is none */
        bool wildcard;         /* interface is where its name begins */
        uint32_t mark;         /* hash:ip,mark */
        const char *interface; /* hash:net,iface; "physdev:" in front where it says so */
        const char *member;    /* list:set; of SET_UNKNOWN all behind the name, verbatim */
        const char *options;   /* "timeout 3 comment \"x\"", as written, with what is read elsewhere
                                * (nomatch, counters); NULL: nothing but these */
};

struct set_element {
        struct prefix prefix;
        uint8_t protocol; /* …,port; enum protocol or any other number */
        bool nomatch;
        uint16_t port;                       /* bitmap:port, too; ICMP: type << 8 | code */
        struct counters counters;            /* of a set that counts, read back */
        const struct set_element_more *more; /* NULL where there is nothing more */
};

/* What the kernel cuts off before it looks: addresses & ip (netmask, bitmask), marks & mark. */
struct set_mask {
        struct ip ip;
        uint32_t mark;
};

/* The lengths of a set's prefixes and second prefixes that there are, the longest first, as the
 * kernel tries them. */
#define SET_LENGTHS 129
struct set_lengths {
        uint8_t n[2];
        uint8_t items[2][SET_LENGTHS];
};

struct set {
        const char *name;
        enum set_type type;
        enum family family; /* means nothing for bitmap:port, hash:mac and list:set */
        bool counters;      /* each element counts the packets that matched it */
        /* Made with nothing that changes what a match of it means: a netmask, a markmask, a
         * timeout that is not for ever. */
        bool plain;
        /* Of one that was read under a name of penstock's: it is not as penstock makes it. */
        bool misfit;
        bool counted;          /* its elements came with counters */
        bool protocol_numbers; /* it was read where protocols have no names */
        /* Of one that was read: the text behind its type, as written; NULL: as penstock makes it.
         */
        const char *options;
        const char *type_text;             /* where type is SET_UNKNOWN */
        const struct set_mask *mask;       /* NULL: none */
        const struct set_lengths *lengths; /* of finished sets of nets; else NULL */
        VEC(struct set_element) elements;  /* sorted by set_element_compare once finished */
};

struct ruleset {
        struct arena *arena;
        VEC(struct table) tables;
        VEC(struct set) sets;   /* sorted by name once finished; as read before */
        bool elements_follow;   /* each set's stand right behind it, as ipset save has them */
        const char *postscript; /* lines for people of texts without any table; NULL: none */
};

/* All that a kernel enforces: rulesets side by side (iptables-nft's and iptables-legacy's), each of
 * which a packet must pass, and the sets that they share. */
#define MAX_RULESETS 2
struct enforced {
        const struct ruleset *rules[MAX_RULESETS];
        size_t n;
        const struct ruleset *sets; /* finished */
};
struct enforced enforced_of(const struct ruleset *ruleset); /* one with its own sets */

struct ruleset *ruleset_new(struct arena *arena);
struct table *ruleset_table(const struct ruleset *ruleset, enum family family, const char *name);
/* Adds it where absent. The pointer holds until the next table is added. */
struct table *ruleset_add_table(struct ruleset *ruleset, enum family family, const char *name);
struct chain *table_chain(const struct table *table, const char *name); /* NULL where absent */
bool chain_drops(const struct chain *chain); /* what comes to its end: its policy is DROP */
/* Adds an empty one; the name must be new. The pointer holds until the next chain is added. */
struct chain *table_add_chain(struct ruleset *ruleset, struct table *table, const char *name);
struct set *ruleset_set(const struct ruleset *ruleset, const char *name); /* sets sorted */
struct set *ruleset_add_set(struct ruleset *ruleset, const char *name, enum set_type type,
                            enum family family);
/* Sorts sets and their elements, drops elements given twice, notes the lengths of nets. */
void ruleset_finish(struct ruleset *ruleset);

void rule_add_match(struct ruleset *ruleset, struct rule *rule, struct match match);
const char *rule_comment(const struct rule *rule); /* NULL where it has none */
void counters_add(struct counters *sum, const struct counters *counters);

int set_element_compare(const struct set_element *a, const struct set_element *b);
/* The element equal to key in all but counters; the set is finished. NULL where there is none. */
const struct set_element *set_find(const struct set *set, const struct set_element *key);
/* The same, but nomatch does not count either: what the kernel takes for the same element. */
const struct set_element *set_find_key(const struct set *set, const struct set_element *key);
int set_element_key_compare(const struct set_element *a, const struct set_element *b);
/* What an element that has no more has of it: nothing. Never NULL. */
const struct set_element_more *set_element_more(const struct set_element *element);
/* Are the elements' prefixes nets, of any length, and what the nomatch of one means? Dimension 0 is
 * the first, 1 what stands behind it. */
bool set_type_has_nets(enum set_type type, unsigned dimension);
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
