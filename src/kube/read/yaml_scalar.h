#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kube/read/tree.h"

/* What a scalar of YAML means: go-yaml v2's reading of YAML 1.1, which is kubectl's.
 *   true, yes, on, y and their like are booleans;  ~, null and nothing are null;
 *   0x1F, 017, 0o17, 0b11, 1_000, +5 are integers, 1.5, .5, 1e3 floating point, .inf and .nan too;
 *   dates and everything else are strings, and so is whatever is quoted.
 * Numbers come out as JSON may write them: 017 as 15, .5 as 0.5, 1_000 as 1000; the rest keep their
 * text. */

struct scalar {
        const char *text; /* ends in NUL, which is not counted */
        size_t length;
        const char *tag; /* NULL where none is given */
        bool plain;      /* not quoted */
};

/* Sets kind, boolean and text of value; the text is from tree. False where the scalar cannot be
 * what its tag says or what JSON could hold; *ret_why, in tree, says why. */
bool scalar_resolve(struct tree *tree, const struct scalar *scalar, struct value *value,
                    const char **ret_why);
/* The text that a resolved key gets in JSON: 1 "1", yes "true", 1.10 "1.1"; NULL for null. */
const char *scalar_key(struct tree *tree, const struct value *key);
