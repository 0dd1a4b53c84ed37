#include "verify/difference/rows.h"

struct rows {
        struct arena *arena;
        size_t width;
        struct intern *numbers;
        struct row_list list;
};

static size_t number_of(struct intern *numbers, size_t effect, const bits_word *bits, size_t width)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_add_bytes(&key, (const char *)&effect, sizeof(effect));
        strbuf_add_bytes(&key, (const char *)bits, bits_words(width) * sizeof(*bits));
        return intern_number(numbers, key.text, key.length);
}

struct rows *rows_new(struct arena *arena, size_t n_ends)
{
        struct rows *rows = arena_new_object(arena, struct rows);

        rows->arena = arena;
        rows->width = n_ends;
        rows->numbers = intern_new(arena);
        return rows;
}

static bits_word *copy_of(const struct rows *rows, const bits_word *bits)
{
        return arena_copy(rows->arena, bits, bits_words(rows->width) * sizeof(*bits));
}

void rows_add(struct rows *rows, size_t effect, const bits_word *from, size_t to)
{
        size_t number = number_of(rows->numbers, effect, from, rows->width);

        if (number == rows->list.n) {
                struct row row = {effect, copy_of(rows, from), bits_new(rows->arena, rows->width)};
                vec_push(rows->arena, &rows->list, row);
        }
        bits_set(rows->list.items[number].to, to);
}

struct row_list rows_gather(struct rows *rows)
{
        struct intern *numbers = intern_new(rows->arena);
        struct row_list gathered = {0};

        vec_foreach (const struct row, row, &rows->list) {
                size_t number = number_of(numbers, row->effect, row->to, rows->width);
                if (number >= gathered.n)
                        vec_push(rows->arena, &gathered, *row);
                else
                        bits_or(gathered.items[number].from, row->from, rows->width);
        }
        return gathered;
}
