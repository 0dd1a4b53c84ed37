#include "kube/cluster.h"

#include <assert.h>
#include <string.h>

/* Sealing sorts. A sorted list is its own index: objects are found by halving, those of a namespace
 * lie side by side, and what is given twice lies next to its double. Addresses get one sorted list
 * of their own for pods and one for nodes. */

struct holder {
        struct ip ip;
        size_t at; /* the object that holds it, in its list */
        const struct meta *meta;
};

/* By address. */
struct holders {
        struct holder *items;
        size_t n, cap;
};

struct cluster_index {
        struct holders pods, nodes;
};

/* Lists of every kind are handled alike: as objects of some size that begin with their meta. */
static_assert(offsetof(struct namespace, meta) == 0, "objects begin with meta");
static_assert(offsetof(struct node, meta) == 0, "objects begin with meta");
static_assert(offsetof(struct pod, meta) == 0, "objects begin with meta");
static_assert(offsetof(struct network_policy, meta) == 0, "objects begin with meta");

struct cluster *cluster_new(void)
{
        struct arena *arena = arena_new();
        struct cluster *cluster = arena_new_object(arena, struct cluster);

        cluster->arena = arena;
        cluster->intern = intern_new(arena);
        return cluster;
}

void cluster_free(struct cluster *cluster)
{
        if (cluster)
                arena_free(cluster->arena);
}

void cluster_freep(struct cluster **cluster)
{
        cluster_free(*cluster);
}

void cluster_add(struct cluster *cluster, const struct object *object)
{
        switch (object->kind) {
        case KIND_NAMESPACE:
                vec_push_own(cluster->arena, &cluster->namespaces, object->namespace);
                break;
        case KIND_NODE:
                vec_push_own(cluster->arena, &cluster->nodes, object->node);
                break;
        case KIND_POD:
                vec_push_own(cluster->arena, &cluster->pods, object->pod);
                break;
        case KIND_NETWORK_POLICY:
                vec_push_own(cluster->arena, &cluster->policies, object->policy);
                break;
        }
}

static int text_compare(const char *a, const char *b)
{
        return a == b ? 0 : strcmp(a, b);
}

static int meta_compare(const struct meta *a, const struct meta *b)
{
        int order = text_compare(a->namespace, b->namespace);

        return order ? order : text_compare(a->name, b->name);
}

/* By name; of doubles the one given first comes first, which is the one at the lower address. */
static int compare_places(const void *a, const void *b)
{
        const struct meta *const *left = a, *const *right = b;
        int order = meta_compare(*left, *right);

        return order ? order : (*left > *right) - (*left < *right);
}

static const char *full_name(struct cluster *cluster, const struct meta *meta)
{
        if (!*meta->namespace)
                return meta->name;
        return arena_printf(cluster->arena, "%s/%s", meta->namespace, meta->name);
}

static void note_double(struct cluster *cluster, const char *kind, const struct meta *first,
                        const struct meta *later)
{
        const char *note =
            arena_printf(cluster->arena, "%s %s is given twice: %s:%u counts, %s:%u does not", kind,
                         full_name(cluster, first), later->place.file, later->place.line,
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
        return sorted;
}

#define seal_kind(cluster, kind, list)                                                             \
        do {                                                                                       \
                (list)->items = seal_list((cluster), (kind), (list)->items,                        \
                                          sizeof(*(list)->items), &(list)->n);                     \
                (list)->cap = (list)->n;                                                           \
        } while (0)

/* The API server sets this label whatever the manifest says of it. */
static void label_namespace(struct cluster *cluster, struct meta *meta)
{
        struct label own = {intern_text(cluster->intern, "kubernetes.io/metadata.name"),
                            meta->name};
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
                struct namespace named = {
                    .meta = {.namespace = intern_text(cluster->intern, ""),
                             .name = previous,
                             .uid = intern_text(cluster->intern, ""),
                             .place = meta->place},
                    .implied = true,
                };
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
                label_namespace(cluster, &namespace->meta);
}

/* By address; of several holders the newest comes first. */
static int compare_holders(const void *a, const void *b)
{
        const struct holder *left = a, *right = b;
        int order = ip_compare(&left->ip, &right->ip);

        if (order)
                return order;
        if (left->meta->created != right->meta->created)
                return left->meta->created > right->meta->created ? -1 : 1;
        order = text_compare(right->meta->uid, left->meta->uid);
        return order ? order : meta_compare(right->meta, left->meta);
}

static void drop_ip(struct arena *arena, struct pod *pod, const struct ip *ip)
{
        struct pod_ips kept = {arena_new_array(arena, struct ip, pod->ips.n), 0};

        for (size_t i = 0; i < pod->ips.n; i++)
                if (!ip_equal(&pod->ips.items[i], ip))
                        kept.items[kept.n++] = pod->ips.items[i];
        pod->ips = kept;
}

static void note_address(struct cluster *cluster, const struct holder *winner,
                         const struct holder *loser)
{
        char text[IP_TEXT_SIZE];
        const char *note =
            arena_printf(cluster->arena, "address %s of Pod %s is Pod %s's, which is newer",
                         ip_format(&loser->ip, text), full_name(cluster, loser->meta),
                         full_name(cluster, winner->meta));

        vec_push(cluster->arena, &cluster->notes, note);
}

/* Who holds which address, each address once: where several pods claim it, the newest keeps it. */
static void index_pods(struct cluster *cluster, struct holders *index)
{
        size_t kept = 0;

        for (size_t at = 0; at < cluster->pods.n; at++) {
                struct pod *pod = &cluster->pods.items[at];

                pod->given = pod->ips;
                for (size_t i = 0; pod_takes_part(pod) && i < pod->ips.n; i++) {
                        struct holder holder = {pod->ips.items[i], at, &pod->meta};
                        vec_push_own(cluster->arena, index, holder);
                }
        }
        vec_sort(index, compare_holders);
        vec_foreach (struct holder, holder, index) {
                const struct holder *winner = kept ? &index->items[kept - 1] : NULL;

                if (!winner || !ip_equal(&winner->ip, &holder->ip)) {
                        index->items[kept++] = *holder;
                } else {
                        note_address(cluster, winner, holder);
                        drop_ip(cluster->arena, &cluster->pods.items[holder->at], &holder->ip);
                }
        }
        index->n = kept;
}

static void index_nodes(struct cluster *cluster, struct holders *index)
{
        for (size_t at = 0; at < cluster->nodes.n; at++) {
                const struct node *node = &cluster->nodes.items[at];

                for (size_t i = 0; i < node->addresses.n; i++) {
                        struct holder holder = {node->addresses.items[i], at, &node->meta};
                        vec_push_own(cluster->arena, index, holder);
                }
        }
        vec_sort(index, compare_holders);
}

void cluster_seal(struct cluster *cluster)
{
        struct cluster_index *index = arena_new_object(cluster->arena, struct cluster_index);

        seal_kind(cluster, "Node", &cluster->nodes);
        seal_kind(cluster, "Pod", &cluster->pods);
        seal_kind(cluster, "NetworkPolicy", &cluster->policies);
        seal_namespaces(cluster);
        index_pods(cluster, &index->pods);
        index_nodes(cluster, &index->nodes);
        cluster->index = index;
}

/* How many items of a sorted list come before what is wanted. */
static size_t count_before(const void *items, size_t n, size_t size, const void *wanted,
                           bool (*is_before)(const void *item, const void *wanted))
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (is_before((const char *)items + middle * size, wanted))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* wanted is a struct meta. */
static bool name_is_before(const void *object, const void *wanted)
{
        return meta_compare(object, wanted) < 0;
}

/* wanted is a namespace's name. */
static bool is_of_namespace_before(const void *object, const void *wanted)
{
        return text_compare(((const struct meta *)object)->namespace, wanted) < 0;
}

static bool is_of_namespace_up_to(const void *object, const void *wanted)
{
        return text_compare(((const struct meta *)object)->namespace, wanted) <= 0;
}

static bool address_is_before(const void *holder, const void *wanted)
{
        return ip_compare(&((const struct holder *)holder)->ip, wanted) < 0;
}

static const void *find(const void *items, size_t n, size_t size, const char *namespace,
                        const char *name)
{
        struct meta wanted = {.namespace = namespace, .name = name};
        size_t at = count_before(items, n, size, &wanted, name_is_before);
        const void *object = (const char *)items + at * size;

        return at < n && meta_compare(object, &wanted) == 0 ? object : NULL;
}

#define find_in(list, namespace, name)                                                             \
        find((list)->items, (list)->n, sizeof(*(list)->items), (namespace), (name))

const struct namespace *cluster_namespace(const struct cluster *cluster, const char *name)
{
        return find_in(&cluster->namespaces, "", name);
}

const struct node *cluster_node(const struct cluster *cluster, const char *name)
{
        return find_in(&cluster->nodes, "", name);
}

const struct pod *cluster_pod(const struct cluster *cluster, const char *namespace,
                              const char *name)
{
        return find_in(&cluster->pods, namespace, name);
}

/* Where several hold it, the first; NULL where nobody does. */
static const struct holder *find_holder(const struct holders *holders, const struct ip *ip)
{
        size_t at =
            count_before(holders->items, holders->n, sizeof(struct holder), ip, address_is_before);
        const struct holder *holder = at < holders->n ? &holders->items[at] : NULL;

        return holder && ip_equal(&holder->ip, ip) ? holder : NULL;
}

const struct pod *cluster_pod_at(const struct cluster *cluster, const struct ip *ip)
{
        const struct holder *holder = find_holder(&cluster->index->pods, ip);

        return holder ? &cluster->pods.items[holder->at] : NULL;
}

const struct node *cluster_node_at(const struct cluster *cluster, const struct ip *ip)
{
        const struct holder *holder = find_holder(&cluster->index->nodes, ip);

        return holder ? &cluster->nodes.items[holder->at] : NULL;
}

static struct span span_of(const void *items, size_t n, size_t size, const char *namespace)
{
        size_t first = count_before(items, n, size, namespace, is_of_namespace_before);
        size_t end = count_before(items, n, size, namespace, is_of_namespace_up_to);

        return (struct span){first, end - first};
}

struct span cluster_pods_of(const struct cluster *cluster, const char *namespace)
{
        return span_of(cluster->pods.items, cluster->pods.n, sizeof(struct pod), namespace);
}

struct span cluster_policies_of(const struct cluster *cluster, const char *namespace)
{
        return span_of(cluster->policies.items, cluster->policies.n, sizeof(struct network_policy),
                       namespace);
}
