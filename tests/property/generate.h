#pragma once

#include "bytes.h"
#include "manifest.h"

/* A random cluster: nodes, namespaces (some only named), pods in every state that matters, policies
 * of every shape. The alphabets of labels, names, ports and addresses are small, so that selectors,
 * blocks and ports meet often. The same bytes and shape make the same manifest. */

struct shape {
        unsigned nodes, namespaces, pods, policies; /* at most; at least one of each */
        bool lab; /* for real packets: every pod runs, with addresses of its own */
};
#define SHAPE_DEFAULT ((struct shape){.nodes = 3, .namespaces = 3, .pods = 14, .policies = 9})
/* Deep trees, many rules for one pod. */
#define SHAPE_CROWDED ((struct shape){.nodes = 2, .namespaces = 2, .pods = 150, .policies = 20})
#define SHAPE_LAB                                                                                  \
        ((struct shape){.nodes = 1, .namespaces = 2, .pods = 5, .policies = 4, .lab = true})

struct manifest generate_cluster(struct arena *arena, struct bytes *bytes,
                                 const struct shape *shape);
