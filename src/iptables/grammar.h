#pragma once

#include "iptables/arguments.h"

/* The options of an extension of iptables, one row for each, in the order in which iptables-save
 * prints them. Read in any order, they come out in that one: the canonical text, by which rules are
 * compared. */

enum {
        GRAMMAR_INVERTS = 1,   /* "!" may stand before it */
        GRAMMAR_TWO_WORDS = 2, /* has two arguments */
};

struct grammar_option {
        const char *name;
        argument_reader read; /* NULL: it has no argument */
        unsigned flags;
        /* Other rows' names, under which it is printed; NULL: its own. */
        const char *means, *means_also;
        const char *left_out; /* the argument with which iptables-save does not print it */
        const char
            *added[FAMILIES]; /* with which it is printed where nobody said it: "" for none */
        /* added only beside this other option, or with "!" in front, only without it */
        const char *beside;
};

/* A row's family where it has one: unsigned only, 0 for either. */
#define ONLY(family) .only = (family) + 1
static inline bool only_fits(unsigned only, enum family family)
{
        return only == 0 || only == family + 1;
}

/* Rows of a table. */
#define OPTION(called, reader, ...)                                                                \
        {                                                                                          \
                .name = (called), .read = (reader), __VA_ARGS__                                    \
        }
#define INVERTS           .flags = GRAMMAR_INVERTS
#define INVERTS_TWO_WORDS .flags = GRAMMAR_INVERTS | GRAMMAR_TWO_WORDS
#define TWO_WORDS         .flags = GRAMMAR_TWO_WORDS

struct grammar {
        const struct grammar_option *options;
        size_t n;
        bool bare; /* may stand without any */
};
#define GRAMMAR(list)                                                                              \
        {                                                                                          \
                .options = (list), .n = ARRAY_SIZE(list)                                           \
        }
#define GRAMMAR_BARE(list)                                                                         \
        {                                                                                          \
                .options = (list), .n = ARRAY_SIZE(list), .bare = true                             \
        }
#define GRAMMAR_NONE                                                                               \
        {                                                                                          \
                .bare = true                                                                       \
        }

/* How many options one extension may have: hashlimit has 15. */
#define MAX_GRAMMAR_OPTIONS 24

/* The words from first up to end; adds "--limit 10/min --limit-burst 20" to out. False where one of
 * them is not understood or said twice. */
bool grammar_read(const struct grammar *grammar, const struct reading *reading,
                  const struct words *words, size_t first, size_t end, struct strbuf *out);
/* How many words the option's argument is: 0, 1 or 2. */
unsigned grammar_arguments(const struct grammar_option *option);
/* The option of that name, or the only one that begins so, as getopt has it; NULL. */
const struct grammar_option *grammar_option_named(const struct grammar *grammar, const char *name);
/* What follows that option in a canonical text, up to its end; NULL where it is not in it. */
const char *canonical_argument(const char *text, const char *option);
