#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* A set of small numbers, all below a width that its holder knows: which of a family's address
 * classes a feature takes in. Words behind the width are zero, so that equal sets are equal words.
 * All sets that meet have one width. */
typedef uint64_t bits_word;
#define BITS_WORD 64

static inline size_t bits_words(size_t width)
{
        return (width + BITS_WORD - 1) / BITS_WORD;
}

bits_word *bits_new(struct arena *arena, size_t width);  /* empty */
bits_word *bits_full(struct arena *arena, size_t width); /* all of them */
static inline void bits_set(bits_word *bits, size_t at)
{
        bits[at / BITS_WORD] |= (bits_word)1 << at % BITS_WORD;
}
static inline bool bits_get(const bits_word *bits, size_t at)
{
        return bits[at / BITS_WORD] >> at % BITS_WORD & 1;
}
bool bits_are_none(const bits_word *bits, size_t width);
bool bits_equal(const bits_word *a, const bits_word *b, size_t width);
size_t bits_count(const bits_word *bits, size_t width);
size_t bits_first(const bits_word *bits, size_t width);           /* width where there is none */
size_t bits_next(const bits_word *bits, size_t at, size_t width); /* from there on; or width */
/* to op= from */
void bits_or(bits_word *to, const bits_word *from, size_t width);
void bits_and(bits_word *to, const bits_word *from, size_t width);
void bits_and_not(bits_word *to, const bits_word *from, size_t width);
void bits_copy(bits_word *to, const bits_word *from, size_t width);
