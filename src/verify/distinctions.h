#pragma once

#include "verify/meaning.h"
#include "verify/program.h"

/* The values of a packet's fields that rules and policies tell apart: of each kind of value one
 * example, those that nobody names among them. */

struct ports_told_apart {
        const uint16_t *starts[AXES]; /* first ports of intervals, sorted, from 0 */
        size_t n[AXES];
};

#define PORT_PROTOCOLS 3
extern const uint8_t port_protocols[PORT_PROTOCOLS]; /* TCP, UDP, SCTP */

struct interfaces_told_apart {
        const char **items; /* the last is one that no rule names */
        size_t n;
        const char *const *patterns;
        size_t n_patterns;
};
struct bytes_told_apart {
        uint8_t *items;
        size_t n;
};

struct distinctions {
        struct ports_told_apart ports[PORT_PROTOCOLS];
        struct interfaces_told_apart interfaces[2]; /* in, out */
        struct bytes_told_apart protocols; /* besides those with ports and the family's ICMP */
        struct bytes_told_apart tcp_flags; /* SYN alone first, as a client sends it */
        struct bytes_told_apart hops;      /* the last is one that no rule names */
        bool hops_of_any;                  /* rules ask it of other protocols than ICMP, too */
        struct {
                uint16_t *items; /* type << 8 | code; echo requests first */
                size_t n;
        } icmp;
        /* There are too many to be told apart: what rules ask of them is not known. */
        bool vague_links, vague_source_ports;
        bool translated; /* rules ask whether addresses were */
};

#define UNNAMED_HOPS(distinctions) ((distinctions)->hops.items[(distinctions)->hops.n - 1])

uint8_t icmp_of_family(enum family family);
bool tcp_flags_begin(uint8_t flags); /* does it begin a connection? */

/* Do all rules take the two for the same? */
bool interfaces_alike(const struct interfaces_told_apart *interfaces, const char *a, const char *b);

/* Everything lives in the program's arena. */
struct distinctions distinctions_make(const struct program *program, const struct meaning *meaning);
