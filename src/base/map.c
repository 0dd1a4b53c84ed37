#include "base/map.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/vec.h"

/* Open addressing over indexes into an array of entries. The hash is seeded once for each process:
 * keys come from whoever may write objects, who must not be able to make them collide. */

struct slots {
        uint32_t *index; /* 1 + index of the entry, 0 where empty */
        size_t size;     /* a power of two */
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

static uint64_t hash_bytes(const char *bytes, size_t n)
{
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

static void slots_grow(struct arena *arena, struct slots *slots)
{
        slots->size = slots->size ? slots->size * 2 : 16;
        slots->index = arena_new_array(arena, uint32_t, slots->size);
}

struct map {
        struct arena *arena;
        VEC(struct map_entry) entries;
        struct slots slots;
};

struct map *map_new(struct arena *arena)
{
        struct map *map = arena_new_object(arena, struct map);

        map->arena = arena;
        slots_grow(arena, &map->slots);
        return map;
}

static uint32_t *map_slot(const struct map *map, const char *key)
{
        size_t mask = map->slots.size - 1;
        size_t at = hash_bytes(key, strlen(key)) & mask;

        while (map->slots.index[at] &&
               strcmp(map->entries.items[map->slots.index[at] - 1].key, key) != 0)
                at = (at + 1) & mask;
        return &map->slots.index[at];
}

void *map_get(const struct map *map, const char *key)
{
        uint32_t index = *map_slot(map, key);

        return index ? map->entries.items[index - 1].value : NULL;
}

const char *map_put(struct map *map, const char *key, void *value)
{
        uint32_t *slot = map_slot(map, key);

        if (*slot) {
                map->entries.items[*slot - 1].value = value;
                return map->entries.items[*slot - 1].key;
        }
        if (map->entries.n * 2 >= map->slots.size) {
                slots_grow(map->arena, &map->slots);
                for (size_t i = 0; i < map->entries.n; i++)
                        *map_slot(map, map->entries.items[i].key) = (uint32_t)i + 1;
                slot = map_slot(map, key);
        }
        struct map_entry entry = {arena_strdup(map->arena, key), value};
        vec_push(map->arena, &map->entries, entry);
        *slot = (uint32_t)map->entries.n;
        return entry.key;
}

size_t map_size(const struct map *map)
{
        return map->entries.n;
}

const struct map_entry *map_entries(const struct map *map)
{
        return map->entries.items;
}

struct interned {
        const char *text;
        size_t length;
};

struct intern {
        struct arena *arena;
        VEC(struct interned) texts;
        struct slots slots;
};

struct intern *intern_new(struct arena *arena)
{
        struct intern *intern = arena_new_object(arena, struct intern);

        intern->arena = arena;
        slots_grow(arena, &intern->slots);
        return intern;
}

static uint32_t *intern_slot(const struct intern *intern, const char *bytes, size_t length)
{
        size_t mask = intern->slots.size - 1;
        size_t at = hash_bytes(bytes, length) & mask;

        for (; intern->slots.index[at]; at = (at + 1) & mask) {
                const struct interned *t = &intern->texts.items[intern->slots.index[at] - 1];
                if (t->length == length && memcmp(t->text, bytes, length) == 0)
                        break;
        }
        return &intern->slots.index[at];
}

const char *intern_bytes(struct intern *intern, const char *bytes, size_t length)
{
        uint32_t *slot = intern_slot(intern, bytes, length);

        if (*slot)
                return intern->texts.items[*slot - 1].text;
        if (intern->texts.n * 2 >= intern->slots.size) {
                slots_grow(intern->arena, &intern->slots);
                for (size_t i = 0; i < intern->texts.n; i++)
                        *intern_slot(intern, intern->texts.items[i].text,
                                     intern->texts.items[i].length) = (uint32_t)i + 1;
                slot = intern_slot(intern, bytes, length);
        }
        struct interned fresh = {arena_strndup(intern->arena, bytes, length), length};
        vec_push(intern->arena, &intern->texts, fresh);
        *slot = (uint32_t)intern->texts.n;
        return fresh.text;
}

const char *intern_text(struct intern *intern, const char *text)
{
        return intern_bytes(intern, text, strlen(text));
}
