#include "compile/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"

/* Names are found by their keys, and stay where they are; the tables that find them are made anew
 * when more than half of what is in them has been forgotten. So the memory is bounded by what two
 * compiles use, however many there were, and no table needs to remove a thing. */

#define NAME_DIGEST   16
#define FEW_FORGOTTEN 64 /* not worth new tables */

struct known {
        struct arena *arena; /* of the tables */
        struct intern *keys, *texts;
        VEC(struct known_name *) by_key;  /* by number of the key */
        VEC(struct known_name *) by_text; /* by number of the text: the last that had it */
        unsigned long compile;            /* number of the present one */
        size_t n_used;                    /* in it */
};

static void new_tables(struct known *known)
{
        known->arena = arena_new();
        known->keys = intern_new(known->arena);
        known->texts = intern_new(known->arena);
        known->by_key.items = known->by_text.items = NULL;
        known->by_key.n = known->by_key.cap = 0;
        known->by_text.n = known->by_text.cap = 0;
}

struct known *known_new(void)
{
        struct known *known = memory_alloc(sizeof(*known));

        new_tables(known);
        return known;
}

static void forget_contents(struct known_name *name)
{
        free(name->contents.items);
        name->contents = (struct contents){0};
}

static void free_name(struct known_name *name)
{
        forget_contents(name);
        free(name);
}

void known_free(struct known *known)
{
        vec_foreach (struct known_name *, name, &known->by_key)
                free_name(*name);
        arena_free(known->arena);
        free(known);
}

static void enter(struct known *known, struct known_name *name)
{
        name->key = intern_bytes(known->keys, name->key, name->key_length);
        name->number = intern_number(known->texts, name->digested, strlen(name->digested));
        while (known->by_text.n <= name->number)
                vec_push(known->arena, &known->by_text, NULL);
        if (!known->by_text.items[name->number])
                known->by_text.items[name->number] = name;
        vec_push(known->arena, &known->by_key, name);
}

static struct known_name *add_name(struct known *known, const char *prefix,
                                   const struct strbuf *key)
{
        struct known_name *name = memory_alloc(sizeof(*name));
        char digest[NAME_DIGEST + 1];

        digest_name(strbuf_text(key), key->length, digest, NAME_DIGEST);
        snprintf(name->digested, sizeof(name->digested), "%s%s", prefix, digest);
        name->key = strbuf_text(key);
        name->key_length = key->length;
        enter(known, name);
        return name;
}

/* For the first time in this compile. */
static void begin_to_use(struct known *known, struct arena *arena, struct known_name *name)
{
        struct known_name **named = &known->by_text.items[name->number];

        name->shared = *named != name && (*named)->used == known->compile;
        name->used = known->compile;
        name->place = 0;
        name->text = arena_strdup(arena, name->digested);
        *named = name;
        known->n_used++;
}

struct known_name *known_name_of(struct known *known, struct arena *arena, const char *prefix,
                                 const struct strbuf *key)
{
        size_t number = intern_number(known->keys, strbuf_text(key), key->length);
        struct known_name *name =
            number < known->by_key.n ? known->by_key.items[number] : add_name(known, prefix, key);

        if (name->used != known->compile)
                begin_to_use(known, arena, name);
        return name;
}

const struct known_name *known_by_text(const struct known *known, const char *text)
{
        size_t number = intern_number(known->texts, text, strlen(text));

        return number < known->by_text.n ? known->by_text.items[number] : NULL;
}

void known_begin(struct known *known)
{
        known->compile++;
        known->n_used = 0;
}

/* Those of the last compile alone. */
static void renew_tables(struct known *known)
{
        struct known old = *known;

        new_tables(known);
        vec_foreach (struct known_name *, name, &old.by_key)
                if ((*name)->used == known->compile)
                        enter(known, *name);
                else
                        free_name(*name);
        arena_free(old.arena);
}

void known_end(struct known *known)
{
        vec_foreach (struct known_name *const, name, &known->by_key)
                if ((*name)->used != known->compile)
                        forget_contents(*name);
        if (known->by_key.n > 2 * known->n_used + FEW_FORGOTTEN)
                renew_tables(known);
}

size_t known_size(const struct known *known)
{
        size_t size = arena_size(known->arena) + known->by_key.n * sizeof(struct known_name);

        vec_foreach (struct known_name *const, name, &known->by_key)
                size += (*name)->contents.cap * sizeof(struct set_element);
        return size;
}
