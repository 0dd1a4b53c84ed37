#include "kube/read/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vec.h"

/* Most maps have a handful of members: comparing the hashes of all pairs beats everything else.
 * Large ones are sorted, so that no input makes it quadratic, whatever its hashes are. */

#define PAIRWISE 24

void keys_done(struct keys *keys)
{
        free(keys->items);
        *keys = (struct keys){0};
}

static uint32_t hash_of(const char *text, size_t length)
{
        uint64_t hash = length, word = 0;

        for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
                memcpy(&word, text, sizeof(word));
                hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
                hash ^= hash >> 29;
        }
        word = 0;
        memcpy(&word, text, length);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        return (uint32_t)(hash >> 32);
}

void keys_add(struct keys *keys, size_t mark, const struct value *member, size_t key_length)
{
        if (keys->n == keys->cap) {
                keys->cap = keys->cap ? keys->cap * 2 : 256;
                keys->items = memory_grow(keys->items, keys->cap * sizeof(*keys->items));
        }
        keys->items[keys->n] = (struct key){
            .hash = hash_of(member->key, key_length),
            .at = (uint32_t)(keys->n - mark),
            .member = member,
        };
        keys->n++;
}

static const struct key *first_of_pairs(const struct key *items, size_t n, const struct key **ret)
{
        for (size_t i = 1; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (items[i].hash == items[j].hash &&
                            strcmp(items[i].member->key, items[j].member->key) == 0) {
                                *ret = &items[j];
                                return &items[i];
                        }
        return NULL;
}

static int compare_keys(const void *a, const void *b)
{
        const struct key *x = a, *y = b;

        if (x->hash != y->hash)
                return x->hash < y->hash ? -1 : 1;
        int order = strcmp(x->member->key, y->member->key);
        return order ? order : (x->at > y->at) - (x->at < y->at);
}

static const struct key *first_of_sorted(struct key *items, size_t n, const struct key **ret)
{
        const struct key *second = NULL;

        sort_items(items, n, sizeof(*items), compare_keys);
        for (size_t i = 1; i < n; i++) {
                if (items[i].hash != items[i - 1].hash ||
                    strcmp(items[i].member->key, items[i - 1].member->key) != 0)
                        continue;
                if (!second || items[i].at < second->at) {
                        second = &items[i];
                        *ret = &items[i - 1];
                }
        }
        return second;
}

const struct value *keys_end(struct keys *keys, size_t mark, const struct value **ret_before)
{
        size_t n = keys->n - mark;
        const struct key *before = NULL;

        keys->n = mark;
        if (!keys->items || n < 2)
                return NULL;
        struct key *items = keys->items + mark;
        const struct key *second =
            n <= PAIRWISE ? first_of_pairs(items, n, &before) : first_of_sorted(items, n, &before);
        if (!second)
                return NULL;
        *ret_before = before->member;
        return second->member;
}
