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

/* Sums of 2, 4, then 8 bits side by side: without an instruction for it, __builtin_popcountll() is
 * a call for each word. */
static size_t count_word(bits_word word)
{
        word -= word >> 1 & 0x5555555555555555;
        word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
        word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
        return word * 0x0101010101010101 >> 56;
}

size_t bits_count(const bits_word *bits, size_t width)
{
        size_t n = 0;

        for (size_t i = 0; i < bits_words(width); i++)
                n += count_word(bits[i]);
        return n;
}

size_t bits_first(const bits_word *bits, size_t width)
{
        for (size_t i = 0; i < bits_words(width); i++)
                if (bits[i])
                        return i * BITS_WORD + (size_t)__builtin_ctzll(bits[i]);
        return width;
}

size_t bits_next(const bits_word *bits, size_t at, size_t width)
{
        bits_word word;

        if (at >= width)
                return width;
        word = bits[at / BITS_WORD] >> at % BITS_WORD;
        if (word)
                return at + (size_t)__builtin_ctzll(word);
        for (size_t i = at / BITS_WORD + 1; i < bits_words(width); i++)
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
