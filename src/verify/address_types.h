#pragma once

#include "verify/classes.h"
#include "verify/simulate.h"

/* Which addresses are of a type, as simulate() has it, as ranges of two features: those that surely
 * are, and those that surely or perhaps are. True where the two differ: then somebody's type is not
 * known. add: whether the ranges are to be added, or only the answer is wanted.
 *
 * Of 0.0.0.0/8 and 127.0.0.0/8 nothing is told: no packet of theirs comes to a pod. */
bool address_types_add(struct splitter *splitter, const struct sim_node *node, enum family family,
                       uint32_t types, bool limited, bool add, size_t surely, size_t perhaps);
