#pragma once

#include "base/vec.h"
#include "kube/cluster.h"

/* The pods of one node, known by name, so that not all of a cluster's need be asked for theirs. */
struct locals;

/* Those that take part, in the cluster's order. */
typedef VEC(const struct pod *) local_pods;

struct locals *locals_new(void);
void locals_free(struct locals *locals);

/* A pod that was changed, as it was or as it is. */
void locals_remove(struct locals *locals, const struct pod *pod);
void locals_add(struct locals *locals, const struct pod *pod);

/* Is it their node's name? Has any of them this namespace? Yes, until it was said what node it is.
 */
bool locals_are_of(const struct locals *locals, const char *node);
bool locals_are_in(const struct locals *locals, const char *namespace);

/* For the first time, which says what node it is, it looks at all pods; then at those that it
 * knows. */
local_pods locals_find(struct locals *locals, struct arena *arena, const struct cluster *cluster,
                       const char *node);
size_t locals_size(const struct locals *locals); /* bytes held */
