#include "verify/flows.h"

bool flow_is_empty(const bits_word *bits, size_t n_words)
{
        for (size_t i = 0; bits && i < n_words; i++)
                if (bits[i])
                        return false;
        return true;
}

void flow_add(struct arena *arena, size_t n_words, bits_word **to, const bits_word *a,
              const bits_word *b)
{
        size_t i = 0;

        if (!a)
                return;
        if (!*to) { /* most of what is cut out is nothing */
                while (i < n_words && (a[i] & (b ? b[i] : ~(bits_word)0)) == 0)
                        i++;
                if (i == n_words)
                        return;
                *to = arena_new_array(arena, bits_word, n_words);
        }
        for (; i < n_words; i++)
                (*to)[i] |= a[i] & (b ? b[i] : ~(bits_word)0);
}

void flow_add_cut(struct arena *arena, size_t n_words, struct bits_pair *to,
                  const struct bits_pair *arriving, const struct bits_pair *way)
{
        if (arriving->sure && way->sure)
                flow_add(arena, n_words, &to->sure, arriving->sure, way->sure);
        if (arriving->sure && way->maybe)
                flow_add(arena, n_words, &to->maybe, arriving->sure, way->maybe);
        if (arriving->maybe && way->sure)
                flow_add(arena, n_words, &to->maybe, arriving->maybe, way->sure);
        if (arriving->maybe && way->maybe)
                flow_add(arena, n_words, &to->maybe, arriving->maybe, way->maybe);
}

void flow_add_pair(struct arena *arena, size_t n_words, struct bits_pair *to,
                   const struct bits_pair *from)
{
        flow_add(arena, n_words, &to->sure, from->sure, NULL);
        flow_add(arena, n_words, &to->maybe, from->maybe, NULL);
}

struct exit *exit_with(struct exits *exits, struct mark mark)
{
        for (size_t i = 0; i < exits->n; i++)
                if (exits->items[i].mark.known == mark.known &&
                    (!mark.known || exits->items[i].mark.value == mark.value))
                        return &exits->items[i];
        if (exits->n + 1 >= MAX_MARKS && mark.known)
                return exit_with(exits, (struct mark){0});
        struct exit *new = &exits->items[exits->n++];
        *new = (struct exit){.mark = mark};
        return new;
}
