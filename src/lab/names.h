#pragma once

#include "base/arena.h"

/* Names of network namespaces; all of a lab begin with lab_prefix(), no other lab's do. What would
 * be too long for a file name ends in a digest. */
const char *lab_prefix(struct arena *arena, const char *lab);
const char *lab_netns_pod(struct arena *arena, const char *lab, const char *namespace,
                          const char *name);
const char *lab_netns_node(struct arena *arena, const char *lab, const char *name);
const char *lab_netns_outside(struct arena *arena, const char *lab);
const char *lab_netns_fabric(struct arena *arena, const char *lab); /* what connects the nodes */
