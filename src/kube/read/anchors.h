#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/map.h"
#include "kube/read/value.h"

/* The anchors of one YAML document. They outlive the item that they stand in, so each holds a copy;
 * an alias shares what is in it. Only the count of nodes that aliases stand for grows with their
 * use, which is how a bomb of nested aliases is seen before it goes off. */

struct anchor {
        const struct value *value; /* NULL while its node is being read */
        size_t nodes;              /* of the node and all below, aliases followed */
        unsigned height;           /* 0 for a scalar or an empty list or map */
};

struct anchors {
        struct arena *arena;
        struct map *by_name;
        size_t size; /* bytes of the copies */
};

struct anchors anchors_new(void);
void anchors_done(struct anchors *anchors);
void anchors_reset(struct anchors *anchors);
/* A node with an anchor begins; from here on the name stands for it. */
struct anchor *anchors_begin(struct anchors *anchors, const char *name);
/* … and has been read. False where the copies together go past LOAD_MAX_OBJECT_BYTES. */
bool anchors_end(struct anchors *anchors, struct anchor *anchor, const struct value *value);
const struct anchor *anchors_get(const struct anchors *anchors, const char *name);
