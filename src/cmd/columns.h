#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/vec.h"

/* An aligned table as kubectl prints it: upper-case headers, two spaces between columns, no lines.
 * A header that begins with '>' makes its column right-aligned. Where a table would be wider than
 * COLUMNS_WIDTH its widest column is cut in the middle; -o json has everything whole. */

#define COLUMNS_WIDTH 100
#define COLUMNS_GAP   2

struct columns {
        struct arena *arena;
        const char *const *headers;
        size_t n;
        VEC(const char **) rows;
};

struct columns columns_new(struct arena *arena, const char *const *headers, size_t n);
/* Filled up to that width with spaces, or cut in the middle: both ends of a name tell something. */
void columns_print_text(const char *text, size_t width, FILE *out);
/* n cells of text, ASCII; kept, not copied. */
void columns_add(struct columns *columns, const char *const *cells);
/* Nothing but a line that says none where there are no rows; what: "policies". */
void columns_print(const struct columns *columns, const char *what, FILE *out);
