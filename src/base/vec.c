#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void vec_reserve(struct arena *arena, void **items, size_t n, size_t *cap, size_t item_size)
{
        if (n < *cap)
                return;
        *cap = *cap ? *cap * 2 : 4;
        void *grown = arena_alloc_array(arena, *cap, item_size);
        if (n)
                memcpy(grown, *items, n * item_size);
        *items = grown;
}

void sort_items(void *items, size_t n, size_t item_size, int (*compare)(const void *, const void *))
{
        if (n > 1)
                qsort(items, n, item_size, compare);
}
