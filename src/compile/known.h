#pragma once

#include "base/arena.h"
#include "base/strbuf.h"
#include "rules/ruleset.h"

/* The names of chains and sets, which stand for what they hold: a prefix, then 16 characters of the
 * digest of a key that describes it. They are remembered from one compile to the next, and with the
 * name of a set of pods its elements. What a compile does not ask for is forgotten. */

/* Elements of a set of pods, as ruleset_finish() leaves them. */
struct contents {
        bool known;
        struct set_element *items;
        size_t n, cap;
};

struct known_name {
        const char *text; /* in the arena of the ruleset that is being made */
        /* Where in the ruleset that is being made the thing stands, among its like, from 1; 0 where
         * it is not made yet. */
        size_t place;
        bool shared; /* another thing has this name, by chance or because somebody wants it so */
        struct contents contents; /* known only where the last compile knew them */

        char digested[32];
        const char *key;
        size_t key_length;
        size_t number; /* of the name's text, which another key's name may share */
        unsigned long used;
};

struct known;

struct known *known_new(void);
void known_free(struct known *known);

void known_begin(struct known *known); /* a compile */
void known_end(struct known *known);

/* The name of what the key describes. */
struct known_name *known_name_of(struct known *known, struct arena *arena, const char *prefix,
                                 const struct strbuf *key);
/* By its text, which this compile was given; NULL where it was not. */
const struct known_name *known_by_text(const struct known *known, const char *text);
/* Bytes held. */
size_t known_size(const struct known *known);
