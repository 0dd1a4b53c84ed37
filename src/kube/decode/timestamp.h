#pragma once

#include <stdbool.h>
#include <stdint.h>

/* RFC 3339 as the API writes it: "2006-01-02T15:04:05Z", with fractions of a second (cut) and
 * offsets. Seconds since 1970; false where it is none. */
bool timestamp_parse(const char *text, int64_t *ret);
