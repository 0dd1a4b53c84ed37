#include "verify/difference/rows.h"

struct rows {
        struct arena *arena;
        size_t width;
        struct intern *numbers;
        struct row_list list;
};

/* No more of a set than the words that hold any: most sets are a few pods of 10,000. */
static size_t number_of(struct intern *numbers, size_t effect, const bits_word *bits, size_t first,
                        size_t end)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_add_bytes(&key, (const char *)&effect, sizeof(effect));
        strbuf_add_bytes(&key, (const char *)&first, sizeof(first));
        strbuf_add_bytes(&key, (const char *)(bits + first), (end - first) * sizeof(*bits));
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

void rows_add(struct rows *rows, size_t effect, const struct part *from, const struct part *to)
{
        size_t number =
            number_of(rows->numbers, effect, from->bits, from->first_word, from->end_word);

        if (number == rows->list.n) {
                struct row row = {effect, bits_new(rows->arena, rows->width),
                                  bits_new(rows->arena, rows->width)};
                bits_copy(row.from, from->bits, rows->width);
                vec_push(rows->arena, &rows->list, row);
        }
        for (size_t i = to->first_word; i < to->end_word; i++)
                rows->list.items[number].to[i] |= to->bits[i];
}

struct row_list rows_gather(struct rows *rows)
{
        struct intern *numbers = intern_new(rows->arena);
        struct row_list gathered = {0};

        vec_foreach (const struct row, row, &rows->list) {
                size_t first = bits_first(row->to, rows->width) / BITS_WORD;
                size_t end = bits_words(rows->width);
                while (!row->to[end - 1])
                        end--;
                size_t number = number_of(numbers, row->effect, row->to, first, end);
                if (number >= gathered.n)
                        vec_push(rows->arena, &gathered, *row);
                else
                        bits_or(gathered.items[number].from, row->from, rows->width);
        }
        return gathered;
}
