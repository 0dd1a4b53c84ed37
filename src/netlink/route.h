#pragma once

#include "base/arena.h"
#include "base/ip.h"

/* The name of the link by which this network namespace would send to that address, in arena ("lo"
 * for its own); NULL where it has no route, or cannot be asked. */
const char *route_link(struct arena *arena, const struct ip *ip);
