#pragma once

#include "base/strbuf.h"
#include "kube/read/value.h"

/* A value as bytes and back, between two processes of one machine: texts with their lengths,
 * nothing to be scanned. Lines are not kept. What value_from_bytes() is given may be anything: NULL
 * where it is no value, nested deeper than LOAD_MAX_DEPTH, or does not end where the bytes end. A
 * map with a key twice is none. */
void value_to_bytes(struct strbuf *out, const struct value *value);
struct value *value_from_bytes(struct arena *arena, const char *bytes, size_t length);
