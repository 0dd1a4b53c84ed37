#include "verify/signatures.h"

#include <string.h>

#include "base/vec.h"

/* Rows live in blocks of 64, which is also what is turned into columns at a time: 64 × 64 bits in
 * six steps. Bit by bit was tried where most rows have none, and is no faster. */

#define FIRST_SLOTS 1024
#define AT_ONCE     8 /* words of a row: a line of the cache */

struct signatures {
        struct arena *arena;
        size_t width, words;
        size_t n;
        VEC(bits_word *) blocks; /* BITS_WORD rows each */
        VEC(uint64_t) hashes;    /* by row */
        uint32_t *slots;         /* row + 1; 0: empty; open addressing */
        size_t n_slots;          /* a power of two, at least twice n */
};

struct signatures *signatures_new(struct arena *arena, size_t width)
{
        struct signatures *signatures = arena_new_object(arena, struct signatures);

        signatures->arena = arena;
        signatures->width = width;
        signatures->words = bits_words(width);
        signatures->n_slots = FIRST_SLOTS;
        signatures->slots = arena_new_array(arena, uint32_t, FIRST_SLOTS);
        return signatures;
}

size_t signatures_n(const struct signatures *signatures)
{
        return signatures->n;
}

static bits_word *row(const struct signatures *signatures, size_t number)
{
        bits_word *block = signatures->blocks.items[number / BITS_WORD];

        return block + number % BITS_WORD * signatures->words;
}

bits_word *signatures_row(struct signatures *signatures)
{
        if (signatures->n / BITS_WORD == signatures->blocks.n)
                vec_push(
                    signatures->arena, &signatures->blocks,
                    arena_new_array(signatures->arena, bits_word, BITS_WORD * signatures->words));
        return row(signatures, signatures->n);
}

/* Hashes may be sums; the multiplication carries all of their bits to the top. */
static size_t slot_of(const struct signatures *signatures, uint64_t hash)
{
        return (size_t)(hash * 0x9e3779b97f4a7c15 >> 32) & (signatures->n_slots - 1);
}

static void slots_double(struct signatures *signatures)
{
        signatures->n_slots *= 2;
        signatures->slots = arena_new_array(signatures->arena, uint32_t, signatures->n_slots);
        for (size_t i = 0; i < signatures->n; i++) {
                size_t slot = slot_of(signatures, signatures->hashes.items[i]);

                while (signatures->slots[slot])
                        slot = (slot + 1) & (signatures->n_slots - 1);
                signatures->slots[slot] = (uint32_t)i + 1;
        }
}

uint32_t signatures_intern(struct signatures *signatures, uint64_t hash)
{
        const bits_word *written = row(signatures, signatures->n);
        size_t slot = slot_of(signatures, hash);

        for (uint32_t found; (found = signatures->slots[slot]) > 0;
             slot = (slot + 1) & (signatures->n_slots - 1))
                if (signatures->hashes.items[found - 1] == hash &&
                    bits_equal(row(signatures, found - 1), written, signatures->width))
                        return found - 1;

        uint32_t number = (uint32_t)signatures->n++;
        signatures->slots[slot] = number + 1;
        vec_push(signatures->arena, &signatures->hashes, hash);
        if (signatures->n > signatures->n_slots / 2)
                slots_double(signatures);
        return number;
}

/* Bit j of word i becomes bit i of word j: swaps the off-diagonal halves of squares of 64, 32, … 2
 * bits. */
static void transpose(bits_word square[BITS_WORD])
{
        bits_word low = 0x00000000ffffffff;

        for (unsigned half = 32; half; half /= 2, low ^= low << half)
                for (unsigned begin = 0; begin < BITS_WORD; begin += 2 * half)
                        for (unsigned i = begin; i < begin + half; i++) {
                                bits_word moved = (square[i] >> half ^ square[i + half]) & low;

                                square[i] ^= moved << half;
                                square[i + half] ^= moved;
                        }
}

/* The columns of one word of up to 64 rows. No bit behind the width is set. */
static void columns_of_square(bits_word square[BITS_WORD], size_t block, bits_word **columns)
{
        transpose(square);
        for (size_t i = 0; i < BITS_WORD; i++)
                if (square[i])
                        columns[i][block] = square[i];
}

static void columns_of_block(const struct signatures *signatures, size_t block, bits_word **columns)
{
        size_t first = block * BITS_WORD;
        size_t n = signatures->n - first < BITS_WORD ? signatures->n - first : BITS_WORD;
        bits_word squares[AT_ONCE][BITS_WORD] = {0};

        for (size_t word = 0; word < signatures->words; word += AT_ONCE) {
                size_t left = signatures->words - word, at_once = left < AT_ONCE ? left : AT_ONCE;

                for (size_t i = 0; i < n; i++)
                        for (size_t k = 0; k < at_once; k++)
                                squares[k][i] = row(signatures, first + i)[word + k];
                for (size_t k = 0; k < at_once; k++) {
                        columns_of_square(squares[k], block, columns + (word + k) * BITS_WORD);
                        memset(squares[k] + n, 0, (BITS_WORD - n) * sizeof(*squares[k]));
                }
        }
}

const bits_word *const *signatures_columns(const struct signatures *signatures, struct arena *arena)
{
        size_t words = bits_words(signatures->n);
        bits_word **columns = arena_new_array(arena, bits_word *, signatures->width);
        bits_word *all = arena_new_array(arena, bits_word, signatures->width * words);

        for (size_t i = 0; i < signatures->width; i++)
                columns[i] = all + i * words;
        for (size_t block = 0; block < words; block++)
                columns_of_block(signatures, block, columns);
        return (const bits_word *const *)columns;
}
