#pragma once

#include "verify/meaning.h"
#include "verify/pods_by_labels.h"

/* Which policies isolate the pods of a node, and which of these pods are of one group. */

struct subject_group {
        const struct pod *example; /* one of them: all mean the same by names in its policies */
        /* That isolate them in this direction: indexes in cluster->policies, ascending. */
        const size_t *policies;
        size_t n_policies;
};

struct isolation {
        VEC(struct subject) subjects; /* in order of the cluster's pods; class is not known yet */
        VEC(struct subject_group) groups[DIRECTIONS];
        /* Also of pods that have no address, or none of the family. */
        bool any;
};

struct isolation isolation_of(struct arena *arena, const struct cluster *cluster,
                              const struct pods_by_labels *pods, const char *node);
