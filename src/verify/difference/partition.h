#pragma once

#include "verify/bits.h"

/* Numbers below n in classes, split by one set after the other: two numbers end in one class where
 * every set holds both or neither. A split costs what the set holds, not what there is. */
struct partition {
        struct arena *arena;
        size_t *class_of;
        size_t n, n_classes; /* some may have become empty */
        struct split_class *splits;
        size_t cap, n_splits;
};

/* All in one class. */
void partition_init(struct partition *partition, struct arena *arena, size_t n);
void partition_split(struct partition *partition, const bits_word *bits);

/* The members of a class. Most classes lie close together: only some of the words hold any. */
struct part {
        bits_word *bits;
        size_t first_word, end_word;
        size_t any; /* a member, the first */
};
struct parts {
        struct part *items;
        size_t n, cap;
};
/* Of those that are wanted alone, by their first members. */
struct parts partition_parts(const struct partition *partition, struct arena *arena,
                             const bits_word *wanted);
