#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* One object of the input as a tree, the same from JSON and from YAML, in an arena that is reset
 * after each object. Numbers keep their text: 64 bits and "1.10" are judged where they are used. */

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING, VALUE_LIST, VALUE_MAP };

struct value {
        enum value_kind kind;
        bool boolean;
        bool merged;         /* for the reader alone: YAML's "<<" brought this member */
        unsigned line;       /* a member's is its key's */
        const char *text;    /* of a string or number; never NULL there */
        const char *key;     /* in a map: this member's key */
        struct value *first; /* of a list or map, in the input's order */
        struct value *next;  /* the following item or member */
};

const char *value_kind_name(enum value_kind kind); /* as Go's json names it: "string", "bool", … */
const struct value *value_member(const struct value *map, const char *key); /* NULL where absent */
/* A member that is a string; "" where it is absent or something else. */
const char *value_member_text(const struct value *map, const char *key);
/* The whole tree, with its texts. */
struct value *value_copy(struct arena *arena, const struct value *value);
