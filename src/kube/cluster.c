#include "kube/cluster.h"

#include <assert.h>
#include <string.h>

#include "kube/cluster_parts.h"
#include "kube/copy.h"

/* A sorted list is its own index: objects are found by halving, and those of a namespace lie side
 * by side. Addresses have tables of their own. */

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

size_t cluster_size(const struct cluster *cluster)
{
        return arena_size(cluster->arena);
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

#define LIST_OF(list)                                                                              \
        ((struct object_list){(void **)&(list)->items, &(list)->n, &(list)->cap,                   \
                              sizeof(*(list)->items)})

struct object_list cluster_list(struct cluster *cluster, enum kind kind)
{
        switch (kind) {
        case KIND_NAMESPACE:
                return LIST_OF(&cluster->namespaces);
        case KIND_NODE:
                return LIST_OF(&cluster->nodes);
        case KIND_POD:
                return LIST_OF(&cluster->pods);
        case KIND_NETWORK_POLICY:
                break;
        }
        return LIST_OF(&cluster->policies);
}

void *list_item(const struct object_list *list, size_t place)
{
        return (char *)*list->items + place * list->size;
}

/* Lists are long and change by few: there is little to spare. */
void list_make_room(struct arena *arena, struct object_list *list, size_t n)
{
        if (n <= *list->cap)
                return;
        *list->cap = n + n / 8 + 16;
        void *grown = arena_alloc_array(arena, *list->cap, list->size);
        if (*list->n)
                memcpy(grown, *list->items, *list->n * list->size);
        arena_release(arena, *list->items);
        *list->items = grown;
}

static int text_compare(const char *a, const char *b)
{
        return a == b ? 0 : strcmp(a, b);
}

int meta_compare(const struct meta *a, const struct meta *b)
{
        int order = text_compare(a->namespace, b->namespace);

        return order ? order : text_compare(a->name, b->name);
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

static const void *find(const void *items, size_t n, size_t size, const char *namespace,
                        const char *name)
{
        struct meta wanted = {.namespace = namespace, .name = name};
        size_t at = count_before(items, n, size, &wanted, name_is_before);
        const void *object = (const char *)items + at * size;

        return at < n && meta_compare(object, &wanted) == 0 ? object : NULL;
}

size_t list_find(const struct object_list *list, const char *namespace, const char *name,
                 bool *ret_there)
{
        struct meta wanted = {.namespace = namespace, .name = name};
        size_t place = count_before(*list->items, *list->n, list->size, &wanted, name_is_before);

        *ret_there = place < *list->n && meta_compare(list_item(list, place), &wanted) == 0;
        return place;
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

const struct network_policy *cluster_policy(const struct cluster *cluster, const char *namespace,
                                            const char *name)
{
        return find_in(&cluster->policies, namespace, name);
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

static void copy_items(struct cluster *copy, enum kind kind, const void *items, size_t n)
{
        struct object_list list = cluster_list(copy, kind);

        list_make_room(copy->arena, &list, n);
        for (; *list.n < n; ++*list.n) {
                struct object object = object_of(kind, (const char *)items + *list.n * list.size);

                object = object_copy(copy->arena, copy->intern, &object);
                memcpy(list_item(&list, *list.n), &object.meta, list.size);
        }
}

#define copy_list(copy, kind, list) copy_items((copy), (kind), (list)->items, (list)->n)

struct cluster *cluster_copy(const struct cluster *cluster)
{
        struct cluster *copy = cluster_new();

        copy_list(copy, KIND_NAMESPACE, &cluster->namespaces);
        copy_list(copy, KIND_NODE, &cluster->nodes);
        copy_list(copy, KIND_POD, &cluster->pods);
        copy_list(copy, KIND_NETWORK_POLICY, &cluster->policies);
        cluster_index_addresses(copy);
        return copy;
}
