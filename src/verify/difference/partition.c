#include "verify/difference/partition.h"

#include "base/vec.h"

/* Where the members of a class go that a set holds, while that set splits. */
struct split_class {
        size_t to;
        size_t split;
};

void partition_init(struct partition *partition, struct arena *arena, size_t n)
{
        *partition = (struct partition){
            .arena = arena,
            .class_of = arena_new_array(arena, size_t, n),
            .n = n,
            .n_classes = 1,
        };
}

/* Classes that have come to be by now, each once in the list. */
static struct split_class *split_of(struct partition *partition, size_t class)
{
        while (partition->cap <= class)
                vec_reserve(partition->arena, (void **)&partition->splits, partition->cap,
                            &partition->cap, sizeof(*partition->splits));
        return &partition->splits[class];
}

void partition_split(struct partition *partition, const bits_word *bits)
{
        size_t n = partition->n;

        partition->n_splits++;
        for (size_t i = bits_next(bits, 0, n); i < n; i = bits_next(bits, i + 1, n)) {
                struct split_class *split = split_of(partition, partition->class_of[i]);
                if (split->split != partition->n_splits) {
                        split->split = partition->n_splits;
                        split->to = partition->n_classes++;
                }
                partition->class_of[i] = split->to;
        }
}

struct parts partition_parts(const struct partition *partition, struct arena *arena,
                             const bits_word *wanted)
{
        size_t *number = arena_new_array(arena, size_t, partition->n_classes);
        size_t n = partition->n;
        struct parts parts = {0};

        for (size_t i = bits_next(wanted, 0, n); i < n; i = bits_next(wanted, i + 1, n)) {
                size_t *own = &number[partition->class_of[i]];
                if (*own == 0 || parts.n == 0) {
                        struct part part = {bits_new(arena, n), i / BITS_WORD, 0, i};
                        vec_push(arena, &parts, part);
                        *own = parts.n;
                }
                bits_set(parts.items[*own - 1].bits, i);
                parts.items[*own - 1].end_word = i / BITS_WORD + 1;
        }
        return parts;
}
