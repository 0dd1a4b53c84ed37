#pragma once

#include "compile/compiler.h"

/* A rule's ports as matches: the rule applies where any one of these holds. Numbers of one protocol
 * are merged into ranges, and up to 15 of them (xt_multiport's limit; a range takes two) are one
 * match. */
struct port_match {
        struct match items[2]; /* protocol, ports */
        size_t n;              /* 0: all ports of all protocols */
};

struct port_matches {
        VEC(struct port_match) list; /* none: no packet; a named port that the pod does not have */
};

/* Named ports are resolved by the subject, the pod that is the destination; where subject is NULL
 * they are left out (egress: peers_compile_named() has them). */
struct port_matches ports_compile(struct arena *arena, const struct policy_rule *rule,
                                  const struct pod *subject);
