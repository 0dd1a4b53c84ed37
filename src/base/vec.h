#pragma once

#include <stddef.h>

#include "base/arena.h"

/* A growable array in an arena. VEC(struct rule) rules = {0}; vec_push(arena, &rules, rule);
 * Growing copies, so pointers into items hold only until the next push. */
#define VEC(T)                                                                                     \
        struct {                                                                                   \
                T *items;                                                                          \
                size_t n, cap;                                                                     \
        }

#define vec_push(arena, v, item)                                                                   \
        do {                                                                                       \
                vec_reserve((arena), (void **)&(v)->items, (v)->n, &(v)->cap,                      \
                            sizeof(*(v)->items));                                                  \
                (v)->items[(v)->n++] = (item);                                                     \
        } while (0)

/* The same where nobody else holds the items: where they grew out of a large place, it is given
 * back. */
#define vec_push_own(arena, v, item)                                                               \
        do {                                                                                       \
                const void *vec_left_ = (v)->items;                                                \
                vec_reserve((arena), (void **)&(v)->items, (v)->n, &(v)->cap,                      \
                            sizeof(*(v)->items));                                                  \
                if (vec_left_ != (v)->items)                                                       \
                        arena_release((arena), vec_left_);                                         \
                (v)->items[(v)->n++] = (item);                                                     \
        } while (0)

/* An empty one may have no items at all, and C forbids adding even 0 to NULL. */
#define vec_foreach(T, it, v) for (T *it = (v)->items; (v)->n > 0 && it < (v)->items + (v)->n; it++)

#define vec_sort(v, compare) sort_items((v)->items, (v)->n, sizeof(*(v)->items), (compare))
/* An item that compare() finds equal to *key, or NULL. */
#define vec_find(v, key, compare)                                                                  \
        find_sorted((key), (v)->items, (v)->n, sizeof(*(v)->items), (compare))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Room for one more item; doubles. */
void vec_reserve(struct arena *arena, void **items, size_t n, size_t *cap, size_t item_size);

/* qsort() and bsearch() that allow NULL for no items. */
void sort_items(void *items, size_t n, size_t item_size,
                int (*compare)(const void *, const void *));
void *find_sorted(const void *key, const void *items, size_t n, size_t item_size,
                  int (*compare)(const void *key, const void *item));
/* By strcmp(). */
void sort_texts(const char **texts, size_t n);
