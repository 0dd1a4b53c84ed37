#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Text → pointer, in an arena; keys are copied. Iteration is in order of insertion, so that
 * whatever is printed from a map is the same on every run. */
struct map;

struct map_entry {
        const char *key;
        size_t key_length; /* without its NUL */
        void *value;
};

struct map *map_new(struct arena *arena);
void *map_get(const struct map *map, const char *key); /* NULL where absent */
/* Sets or replaces; value must not be NULL. Returns the map's own copy of the key. */
const char *map_put(struct map *map, const char *key, void *value);
/* What this process' tables are sorted by: seeded once for each, since keys come from whoever may
 * write objects, who must not be able to make them collide. */
uint64_t map_hash(const void *data, size_t n);
size_t map_size(const struct map *map);
/* map_size() of them, until one is added. */
const struct map_entry *map_entries(const struct map *map);

/* Interned texts: equal texts have equal pointers, and 10,000 pods share one copy of a label. */
struct intern;
struct intern *intern_new(struct arena *arena);
const char *intern_text(struct intern *intern, const char *text);
const char *intern_bytes(struct intern *intern, const char *bytes, size_t length);
/* Texts are numbered 0, 1, 2, … as they come: equal bytes, whatever they are, have equal numbers.
 */
size_t intern_number(struct intern *intern, const void *bytes, size_t length);
size_t intern_size(const struct intern *intern);
