#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "verify/bits.h"

/* Classes on their way through chains. What is NULL is empty, as most of it is. */

struct mark {
        bool known;
        uint32_t value;
};

struct bits_pair {
        bits_word *sure, *maybe;
};

#define MAX_MARKS 8 /* different ones at one place; more are not known */

struct exit {
        struct mark mark;
        struct bits_pair bits;
};

struct exits {
        struct exit items[MAX_MARKS];
        size_t n;
};

bool flow_is_empty(const bits_word *bits, size_t n_words);
/* *to |= a & b; new in arena where it was empty. b NULL: all of a. */
void flow_add(struct arena *arena, size_t n_words, bits_word **to, const bits_word *a,
              const bits_word *b);
void flow_add_pair(struct arena *arena, size_t n_words, struct bits_pair *to,
                   const struct bits_pair *from);
/* What of those that arrive goes that way: surely where both are sure. */
void flow_add_cut(struct arena *arena, size_t n_words, struct bits_pair *to,
                  const struct bits_pair *arriving, const struct bits_pair *way);
/* The exit with that mark; where there are too many, the one whose mark is not known. */
struct exit *exit_with(struct exits *exits, struct mark mark);
