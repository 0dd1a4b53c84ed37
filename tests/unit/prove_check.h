#pragma once

#include "semantics.h"

/* How the tests of the prover are written: rules as compiled for n1, with lines of others added, or
 * lines of penstock's taken out; and what the proof says of them. */

/* b is open to a on 8080/TCP alone. */
#define B_FROM_A                                                                                   \
        EVERYONE POLICY("p", "podSelector: {matchLabels: {app: b}}, ingress: [{from: "             \
                             "[{podSelector: {matchLabels: {app: a}}}], ports: [{port: 8080}]}]")
/* a may only send to b. */
#define A_TO_B                                                                                     \
        EVERYONE POLICY("p", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], "       \
                             "egress: [{to: [{podSelector: {matchLabels: {app: b}}}]}]")

struct change {
        const char *without; /* lines that hold this are left out; NULL: none */
        const char *filter;  /* lines added to the IPv4 filter table; NULL: none */
        const char *filter6; /* the same of IPv6 */
        const char *more;    /* whole IPv4 tables; NULL: none */
        const char *beside;  /* whole IPv4 tables of the other flavour; NULL: none */
        const char *sets;    /* in ipset's words; NULL: none */
        const char *link;    /* that leads to every pod; NULL: not known */
        const char *link_b;  /* … but to b; NULL: no other */
};

/* What is wrong, and in which chain's which rule, "open FORWARD 1, others MINE 2"; "" where all is
 * equal. */
void check_proof(const char *manifests, const struct change *change, const char *said);
