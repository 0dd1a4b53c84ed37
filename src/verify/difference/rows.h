#pragma once

#include "verify/difference/ends.h"
#include "verify/difference/partition.h"

/* Gathers "this effect, from these ends, to that end" into as few rectangles as come of it without
 * trying hard: destinations with the same effect from the same sources become one row, and then
 * rows with the same effect to the same destinations. */
struct rows;

struct row {
        size_t effect;
        bits_word *from, *to; /* ends */
};

struct rows *rows_new(struct arena *arena, size_t n_ends);
void rows_add(struct rows *rows, size_t effect, const struct part *from,
              const struct part *to); /* copies */
/* In the order in which they came first. */
struct row_list {
        struct row *items;
        size_t n, cap;
};
struct row_list rows_gather(struct rows *rows);
