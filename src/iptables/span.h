#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a text that is being read, without a copy: a set of 200,000 elements is read word by
 * word, and most words are never wanted again. */
struct span {
        const char *at, *end;
};

static inline size_t span_length(struct span span)
{
        return (size_t)(span.end - span.at);
}

bool span_is(struct span span, const char *text);
/* Takes from the front what stands before the first such character, and that character: "a,b"
 * yields "a" and leaves "b". The whole, where there is none. */
struct span span_take(struct span *span, char separator);
/* Decimal digits and nothing else, up to max. */
bool span_number(struct span span, uint64_t max, uint64_t *ret);
/* "0x2f" */
bool span_hex(struct span span, uint32_t *ret);
