#pragma once

#include "kube/cluster.h"
#include "verify/simulate.h"

/* All packets that a cluster and the rules of a node can tell apart, one of each kind, in so far as
 * brute force can go through them: every address that a prefix, a set or a pod sets apart, every
 * port at which anything may change, every protocol, every state of a connection. */
struct universe {
        VEC(struct ip) addresses[FAMILIES];
        /* Packets without addresses and interfaces; those of one protocol and port follow each
         * other. */
        VEC(struct sim_packet) shapes[FAMILIES];
        VEC(const char *) interfaces; /* that rules name, and one that none does */
        bool chance;                  /* rules throw dice */
};

struct universe universe_of(struct arena *arena, const struct cluster *cluster,
                            const struct enforced *enforced);
