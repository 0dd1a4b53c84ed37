#pragma once

#include <stdbool.h>

/* How far a list or map of JSON reaches, told by its brackets and quotes alone while its bytes
 * come, in pieces of any length: for cutting objects out of a stream, and for passing over what
 * nobody reads. What stands between is not checked, nor is which bracket closes which. */

struct extent {
        unsigned depth; /* brackets that are open */
        bool in_text, escaped;
};

/* From `at` to behind the bracket that closes the outermost one (depth is 0 then), or to end. The
 * first byte of all is the opening bracket. */
const char *extent_pass(struct extent *extent, const char *at, const char *end);
/* Within a text: to behind its closing quote (in_text is false then), or to end. */
const char *extent_pass_text(struct extent *extent, const char *at, const char *end);
