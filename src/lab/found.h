#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

/* The addresses of the pods and nodes of a lab that exists: what lab_plan_make() takes as found.
 * The thread comes back to the namespace it was in. NULL on failure. */
struct map *lab_found(struct arena *arena, const char *lab, struct err *err);
