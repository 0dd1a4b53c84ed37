#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/vec.h"
#include "kube/objects.h"

/* What is wrong with the input: collected over all files and reported in one go.
 * A line reads  FILE:LINE: Kind ns/name: .field[0].path: why  */

struct problem {
        struct place place;
        const char *text; /* from Kind on; the bare reason where no object is known */
};

struct problems {
        struct arena *arena;
        VEC(struct problem) list;
        size_t more; /* found past PROBLEMS_MAX, counted only */
};

#define PROBLEMS_MAX 1000

struct problems problems_in(struct arena *arena);
void problems_add(struct problems *problems, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One line each, sorted by file and line, then "N problems" where there are more than one. */
void problems_print(const struct problems *problems, FILE *out);
