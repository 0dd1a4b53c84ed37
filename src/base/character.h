#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of texts that strangers chose, on their way to a person's terminal. */

/* How many bytes the character at text has; 0 where it is no UTF-8 (shortest form, no surrogate).
 * NUL is a character of one byte. */
size_t character_decode(const char *text, uint32_t *ret_point);
/* The same for a character that a terminal shows and that does nothing else: 0 for controls, line
 * separators, what turns the direction of writing, what nobody sees, private use, the end. */
size_t character_shown(const char *text);
