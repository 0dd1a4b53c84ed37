#include "verify/pods_by_labels.h"

#include <string.h>

/* Texts are interned, so labels are equal where their pointers are, and a table of hashes over the
 * pointers finds equal ones. Numbers are given as sets are met, so nothing depends on where the
 * texts happen to lie. */

#define NO_NAMESPACE SIZE_MAX

struct label_set {
        const struct labels *labels;
        /* Where it was met last: the namespace, and the group there. */
        size_t namespace;
        size_t group;
};

struct groups_of_namespace {
        VEC(struct pod_group) groups;
};

/* What is asked of pods again and again, close together in memory. */
struct member {
        uint32_t next; /* pod of the group + 1; 0: none */
        uint32_t label_set;
        bool has_ip;
        struct ip ip;
};

struct pods_by_labels {
        struct arena *arena;
        enum family family;
        const struct cluster *cluster;
        struct groups_of_namespace *namespaces;
        struct member *members; /* by pod, of those that are in a group */
        VEC(struct label_set) sets;
        size_t *slots;  /* number of a set + 1; 0 where empty */
        size_t n_slots; /* a power of two, more than twice the sets */
};

static size_t hash_labels(const struct labels *labels)
{
        uint64_t hash = labels->n;

        for (size_t i = 0; i < labels->n; i++) {
                hash = (hash ^ (uintptr_t)labels->items[i].key) * 0x9e3779b97f4a7c15;
                hash = (hash ^ hash >> 32 ^ (uintptr_t)labels->items[i].value) * 0x9e3779b97f4a7c15;
        }
        return (size_t)(hash ^ hash >> 32);
}

static bool labels_equal(const struct labels *a, const struct labels *b)
{
        return a->n == b->n &&
               (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

/* The slot that holds the set, or the empty one where it belongs. */
static size_t find_slot(const struct pods_by_labels *pods, const struct labels *labels)
{
        size_t at = hash_labels(labels) & (pods->n_slots - 1);

        while (pods->slots[at] &&
               !labels_equal(pods->sets.items[pods->slots[at] - 1].labels, labels))
                at = (at + 1) & (pods->n_slots - 1);
        return at;
}

static void grow_slots(struct pods_by_labels *pods)
{
        pods->n_slots *= 2;
        pods->slots = arena_new_array(pods->arena, size_t, pods->n_slots);
        for (size_t i = 0; i < pods->sets.n; i++)
                pods->slots[find_slot(pods, pods->sets.items[i].labels)] = i + 1;
}

static size_t label_set_of(struct pods_by_labels *pods, const struct labels *labels)
{
        size_t slot = find_slot(pods, labels);
        struct label_set set = {.labels = labels, .namespace = NO_NAMESPACE};

        if (pods->slots[slot])
                return pods->slots[slot] - 1;
        vec_push(pods->arena, &pods->sets, set);
        pods->slots[slot] = pods->sets.n;
        if (pods->sets.n * 2 >= pods->n_slots)
                grow_slots(pods);
        return pods->sets.n - 1;
}

static void group_pod(struct pods_by_labels *pods, size_t namespace, size_t pod)
{
        struct groups_of_namespace *in = &pods->namespaces[namespace];
        const struct ip *ip = pod_ip(&pods->cluster->pods.items[pod], pods->family);
        size_t number = label_set_of(pods, &pods->cluster->pods.items[pod].meta.labels);
        struct label_set *set = &pods->sets.items[number];

        pods->members[pod].label_set = (uint32_t)number;
        if (ip) {
                pods->members[pod].has_ip = true;
                pods->members[pod].ip = *ip;
        }
        if (set->namespace == namespace) {
                struct pod_group *group = &in->groups.items[set->group];
                pods->members[group->last_pod].next = (uint32_t)pod + 1;
                group->last_pod = pod;
                return;
        }
        struct pod_group group = {set->labels, number, pod, pod};
        set->namespace = namespace;
        set->group = in->groups.n;
        vec_push(pods->arena, &in->groups, group);
}

/* What a pod points to lies anywhere; asked for ahead of time, it is there when it is wanted. With
 * 100,000 pods, waiting for it was half of all work. */
#define AHEAD 8

static void fetch_ahead(const struct cluster *cluster, size_t pod)
{
        if (pod + AHEAD < cluster->pods.n) {
                __builtin_prefetch(cluster->pods.items[pod + AHEAD].meta.labels.items);
                __builtin_prefetch(cluster->pods.items[pod + AHEAD].ips.items);
        }
}

/* Both lists are sorted by the namespace's name. */
static void group_all(struct pods_by_labels *pods)
{
        const struct cluster *cluster = pods->cluster;
        size_t at = 0;

        for (size_t i = 0; i < cluster->namespaces.n; i++) {
                const char *name = cluster->namespaces.items[i].meta.name;
                for (; at < cluster->pods.n && cluster->pods.items[at].meta.namespace == name;
                     at++) {
                        fetch_ahead(cluster, at);
                        if (pod_takes_part(&cluster->pods.items[at]))
                                group_pod(pods, i, at);
                }
        }
}

struct pods_by_labels *pods_by_labels_new(struct arena *arena, const struct cluster *cluster,
                                          enum family family)
{
        struct pods_by_labels *pods = arena_new_object(arena, struct pods_by_labels);

        pods->arena = arena;
        pods->family = family;
        pods->cluster = cluster;
        pods->namespaces =
            arena_new_array(arena, struct groups_of_namespace, cluster->namespaces.n);
        pods->members = arena_new_array(arena, struct member, cluster->pods.n);
        pods->n_slots = 64;
        pods->slots = arena_new_array(arena, size_t, pods->n_slots);
        group_all(pods);
        return pods;
}

struct pod_groups pods_by_labels_of(const struct pods_by_labels *pods, size_t namespace)
{
        const struct groups_of_namespace *in = &pods->namespaces[namespace];

        return (struct pod_groups){in->groups.items, in->groups.n};
}

size_t pods_label_sets(const struct pods_by_labels *pods)
{
        return pods->sets.n;
}

size_t pods_next(const struct pods_by_labels *pods, size_t pod)
{
        uint32_t next = pods->members[pod].next;

        return next ? next - 1 : NO_POD;
}

size_t pods_label_set(const struct pods_by_labels *pods, size_t pod)
{
        return pods->members[pod].label_set;
}

const struct ip *pods_ip(const struct pods_by_labels *pods, size_t pod)
{
        const struct member *member = &pods->members[pod];

        return member->has_ip ? &member->ip : NULL;
}
