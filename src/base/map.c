#include "base/map.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/vec.h"

/* Open addressing over indexes into an array of entries. Interned texts are the keys of
 * a map without values. */

struct map {
        struct arena *arena;
        VEC(struct map_entry) entries;
        uint32_t *slots; /* 1 + index of the entry, 0 where empty */
        size_t n_slots;  /* a power of two */
};

struct intern {
        struct map map;
};

static uint64_t hash_seed(void)
{
        static uint64_t seed;

        if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
                seed = (uint64_t)(uintptr_t)&seed;
        return seed;
}

/* Mixes eight bytes at a time as wyhash does: a 64×64→128 multiplication, halves xored. */
static uint64_t mix(uint64_t a, uint64_t b)
{
        __uint128_t product = (__uint128_t)a * b;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t map_hash(const void *data, size_t n)
{
        const char *bytes = data;
        uint64_t hash = hash_seed() ^ (n * 0x9e3779b97f4a7c15u), word;

        for (; n >= 8; bytes += 8, n -= 8) {
                memcpy(&word, bytes, 8);
                hash = mix(hash ^ word, 0xa0761d6478bd642fu);
        }
        word = 0;
        if (n)
                memcpy(&word, bytes, n);
        return mix(hash ^ word, 0xe7037ed1a0b428dbu);
}

static void add_slots(struct map *map)
{
        map->n_slots = map->n_slots ? map->n_slots * 2 : 16;
        map->slots = arena_new_array(map->arena, uint32_t, map->n_slots);
}

static struct map map_in(struct arena *arena)
{
        struct map map = {.arena = arena};

        add_slots(&map);
        return map;
}

struct map *map_new(struct arena *arena)
{
        struct map map = map_in(arena);

        return arena_copy(arena, &map, sizeof(map));
}

/* Where the key is, or would be. */
static uint32_t *find_slot(const struct map *map, const char *key, size_t length)
{
        size_t mask = map->n_slots - 1;
        size_t at = map_hash(key, length) & mask;

        for (; map->slots[at]; at = (at + 1) & mask) {
                const struct map_entry *entry = &map->entries.items[map->slots[at] - 1];
                if (entry->key_length == length && memcmp(entry->key, key, length) == 0)
                        break;
        }
        return &map->slots[at];
}

static void grow(struct map *map)
{
        const uint32_t *old = map->slots;

        add_slots(map);
        arena_release(map->arena, old);
        for (size_t i = 0; i < map->entries.n; i++) {
                const struct map_entry *entry = &map->entries.items[i];
                *find_slot(map, entry->key, entry->key_length) = (uint32_t)i + 1;
        }
}

static struct map_entry *find_or_add(struct map *map, const char *key, size_t length)
{
        uint32_t *slot = find_slot(map, key, length);

        if (*slot)
                return &map->entries.items[*slot - 1];
        if (map->entries.n * 2 >= map->n_slots) {
                grow(map);
                slot = find_slot(map, key, length);
        }
        struct map_entry entry = {.key = arena_strndup(map->arena, key, length),
                                  .key_length = length};
        vec_push_own(map->arena, &map->entries, entry);
        *slot = (uint32_t)map->entries.n;
        return &map->entries.items[map->entries.n - 1];
}

void *map_get(const struct map *map, const char *key)
{
        uint32_t index = *find_slot(map, key, strlen(key));

        return index ? map->entries.items[index - 1].value : NULL;
}

const char *map_put(struct map *map, const char *key, void *value)
{
        struct map_entry *entry = find_or_add(map, key, strlen(key));

        entry->value = value;
        return entry->key;
}

size_t map_size(const struct map *map)
{
        return map->entries.n;
}

const struct map_entry *map_entries(const struct map *map)
{
        return map->entries.items;
}

struct intern *intern_new(struct arena *arena)
{
        struct intern intern = {map_in(arena)};

        return arena_copy(arena, &intern, sizeof(intern));
}

const char *intern_bytes(struct intern *intern, const char *bytes, size_t length)
{
        return find_or_add(&intern->map, bytes, length)->key;
}

const char *intern_text(struct intern *intern, const char *text)
{
        return intern_bytes(intern, text, strlen(text));
}

size_t intern_number(struct intern *intern, const void *bytes, size_t length)
{
        return (size_t)(find_or_add(&intern->map, bytes, length) - intern->map.entries.items);
}

size_t intern_size(const struct intern *intern)
{
        return map_size(&intern->map);
}
