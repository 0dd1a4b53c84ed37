#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kube/read/value.h"

/* The keys of the maps that are being read, to find one that is given twice. A map begins at a
 * mark, its members are added, and its end takes them off again; maps nest. Zero-initialise. */

struct key {
        uint32_t hash;
        uint32_t at; /* place among the map's members */
        const struct value *member;
};

struct keys {
        struct key *items;
        size_t n, cap;
};

void keys_done(struct keys *keys);
static inline size_t keys_mark(const struct keys *keys)
{
        return keys->n;
}
void keys_add(struct keys *keys, size_t mark, const struct value *member, size_t key_length);
/* The first member whose key was there before, and where that was; NULL where all differ. */
const struct value *keys_end(struct keys *keys, size_t mark, const struct value **ret_before);
