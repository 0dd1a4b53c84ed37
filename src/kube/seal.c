#include <string.h>

#include "kube/cluster_parts.h"

/* Sealing sorts: what is given twice lies next to its double then, and objects of one namespace lie
 * side by side, so that each namespace is met in one run. */

const char *cluster_full_name(struct cluster *cluster, const struct meta *meta)
{
        if (!*meta->namespace)
                return meta->name;
        return arena_printf(cluster->arena, "%s/%s", meta->namespace, meta->name);
}

/* By name; of doubles the one given first comes first, which is the one at the lower address. */
static int compare_places(const void *a, const void *b)
{
        const struct meta *const *left = a, *const *right = b;
        int order = meta_compare(*left, *right);

        return order ? order : (*left > *right) - (*left < *right);
}

static void note_double(struct cluster *cluster, const char *kind, const struct meta *first,
                        const struct meta *later)
{
        const char *note =
            arena_printf(cluster->arena, "%s %s is given twice: %s:%u counts, %s:%u does not", kind,
                         cluster_full_name(cluster, first), later->place.file, later->place.line,
                         first->place.file, first->place.line);

        vec_push(cluster->arena, &cluster->notes, note);
}

/* Returns the objects sorted, each once: the later one of doubles. */
static void *seal_list(struct cluster *cluster, const char *kind, const void *items, size_t size,
                       size_t *n)
{
        const struct meta **order = arena_new_array(cluster->arena, const struct meta *, *n);
        char *sorted = arena_alloc_array(cluster->arena, *n, size);
        size_t kept = 0;

        for (size_t i = 0; i < *n; i++)
                order[i] = (const void *)((const char *)items + i * size);
        sort_items(order, *n, sizeof(*order), compare_places);
        for (size_t i = 0; i < *n; i++) {
                if (i + 1 < *n && meta_compare(order[i], order[i + 1]) == 0)
                        note_double(cluster, kind, order[i], order[i + 1]);
                else
                        memcpy(sorted + kept++ * size, order[i], size);
        }
        *n = kept;
        arena_release(cluster->arena, order);
        arena_release(cluster->arena, items);
        return sorted;
}

#define seal_kind(cluster, kind, list)                                                             \
        do {                                                                                       \
                (list)->items = seal_list((cluster), (kind), (list)->items,                        \
                                          sizeof(*(list)->items), &(list)->n);                     \
                (list)->cap = (list)->n;                                                           \
        } while (0)

void cluster_label_namespace(struct cluster *cluster, struct meta *meta)
{
        struct label own = {intern_text(cluster->intern, NAMESPACE_NAME_LABEL), meta->name};
        struct label *items = arena_new_array(cluster->arena, struct label, meta->labels.n + 1);
        size_t n = 0, i = 0;

        for (; i < meta->labels.n && strcmp(meta->labels.items[i].key, own.key) < 0; i++)
                items[n++] = meta->labels.items[i];
        items[n++] = own;
        if (i < meta->labels.n && meta->labels.items[i].key == own.key)
                i++;
        for (; i < meta->labels.n; i++)
                items[n++] = meta->labels.items[i];
        meta->labels = (struct labels){items, n};
}

struct namespace cluster_implied(struct cluster *cluster, const char *name, struct place place)
{
        const char *empty = intern_text(cluster->intern, "");

        return (struct namespace){
            .meta = {.namespace = empty, .name = name, .uid = empty, .place = place},
            .implied = true,
        };
}

/* Adds the namespaces that are only named by objects in them. list is sorted, so each is met in one
 * run; what is there already is left out. */
static void add_named_namespaces(struct cluster *cluster, const void *list, size_t n, size_t size,
                                 struct map *known)
{
        const char *previous = NULL;

        for (size_t i = 0; i < n; i++) {
                const struct meta *meta = (const void *)((const char *)list + i * size);

                if (meta->namespace == previous)
                        continue;
                previous = meta->namespace;
                if (map_get(known, previous))
                        continue;
                struct namespace named = cluster_implied(cluster, previous, meta->place);
                vec_push(cluster->arena, &cluster->namespaces, named);
                map_put(known, previous, cluster);
        }
}

static void seal_namespaces(struct cluster *cluster)
{
        struct map *known = map_new(cluster->arena);

        for (size_t i = 0; i < cluster->namespaces.n; i++)
                map_put(known, cluster->namespaces.items[i].meta.name, cluster);
        add_named_namespaces(cluster, cluster->pods.items, cluster->pods.n, sizeof(struct pod),
                             known);
        add_named_namespaces(cluster, cluster->policies.items, cluster->policies.n,
                             sizeof(struct network_policy), known);
        seal_kind(cluster, "Namespace", &cluster->namespaces);
        vec_foreach (struct namespace, namespace, &cluster->namespaces)
                cluster_label_namespace(cluster, &namespace->meta);
}

void cluster_seal(struct cluster *cluster)
{
        seal_kind(cluster, "Node", &cluster->nodes);
        seal_kind(cluster, "Pod", &cluster->pods);
        seal_kind(cluster, "NetworkPolicy", &cluster->policies);
        seal_namespaces(cluster);
        vec_foreach (struct pod, pod, &cluster->pods)
                pod->given = pod->ips;
        cluster_index_addresses(cluster);
        vec_foreach (struct pod, pod, &cluster->pods)
                cluster_hold(cluster, pod, NULL);
}
