#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"

/* The words of a tool's line. A word that begins with a quote goes on to the next one, over spaces
 * and newlines, with \ before what stands for itself. A line that begins with # is one word. */

struct word {
        const char *text; /* without quotes */
        const char *raw;  /* as written */
        size_t raw_length;
};

/* Only a comment is ever written in quotes; a name in quotes is no name. */
bool word_is_quoted(const struct word *word);
/* This very word, unquoted. */
bool word_is(const struct word *word, const char *text);

struct words {
        struct arena *arena;
        const char *next; /* what is still to be read */
        unsigned line;    /* of the first word, from 1 */
        unsigned newlines;
        VEC(struct word) list;
};

struct words words_of(struct arena *arena, const char *text); /* text must outlive the words */
/* The next line that has words; false at the end. */
bool words_next(struct words *words);
/* From the first of n words to the end of the last, as written, in the arena. */
const char *words_raw(const struct words *words, size_t first, size_t n);
