#pragma once

#include "base/map.h"
#include "kube/cluster.h"

/* Addresses outside the cluster that show whether ipBlocks are enforced: one inside each block and
 * outside its excepts, one inside each except, and one of each family for the world at large. The
 * same policies give the same addresses. None is anybody's already: taken has the texts of those. A
 * block whose every address is taken or excepted has none. */

#define SAMPLES_MAX 32

struct samples {
        VEC(struct ip) list;
        size_t cut; /* blocks and excepts without one because there were too many */
};

struct samples samples_choose(struct arena *arena, const struct cluster *cluster,
                              const struct map *taken);
