#include "verify/memo.h"

#include <stdlib.h>

#include "base/memory.h"

struct slot {
        struct memo_key key;
        const void *value; /* NULL: free */
};

struct memo {
        struct slot *slots;
        size_t n_slots, n; /* a power of two; taken */
};

struct memo *memo_new(void)
{
        struct memo *memo = memory_alloc(sizeof(*memo));

        memo->n_slots = 1024;
        memo->slots = memory_alloc(memo->n_slots * sizeof(*memo->slots));
        return memo;
}

void memo_free(struct memo *memo)
{
        free(memo->slots);
        free(memo);
}

static size_t hash_key(const struct memo_key *key)
{
        uint64_t hash = (uintptr_t)key->point * 0x9e3779b97f4a7c15u;

        hash = (hash ^ (uintptr_t)key->packet_case) * 0xbf58476d1ce4e5b9u;
        hash = (hash ^ ((uint64_t)key->block << 32 | key->mark)) * 0x94d049bb133111ebu;
        hash ^= (uint64_t)key->stretch << 8 | (uint64_t)key->axis << 4 | key->mark_known;
        hash *= 0x9e3779b97f4a7c15u;
        return (size_t)(hash ^ hash >> 29);
}

static bool keys_equal(const struct memo_key *a, const struct memo_key *b)
{
        return a->point == b->point && a->packet_case == b->packet_case && a->block == b->block &&
               a->mark == b->mark && a->stretch == b->stretch && a->mark_known == b->mark_known &&
               a->axis == b->axis;
}

/* Where it is, or would be. */
static struct slot *find(struct slot *slots, size_t n, const struct memo_key *key)
{
        size_t i = hash_key(key) & (n - 1);

        while (slots[i].value && !keys_equal(&slots[i].key, key))
                i = (i + 1) & (n - 1);
        return &slots[i];
}

const void *memo_get(const struct memo *memo, const struct memo_key *key)
{
        return find(memo->slots, memo->n_slots, key)->value;
}

static void grow(struct memo *memo)
{
        size_t n = memo->n_slots * 2;
        struct slot *slots = memory_alloc(n * sizeof(*slots));

        for (size_t i = 0; i < memo->n_slots; i++)
                if (memo->slots[i].value)
                        *find(slots, n, &memo->slots[i].key) = memo->slots[i];
        free(memo->slots);
        memo->slots = slots;
        memo->n_slots = n;
}

void memo_put(struct memo *memo, const struct memo_key *key, const void *value)
{
        if (memo->n * 2 >= memo->n_slots)
                grow(memo);
        *find(memo->slots, memo->n_slots, key) = (struct slot){*key, value};
        memo->n++;
}
