#include "same.h"

#include "kube/copy.h"
#include "kube/equal.h"

static const char *lists_differ(struct arena *arena, enum kind kind, const void *a, size_t n,
                                const void *b, size_t m, size_t size)
{
        for (size_t i = 0; i < n && i < m; i++) {
                struct object x = object_of(kind, (const char *)a + i * size);
                struct object y = object_of(kind, (const char *)b + i * size);

                if (!object_equal(&x, &y))
                        return arena_printf(arena, "%s %s/%s and %s/%s", api_kinds[kind].kind,
                                            x.meta.namespace, x.meta.name, y.meta.namespace,
                                            y.meta.name);
        }
        return n == m ? NULL : arena_printf(arena, "%zu and %zu %s", n, m, api_kinds[kind].plural);
}

#define difference(kind, list)                                                                     \
        lists_differ(arena, (kind), a->list.items, a->list.n, b->list.items, b->list.n,            \
                     sizeof(*a->list.items))

const char *clusters_differ(struct arena *arena, const struct cluster *a, const struct cluster *b)
{
        const char *found = difference(KIND_NAMESPACE, namespaces);

        if (!found)
                found = difference(KIND_NODE, nodes);
        if (!found)
                found = difference(KIND_POD, pods);
        if (!found)
                found = difference(KIND_NETWORK_POLICY, policies);
        return found;
}
