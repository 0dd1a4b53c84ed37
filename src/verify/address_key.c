#include "verify/address_key.h"

static void store_big_endian(uint8_t *bytes, uint64_t word)
{
        word = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(word) : word;
        memcpy(bytes, &word, sizeof(word));
}

struct ip address_key_ip(address_key key, enum family family)
{
        struct ip ip = {.family = (uint8_t)family};

        store_big_endian(ip.bytes, (uint64_t)(key >> 64));
        store_big_endian(ip.bytes + 8, (uint64_t)key);
        return ip;
}

address_key address_key_step(enum family family)
{
        return (address_key)1 << (128 - family_bits(family));
}

address_key address_key_last(const struct prefix *prefix)
{
        unsigned host_bits = family_bits(prefix->ip.family) - prefix->length;
        address_key key = address_key_of(&prefix->ip), step = address_key_step(prefix->ip.family);

        /* Of ::/0 the shift would be by all 128 bits. */
        if (host_bits == 128)
                return ~(address_key)0;
        return key + ((step << host_bits) - step);
}

static void sort_by_byte(const struct keyed *from, struct keyed *to, size_t n, unsigned shift)
{
        size_t starts[257] = {0};

        for (size_t i = 0; i < n; i++)
                starts[(uint8_t)(from[i].key >> shift) + 1]++;
        for (size_t i = 1; i < 257; i++)
                starts[i] += starts[i - 1];
        for (size_t i = 0; i < n; i++)
                to[starts[(uint8_t)(from[i].key >> shift)]++] = from[i];
}

void keyed_sort(struct keyed *items, struct keyed *scratch, size_t n)
{
        struct keyed *from = items, *to = scratch;
        address_key differing = 0;

        for (size_t i = 1; i < n; i++)
                differing |= items[i].key ^ items[0].key;
        for (unsigned shift = 0; shift < 128; shift += 8) {
                if (!(uint8_t)(differing >> shift))
                        continue;
                sort_by_byte(from, to, n, shift);
                struct keyed *swapped = from;
                from = to;
                to = swapped;
        }
        if (from != items)
                memcpy(items, from, n * sizeof(*items));
}
