#pragma once

#include "kube/mirror.h"

/* One object as the API server told of it: decoded, and what is wrong with it. All in an arena. */
struct taken {
        struct object object; /* where it is named; else all that is known is in refused */
        bool named;
        struct refused refused; /* why is "" where it is valid */
        bool is_refused;
};

struct taken take_object(struct arena *arena, enum kind kind, const struct value *object);
/* Its name alone, as it stands there. */
struct refused take_name(struct arena *arena, enum kind kind, const struct value *object);
