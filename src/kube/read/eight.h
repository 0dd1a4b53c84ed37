#pragma once

#include <stdint.h>
#include <string.h>

/* Text, eight bytes at a time, as one number. */

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* The first byte lowest; at need not be aligned. */
static inline uint64_t load_eight(const void *at)
{
        uint64_t word;

        memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        return word;
}
