#include "../unit/unit.h"

#include <inttypes.h>

#include "kube/copy.h"
#include "kube/equal.h"
#include "kube/load.h"
#include "same.h"
#include "world.h"

/* A sealed cluster to which objects come and from which they go, at random: after each step it is
 * what sealing what is in it would have made, what has changed is what is told, and a copy of it is
 * the same and goes on. */

#define CLUSTERS 40
#define STEPS    60
#define WORLDS   3 /* objects of as many clusters, many under the same names */

struct object_list {
        struct object *items;
        size_t n, cap;
};

struct run {
        struct arena *arena;
        struct bytes bytes;
        struct object_list pool;    /* that may come */
        struct object_list present; /* that are in the cluster, as they were put */
        struct cluster *cluster;
        unsigned number, step;
};

#define fail_step(run, ...)                                                                        \
        do {                                                                                       \
                print_error("cluster %u, step %u: ", (run)->number, (run)->step);                  \
                fail_msg(__VA_ARGS__);                                                             \
        } while (0)

#define add_pool(run, kind, list)                                                                  \
        for (size_t i_ = 0; i_ < (list)->n; i_++) {                                                \
                struct object object_ = object_of((kind), &(list)->items[i_]);                     \
                vec_push((run)->arena, &(run)->pool, object_);                                     \
        }

/* Not sealed; the objects live in the returned cluster. */
static struct cluster *fill_pool(struct run *run, unsigned number)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct manifest manifest = world_generate(run->arena, &run->bytes, number);
        struct problems problems = problems_in(run->arena);
        struct cluster *cluster = cluster_new();
        struct load_stats stats;

        manifest_print(&manifest, &text);
        if (load_text(cluster, text.text, text.length, "generated", "default", &problems, &stats) <
            0)
                fail_step(run, "%s", problems.list.items[0].text);
        add_pool(run, KIND_NAMESPACE, &cluster->namespaces);
        add_pool(run, KIND_NODE, &cluster->nodes);
        add_pool(run, KIND_POD, &cluster->pods);
        add_pool(run, KIND_NETWORK_POLICY, &cluster->policies);
        return cluster;
}

static bool same_name(const struct object *a, const struct object *b)
{
        return a->kind == b->kind && strcmp(a->meta.namespace, b->meta.namespace) == 0 &&
               strcmp(a->meta.name, b->meta.name) == 0;
}

static void forget(struct object_list *list, const struct object *object)
{
        size_t kept = 0;

        for (size_t i = 0; i < list->n; i++)
                if (!same_name(&list->items[i], object))
                        list->items[kept++] = list->items[i];
        list->n = kept;
}

static struct cluster *sealed(const struct object_list *objects)
{
        struct cluster *cluster = cluster_new();

        for (size_t i = 0; i < objects->n; i++) {
                struct object object =
                    object_copy(cluster->arena, cluster->intern, &objects->items[i]);

                cluster_add(cluster, &object);
        }
        cluster_seal(cluster);
        return cluster;
}

static const char *name_of(const void *object)
{
        const struct meta *meta = object;

        return meta ? meta->name : "";
}

static void check_addresses(struct run *run, const struct cluster *expected, const struct ip *ips,
                            size_t n)
{
        const struct cluster *cluster = run->cluster;

        for (size_t i = 0; i < n; i++) {
                const struct pod *pod = cluster_pod_at(cluster, &ips[i]);

                if (strcmp(name_of(pod), name_of(cluster_pod_at(expected, &ips[i]))) != 0 ||
                    strcmp(name_of(cluster_node_at(cluster, &ips[i])),
                           name_of(cluster_node_at(expected, &ips[i]))) != 0)
                        fail_step(run, "an address is another's");
                if (pod && !pod_ip(pod, ips[i].family))
                        fail_step(run, "%s has lost an address that it holds", pod->meta.name);
        }
}

static bool is_interned(const struct cluster *cluster, const char *text)
{
        return intern_text(cluster->intern, text) == text;
}

/* Selectors compare pointers. */
static void check_texts(struct run *run, const struct meta *meta)
{
        const struct cluster *cluster = run->cluster;
        bool good = is_interned(cluster, meta->name) && is_interned(cluster, meta->namespace);

        for (size_t i = 0; i < meta->labels.n; i++)
                good = good && is_interned(cluster, meta->labels.items[i].key) &&
                       is_interned(cluster, meta->labels.items[i].value);
        if (!good)
                fail_step(run, "a text of %s is not interned", meta->name);
}

static const void *look_up(const struct cluster *cluster, const struct object *object)
{
        const char *namespace = object->meta.namespace, *name = object->meta.name;
        struct span policies;

        switch (object->kind) {
        case KIND_NAMESPACE:
                return cluster_namespace(cluster, name);
        case KIND_NODE:
                return cluster_node(cluster, name);
        case KIND_POD:
                return cluster_pod(cluster, namespace, name);
        case KIND_NETWORK_POLICY:
                policies = cluster_policies_of(cluster, namespace);
                for (size_t i = 0; i < policies.n; i++)
                        if (strcmp(cluster->policies.items[policies.first + i].meta.name, name) ==
                            0)
                                return &cluster->policies.items[policies.first + i];
        }
        return NULL;
}

static void check_names(struct run *run, const struct cluster *expected)
{
        vec_foreach (const struct object, object, &run->pool) {
                const void *found = look_up(run->cluster, object);

                if (strcmp(name_of(found), name_of(look_up(expected, object))) != 0)
                        fail_step(run, "%s is not found, or should not be", object->meta.name);
                if (found)
                        check_texts(run, found);
                if (object->kind == KIND_POD)
                        check_addresses(run, expected, object->pod.ips.items, object->pod.ips.n);
                if (object->kind == KIND_NODE)
                        check_addresses(run, expected, object->node.addresses.items,
                                        object->node.addresses.n);
        }
        vec_foreach (const struct namespace, namespace, &expected->namespaces) {
                const char *name = namespace->meta.name;

                if (cluster_pods_of(run->cluster, name).n != cluster_pods_of(expected, name).n)
                        fail_step(run, "other pods are in %s", name);
        }
}

static void check_equal(struct run *run, const char *what, const struct cluster *cluster,
                        const struct cluster *expected)
{
        const char *difference = clusters_differ(run->arena, cluster, expected);

        if (difference)
                fail_step(run, "%s: %s", what, difference);
}

static bool is_told(const cluster_changes *changes, const struct object *before,
                    const struct object *after)
{
        size_t told = 0;

        vec_foreach (const struct cluster_change, change, changes) {
                if (!same_name(change->before ? change->before : change->after,
                               before ? before : after))
                        continue;
                told++;
                if (!change->before != !before || !change->after != !after)
                        return false;
                if ((before && !object_equal(before, change->before)) ||
                    (after && !object_equal(after, change->after)))
                        return false;
        }
        return told == 1;
}

/* From what was to what is: every difference is told once. Returns how many there are. */
static size_t check_kind(struct run *run, enum kind kind, const void *items, size_t n, size_t size,
                         const struct cluster *others, bool were, const cluster_changes *changes)
{
        size_t differences = 0;

        for (size_t i = 0; i < n; i++) {
                struct object object = object_of(kind, (const char *)items + i * size), other;
                const void *found = look_up(others, &object);

                if (found)
                        other = object_of(kind, found);
                if (found && (!were || object_equal(&object, &other)))
                        continue;
                if (!is_told(changes, were ? &object : NULL,
                             were ? (found ? &other : NULL) : &object))
                        fail_step(run, "a change of %s %s is not told, or not right",
                                  api_kinds[kind].kind, object.meta.name);
                differences++;
        }
        return differences;
}

#define check_list(kind, list, others, were)                                                       \
        check_kind(run, (kind), (list)->items, (list)->n, sizeof(*(list)->items), (others),        \
                   (were), changes)

static void check_changes(struct run *run, const struct cluster *before,
                          const cluster_changes *changes)
{
        const struct cluster *after = run->cluster;
        size_t differences = check_list(KIND_NAMESPACE, &before->namespaces, after, true) +
                             check_list(KIND_NAMESPACE, &after->namespaces, before, false) +
                             check_list(KIND_NODE, &before->nodes, after, true) +
                             check_list(KIND_NODE, &after->nodes, before, false) +
                             check_list(KIND_POD, &before->pods, after, true) +
                             check_list(KIND_POD, &after->pods, before, false) +
                             check_list(KIND_NETWORK_POLICY, &before->policies, after, true) +
                             check_list(KIND_NETWORK_POLICY, &after->policies, before, false);

        if (differences != changes->n)
                fail_step(run, "%zu changes are told of %zu", changes->n, differences);
}

static void take_step(struct run *run, cluster_changes *changes)
{
        const struct object *object =
            &run->pool.items[bytes_below(&run->bytes, (unsigned)run->pool.n)];

        forget(&run->present, object);
        if (bytes_chance(&run->bytes, 65)) {
                vec_push(run->arena, &run->present, *object);
                cluster_put(run->cluster, object, changes);
        } else {
                cluster_remove(run->cluster, object->kind, object->meta.namespace,
                               object->meta.name, changes);
        }
}

static void step(struct run *run)
{
        _cleanup_cluster_ struct cluster *before = cluster_copy(run->cluster);
        cluster_changes changes = {0};

        take_step(run, &changes);
        _cleanup_cluster_ struct cluster *expected = sealed(&run->present);
        check_equal(run, "put or removed, and sealed", run->cluster, expected);
        check_names(run, expected);
        check_changes(run, before, &changes);

        struct cluster *copy = cluster_copy(run->cluster);
        check_equal(run, "copied, and sealed", copy, expected);
        bool goes_on = bytes_chance(&run->bytes, 20);
        cluster_free(goes_on ? run->cluster : copy);
        if (goes_on)
                run->cluster = copy;
}

/* Some begin empty, some with a whole cluster. */
static void check_run(uint64_t seed, unsigned number)
{
        struct cluster *worlds[WORLDS];
        struct run run = {
            .arena = arena_new(), .bytes = world_bytes(seed, number), .number = number};

        for (unsigned i = 0; i < WORLDS; i++) {
                worlds[i] = fill_pool(&run, number);
                if (i == 0 && number % 2)
                        for (size_t j = 0; j < run.pool.n; j++)
                                vec_push(run.arena, &run.present, run.pool.items[j]);
        }
        run.cluster = sealed(&run.present);
        for (run.step = 0; run.step < STEPS; run.step++)
                step(&run);
        cluster_free(run.cluster);
        for (unsigned i = 0; i < WORLDS; i++)
                cluster_free(worlds[i]);
        arena_free(run.arena);
}

static void changing_is_sealing(void **state)
{
        struct run_size size = run_size(CLUSTERS);

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++)
                check_run(size.seed, i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(changing_is_sealing)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
