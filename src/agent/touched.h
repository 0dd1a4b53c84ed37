#pragma once

#include "kube/cluster.h"

/* Whose connections a change may have shut: addresses, or everybody's. */
struct touched {
        struct arena *arena;
        VEC(struct ip) addresses; /* may hold one twice */
        bool everybody;
};

#define TOUCHED_MAX 64 /* more addresses than this are everybody */

/* Adds what these changes touch on a node: changed pods' addresses, before and after, and those of
 * the node's pods that changed policies may select. */
void touched_add(struct touched *touched, const struct cluster *cluster,
                 const cluster_changes *changes, const char *node);
