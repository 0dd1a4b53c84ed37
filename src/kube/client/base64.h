#pragma once

#include <stdbool.h>

#include "base/strbuf.h"

/* Base64 by RFC 4648. Decoding passes over line breaks, as Go's does, and wants the padding; false
 * where it is none. Both append. */
bool base64_decode(const char *text, struct strbuf *ret);
void base64_encode(const char *bytes, size_t n, struct strbuf *ret);
