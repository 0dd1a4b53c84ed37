#include "bytes.h"

struct bytes bytes_of_seed(uint64_t seed)
{
        return (struct bytes){.state = seed};
}

struct bytes bytes_of(const uint8_t *data, size_t n)
{
        return (struct bytes){.data = data, .n = n};
}

/* SplitMix64: every seed, 0 too, begins well mixed. */
static uint8_t mix(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return (uint8_t)((z ^ z >> 31) >> 56);
}

static uint8_t next(struct bytes *bytes)
{
        if (!bytes->data)
                return mix(&bytes->state);
        if (bytes->n == 0)
                return 0;
        bytes->n--;
        return *bytes->data++;
}

unsigned bytes_below(struct bytes *bytes, unsigned bound)
{
        if (bound <= 1)
                return 0;
        unsigned value = next(bytes);
        if (bound > 256)
                value = value << 8 | next(bytes);
        return value % bound;
}

bool bytes_chance(struct bytes *bytes, unsigned percent)
{
        return bytes_below(bytes, 100) >= 100 - percent;
}
