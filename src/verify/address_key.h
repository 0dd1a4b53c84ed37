#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

/* An address as a number that sorts as addresses do: its 16 bytes, the first the highest. Those of
 * IPv4 fill the upper 32 bits, so that one code serves both families; from one address to the next
 * is address_key_step(). The key behind a family's last address is 0. */
typedef unsigned __int128 address_key;

address_key address_key_of(const struct ip *ip);
struct ip address_key_ip(address_key key, enum family family);
address_key address_key_step(enum family family);
/* The last address of the prefix. */
address_key address_key_last(const struct prefix *prefix);

struct keyed {
        address_key key;
        uint32_t value;
};

/* By key, stable: byte by byte, but only bytes in which keys differ (of a cluster's addresses two
 * or three). Ten times as fast as qsort() for 100,000. scratch has room for n. */
void keyed_sort(struct keyed *items, struct keyed *scratch, size_t n);
