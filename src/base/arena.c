#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A chain of blocks, newest first; a piece is carved off the newest. A piece larger than a quarter
 * of a block gets a block of its own, behind the newest, so that the newest's rest is not lost.
 *
 * A few blocks are kept when their arena is freed, for the next one: whoever builds an arena for
 * each event would else have the kernel take its pages and clear them again each time, which was a
 * third of what the agent's processor did for an event. */

#define BLOCK_SIZE ((size_t)256 * 1024)
#define ALIGNMENT  _Alignof(max_align_t)

/* To AddressSanitizer a block is one piece of memory. So that it sees a step from one piece into
 * the next, all of a block is forbidden ground but what was carved, and a gap lies behind each
 * piece. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP       ALIGNMENT
#define SPARE_MAX 0 /* it would not see who uses what was freed */
#else
#define GAP                               0
#define SPARE_MAX                         8
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct block {
        struct block *next;
        size_t size; /* of data */
        size_t used;
        _Alignas(max_align_t) unsigned char data[];
};

struct arena {
        struct block *newest;
        size_t total;
};

struct arena *arena_new(void)
{
        return memory_alloc(sizeof(struct arena));
}

static _Thread_local struct {
        struct block *first;
        unsigned n;
} spare; /* of BLOCK_SIZE */

static struct block *take_spare(size_t size)
{
        struct block *block = size == BLOCK_SIZE ? spare.first : NULL;

        if (block) {
                spare.first = block->next;
                spare.n--;
        }
        return block;
}

static void block_free(struct block *block)
{
        if (block->size != BLOCK_SIZE || spare.n + 1 > SPARE_MAX) {
                free(block);
                return;
        }
        block->next = spare.first;
        spare.first = block;
        spare.n++;
}

static struct block *block_new(struct arena *arena, size_t size)
{
        struct block *block = take_spare(size);

        if (!block)
                block = memory_alloc_raw(sizeof(*block) + size);
        block->next = NULL;
        block->size = size;
        block->used = 0;
        ASAN_POISON_MEMORY_REGION(block->data, size);
        arena->total += size;
        return block;
}

void arena_reset(struct arena *arena)
{
        struct block *keep = NULL;

        for (struct block *b = arena->newest, *next; b; b = next) {
                next = b->next;
                if (!keep && b->size == BLOCK_SIZE) {
                        keep = b;
                        continue;
                }
                block_free(b);
        }
        arena->newest = keep;
        arena->total = keep ? keep->size : 0;
        if (keep) {
                keep->next = NULL;
                keep->used = 0;
                ASAN_POISON_MEMORY_REGION(keep->data, keep->size);
        }
}

void arena_release(struct arena *arena, const void *piece)
{
        struct block **link = &arena->newest;

        while (*link && (*link)->data != piece)
                link = &(*link)->next;
        /* Only one that nothing else was carved off. */
        if (!*link || (*link)->size == BLOCK_SIZE)
                return;
        struct block *block = *link;
        *link = block->next;
        arena->total -= block->size;
        free(block);
}

void arena_free(struct arena *arena)
{
        if (!arena)
                return;
        for (struct block *b = arena->newest, *next; b; b = next) {
                next = b->next;
                block_free(b);
        }
        free(arena);
}

void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

size_t arena_size(const struct arena *arena)
{
        return arena->total;
}

static void *carve_rounded(struct arena *arena, size_t rounded)
{
        struct block *newest = arena->newest;

        if (newest && newest->size - newest->used >= rounded) {
                void *piece = newest->data + newest->used;
                newest->used += rounded;
                return piece;
        }
        if (rounded > BLOCK_SIZE / 4) {
                struct block *own = block_new(arena, rounded);
                own->used = rounded;
                if (newest) {
                        own->next = newest->next;
                        newest->next = own;
                } else {
                        arena->newest = own;
                }
                return own->data;
        }
        struct block *block = block_new(arena, BLOCK_SIZE);
        block->next = newest;
        block->used = rounded;
        arena->newest = block;
        return block->data;
}

static void *carve(struct arena *arena, size_t size)
{
        size_t rounded = (size + GAP + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

        if (rounded < size)
                memory_exhausted(size);
        void *piece = carve_rounded(arena, rounded);
        ASAN_UNPOISON_MEMORY_REGION(piece, size);
        return piece;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        return memset(carve(arena, size), 0, size);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
        size_t bytes;

        if (__builtin_mul_overflow(count, size, &bytes))
                memory_exhausted(SIZE_MAX);
        return arena_alloc(arena, bytes);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
        void *copy = carve(arena, size);

        if (size)
                memcpy(copy, data, size);
        return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
        char *copy = carve(arena, length + 1);

        if (length)
                memcpy(copy, text, length);
        copy[length] = '\0';
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
        va_list again;
        va_copy(again, args);
        int length = vsnprintf(NULL, 0, format, again);
        va_end(again);

        char *text = carve(arena, (size_t)length + 1);
        vsnprintf(text, (size_t)length + 1, format, args);
        return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        char *text = arena_vprintf(arena, format, args);
        va_end(args);
        return text;
}

char *arena_join_parts(struct arena *arena, const char *const *parts, size_t n)
{
        size_t length = 0;

        for (size_t i = 0; i < n; i++)
                length += strlen(parts[i]);
        char *text = carve(arena, length + 1), *end = text;
        *end = '\0';
        for (size_t i = 0; i < n; i++)
                end = stpcpy(end, parts[i]);
        return text;
}
