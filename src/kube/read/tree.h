#pragma once

#include "base/arena.h"
#include "kube/read/value.h"

/* What the readers build one object's values from: an arena, dealt out in small pieces without a
 * call for each, and counted, so that LOAD_MAX_OBJECT_BYTES can be held. */

struct tree {
        struct arena *arena;
        struct value *values; /* dealt out next, zeroed */
        size_t n_values;
        char *text; /* dealt out next */
        size_t n_text;
        size_t size; /* bytes dealt out since the last reset */
};

struct tree tree_new(void);
void tree_done(struct tree *tree);
void tree_reset(struct tree *tree); /* forgets every value */
bool tree_too_large(const struct tree *tree);

void tree_more_values(struct tree *tree);
char *tree_long_text(struct tree *tree, size_t size);

static inline struct value *tree_value(struct tree *tree, enum value_kind kind, unsigned line)
{
        if (tree->n_values == 0)
                tree_more_values(tree);
        struct value *value = tree->values++;
        tree->n_values--;
        tree->size += sizeof(*value);
        value->kind = kind;
        value->line = line;
        return value;
}

/* Room for a text and its NUL. */
static inline char *tree_room(struct tree *tree, size_t length)
{
        size_t size = length + 1;

        tree->size += size;
        if (size > tree->n_text)
                return tree_long_text(tree, size);
        char *text = tree->text;
        tree->text += size;
        tree->n_text -= size;
        return text;
}

char *tree_text(struct tree *tree, const char *text, size_t length);
