#include "kube/read/anchors.h"

#include <string.h>

#include "kube/load.h"

struct anchors anchors_new(void)
{
        return (struct anchors){.arena = arena_new()};
}

void anchors_done(struct anchors *anchors)
{
        arena_free(anchors->arena);
}

void anchors_reset(struct anchors *anchors)
{
        if (!anchors->by_name)
                return;
        arena_reset(anchors->arena);
        *anchors = (struct anchors){.arena = anchors->arena};
}

struct anchor *anchors_begin(struct anchors *anchors, const char *name)
{
        struct anchor *anchor = arena_new_object(anchors->arena, struct anchor);

        if (!anchors->by_name)
                anchors->by_name = map_new(anchors->arena);
        map_put(anchors->by_name, name, anchor);
        return anchor;
}

/* Depth is bounded by LOAD_MAX_DEPTH, aliases included, so descending is safe. */
static void measure(const struct value *value, unsigned depth, struct anchor *anchor, size_t *size)
{
        anchor->nodes++;
        if (depth > anchor->height)
                anchor->height = depth;
        *size += sizeof(*value) + (value->text ? strlen(value->text) + 1 : 0) +
                 (value->key ? strlen(value->key) + 1 : 0);
        for (const struct value *child = value->first; child; child = child->next)
                measure(child, depth + 1, anchor, size);
}

bool anchors_end(struct anchors *anchors, struct anchor *anchor, const struct value *value)
{
        measure(value, 0, anchor, &anchors->size);
        if (anchors->size > LOAD_MAX_OBJECT_BYTES)
                return false;
        anchor->value = value_copy(anchors->arena, value);
        return true;
}

const struct anchor *anchors_get(const struct anchors *anchors, const char *name)
{
        return anchors->by_name ? map_get(anchors->by_name, name) : NULL;
}
