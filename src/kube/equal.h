#pragma once

#include "kube/objects.h"

/* Do they say the same, of whichever clusters they are? Where it is written is no part of it. */
bool object_equal(const struct object *a, const struct object *b);
