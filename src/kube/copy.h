#pragma once

#include "base/map.h"
#include "kube/objects.h"

/* item is a struct of that kind; what it points to is shared. */
struct object object_of(enum kind kind, const void *item);
/* All that it points to, in arena; its texts in intern. */
struct object object_copy(struct arena *arena, struct intern *intern, const struct object *object);
