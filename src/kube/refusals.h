#pragma once

#include "base/vec.h"
#include "kube/mirror.h"
#include "kube/problem.h"

/* The objects that a mirror refuses now: sorted by kind, namespace and name, each once. Memory is
 * an arena's. */

struct refusals {
        struct arena *arena;
        VEC(struct refused) now;
        VEC(struct refused) fresh;
};

struct refused refused_copy(struct arena *arena, const struct refused *refused);

/* As given: texts are copied. Fresh, unless the very same was refused already. */
void refusals_add(struct refusals *refusals, const struct refused *refused);
/* The object is accepted, or gone. */
void refusals_drop(struct refusals *refusals, enum kind kind, const char *namespace,
                   const char *name);
void refusals_forget_fresh(struct refusals *refusals);
/* All that are refused now, in another arena. */
struct refusals refusals_copy(const struct refusals *refusals, struct arena *arena);

/* The problems, each a line, the first few. */
const char *refusal_reason(struct arena *arena, const struct problems *problems);
