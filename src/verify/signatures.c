#include "verify/signatures.h"

#include <string.h>

#include "base/vec.h"

/* Rows live in blocks of 64, which is also what is turned into columns at a time: 64 × 64 bits in
 * six steps, instead of bit by bit. */

#define FIRST_SLOTS 1024

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
                for (unsigned i = 0; i < BITS_WORD; i = (i + half + 1) & ~half) {
                        bits_word moved = (square[i] >> half ^ square[i + half]) & low;

                        square[i] ^= moved << half;
                        square[i + half] ^= moved;
                }
}

/* The columns of up to 64 rows: one word of each. */
static void columns_of_block(const struct signatures *signatures, size_t block, bits_word **columns)
{
        size_t first = block * BITS_WORD;
        size_t n = signatures->n - first < BITS_WORD ? signatures->n - first : BITS_WORD;

        for (size_t word = 0; word < signatures->words; word++) {
                bits_word square[BITS_WORD] = {0}, any = 0;

                for (size_t i = 0; i < n; i++)
                        any |= square[i] = row(signatures, first + i)[word];
                if (!any)
                        continue;
                transpose(square);
                for (size_t i = 0; i < BITS_WORD && word * BITS_WORD + i < signatures->width; i++)
                        columns[word * BITS_WORD + i][block] = square[i];
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
