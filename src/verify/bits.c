#include "verify/bits.h"

#include <string.h>

bits_word *bits_new(struct arena *arena, size_t width)
{
        return arena_new_array(arena, bits_word, bits_words(width));
}

bits_word *bits_full(struct arena *arena, size_t width)
{
        bits_word *bits = bits_new(arena, width);

        memset(bits, 0xff, bits_words(width) * sizeof(*bits));
        if (width % BITS_WORD)
                bits[width / BITS_WORD] = ((bits_word)1 << width % BITS_WORD) - 1;
        return bits;
}

bool bits_are_none(const bits_word *bits, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                if (bits[i])
                        return false;
        return true;
}

bool bits_equal(const bits_word *a, const bits_word *b, size_t width)
{
        return memcmp(a, b, bits_words(width) * sizeof(*a)) == 0;
}

size_t bits_count(const bits_word *bits, size_t width)
{
        size_t n = 0;

        for (size_t i = 0; i < bits_words(width); i++)
                n += (size_t)__builtin_popcountll(bits[i]);
        return n;
}

size_t bits_first(const bits_word *bits, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                if (bits[i])
                        return i * BITS_WORD + (size_t)__builtin_ctzll(bits[i]);
        return width;
}

void bits_or(bits_word *to, const bits_word *from, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                to[i] |= from[i];
}

void bits_and(bits_word *to, const bits_word *from, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                to[i] &= from[i];
}

void bits_and_not(bits_word *to, const bits_word *from, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                to[i] &= ~from[i];
}

void bits_copy(bits_word *to, const bits_word *from, size_t width)
{
        memcpy(to, from, bits_words(width) * sizeof(*to));
}
