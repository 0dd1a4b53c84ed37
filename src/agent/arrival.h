#pragma once

#include "iptables/plan.h"
#include "kube/cluster.h"

/* Is what has changed since the last apply one pod that came, or went? Then its node's rules and
 * sets may change one after the other (iptables/overlap.h), which takes half the time. */
struct arrival {
        bool one;   /* a pod has come or gone */
        bool comes; /* which of the two */
        bool other; /* something else has changed, too */
};

void arrival_add(struct arrival *arrival, const cluster_changes *changes);
enum sets_turn arrival_turn(const struct arrival *arrival);
