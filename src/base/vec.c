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

void *find_sorted(const void *key, const void *items, size_t n, size_t item_size,
                  int (*compare)(const void *, const void *))
{
        return n > 0 ? bsearch(key, items, n, item_size, compare) : NULL;
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sort_texts(const char **texts, size_t n)
{
        sort_items(texts, n, sizeof(*texts), compare_texts);
}
