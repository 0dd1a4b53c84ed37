#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Memory that lives and dies together: one arena for each snapshot of the cluster, each ruleset,
 * each command. Pieces are never freed one by one; arena_free() or arena_reset() frees them all.
 * Running out of memory ends the process with a message, so nothing here returns NULL. */
struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is allowed */
void arena_freep(struct arena **arena);
#define _cleanup_arena_ __attribute__((cleanup(arena_freep)))

/* Forgets every piece; keeps one block, so that a loop over objects does not go back to malloc. */
void arena_reset(struct arena *arena);

/* Gives a piece back at once, if it is so large that it has a block of its own; else it waits for
 * the others. For what grew out of its place: nothing may point into it any more. */
void arena_release(struct arena *arena, const void *piece);

/* Bytes taken from the system, for reports. */
size_t arena_size(const struct arena *arena);

/* Aligned for any type; zeroed. size 0 is allowed and yields a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* Ends the process where count * size overflows. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
    __attribute__((returns_nonnull));
#define arena_new_object(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_new_array(arena, type, count)                                                        \
        ((type *)arena_alloc_array((arena), (count), sizeof(type)))

void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* These texts, one behind the other. */
#define arena_join(arena, ...)                                                                     \
        arena_join_parts((arena), (const char *const[]){__VA_ARGS__},                              \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
char *arena_join_parts(struct arena *arena, const char *const *parts, size_t n);
