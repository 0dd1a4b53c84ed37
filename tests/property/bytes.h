#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What random things are made of: bytes that are read one after the other. From a seed they never
 * end and are the same on every run; a fuzzer's own bytes are followed by zeros. */
struct bytes {
        const uint8_t *data; /* NULL: from a seed */
        size_t n;
        uint64_t state;
};

struct bytes bytes_of_seed(uint64_t seed);
struct bytes bytes_of(const uint8_t *data, size_t n);

/* 0 to bound - 1; bound at most 65536. Takes one byte where one is enough. */
unsigned bytes_below(struct bytes *bytes, unsigned bound);
/* Never where the bytes have ended. */
bool bytes_chance(struct bytes *bytes, unsigned percent);
