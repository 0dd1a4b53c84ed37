#pragma once

#include "generate.h"
#include "kube/cluster.h"

/* A generated cluster, read the way manifests of people are read. */

/* From the environment: PENSTOCK_SEED (1), PENSTOCK_CLUSTERS (default_clusters). */
struct run_size {
        uint64_t seed;
        unsigned clusters;
};
struct run_size run_size(unsigned default_clusters);

/* The bytes of cluster number i; the cluster comes first, then what is asked of it. */
struct bytes world_bytes(uint64_t seed, unsigned i);

/* Mostly of the usual shape, every twentieth crowded. */
struct manifest world_generate(struct arena *arena, struct bytes *bytes, unsigned i);

/* Sealed; NULL where the manifest is refused, with the first problem in *ret_problem (in arena). */
struct cluster *world_load(struct arena *arena, const struct manifest *manifest,
                           const char **ret_problem);
