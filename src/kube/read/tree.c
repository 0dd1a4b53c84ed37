#include "kube/read/tree.h"

#include <string.h>

#include "kube/load.h"

#define VALUES_AT_ONCE 64
#define TEXT_AT_ONCE   2048

struct tree tree_new(void)
{
        return (struct tree){.arena = arena_new()};
}

void tree_done(struct tree *tree)
{
        arena_free(tree->arena);
        *tree = (struct tree){0};
}

void tree_reset(struct tree *tree)
{
        arena_reset(tree->arena);
        *tree = (struct tree){.arena = tree->arena};
}

bool tree_too_large(const struct tree *tree)
{
        return tree->size > LOAD_MAX_OBJECT_BYTES;
}

void tree_more_values(struct tree *tree)
{
        tree->values = arena_new_array(tree->arena, struct value, VALUES_AT_ONCE);
        tree->n_values = VALUES_AT_ONCE;
}

/* A long one gets its own piece, so that the rest of the present one is not lost. */
char *tree_long_text(struct tree *tree, size_t size)
{
        if (size > TEXT_AT_ONCE / 4)
                return arena_alloc(tree->arena, size);
        char *text = arena_alloc(tree->arena, TEXT_AT_ONCE);

        tree->text = text + size;
        tree->n_text = TEXT_AT_ONCE - size;
        return text;
}

char *tree_text(struct tree *tree, const char *text, size_t length)
{
        char *copy = tree_room(tree, length);

        memcpy(copy, text, length);
        copy[length] = '\0';
        return copy;
}
