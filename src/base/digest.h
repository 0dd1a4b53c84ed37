#pragma once

#include <stddef.h>

/* Names that stay: the first characters of SHA-256 in the base32 of RFC 4648 (lower case). Whoever
 * can create objects chooses what is hashed, so a short or simple hash would let them make two
 * names one. 16 characters are 80 bits. ret holds length + 1 bytes; length at most 51. */
void digest_name(const char *text, size_t text_length, char *ret, size_t length);
