#include "kube/client/delay.h"

/* SplitMix64: a seed of any kind will do, and the same seed is the same run. */
static uint64_t next_random(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

double delay_random(uint64_t *random, double low, double high)
{
        return low + (high - low) * (double)(next_random(random) >> 11) * 0x1p-53;
}

double delay_next(struct delay *delay)
{
        double seconds = delay->first;

        for (unsigned i = 0; i < delay->failures && seconds < delay->most; i++)
                seconds *= 2;
        if (seconds > delay->most)
                seconds = delay->most;
        delay->failures++;
        return delay_random(delay->random, seconds / 2, seconds);
}

void delay_reset(struct delay *delay)
{
        delay->failures = 0;
}
