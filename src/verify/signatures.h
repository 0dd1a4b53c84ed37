#pragma once

#include <stddef.h>
#include <stdint.h>

#include "verify/bits.h"

/* Rows of bits, each kept once: what features an interval of addresses has is its row, and equal
 * rows, compared whole, are one class. Rows are numbered from 0 as they are first seen. */
struct signatures;

struct signatures *signatures_new(struct arena *arena, size_t width);
/* Where the next row is to be written, all of it: holds anything until then. */
bits_word *signatures_row(struct signatures *signatures);
/* The number of the row just written. hash: any number that is the same for equal rows; the better
 * it tells others apart the fewer rows are compared. */
uint32_t signatures_intern(struct signatures *signatures, uint64_t hash);
size_t signatures_n(const struct signatures *signatures);
/* The rows as columns, in arena: by bit, which rows have it. */
const bits_word *const *signatures_columns(const struct signatures *signatures,
                                           struct arena *arena);
