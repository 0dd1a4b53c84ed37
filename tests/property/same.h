#pragma once

#include "kube/cluster.h"

/* The first object in which two clusters differ, in arena; NULL where they are the same. */
const char *clusters_differ(struct arena *arena, const struct cluster *a, const struct cluster *b);
