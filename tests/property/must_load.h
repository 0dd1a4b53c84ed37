#pragma once

#include "world.h"

/* world_load() of a manifest that must be valid: the test fails where it is refused. */
static inline struct cluster *world_must_load(struct arena *arena, const struct manifest *manifest)
{
        const char *problem = "";
        struct cluster *cluster = world_load(arena, manifest, &problem);

        if (!cluster)
                fail_msg("a valid manifest is refused: %s", problem);
        return cluster;
}
