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

struct grouped_namespace {
        struct span pods;
        bool grouped;
        VEC(struct pod_group) groups;
};

struct pods_by_labels {
        struct arena *arena;
        const struct cluster *cluster;
        struct grouped_namespace *namespaces;
        size_t *next; /* by pod */
        VEC(struct label_set) sets;
        size_t *slots;  /* number of a set + 1; 0 where empty */
        size_t n_slots; /* a power of two, more than twice the sets */
};

/* Both lists are sorted by the namespace's name. */
static void find_spans(struct pods_by_labels *pods)
{
        const struct cluster *cluster = pods->cluster;
        size_t at = 0;

        for (size_t i = 0; i < cluster->namespaces.n; i++) {
                const char *name = cluster->namespaces.items[i].meta.name;
                size_t first = at;
                while (at < cluster->pods.n && cluster->pods.items[at].meta.namespace == name)
                        at++;
                pods->namespaces[i].pods = (struct span){first, at - first};
        }
}

struct pods_by_labels *pods_by_labels_new(struct arena *arena, const struct cluster *cluster)
{
        struct pods_by_labels *pods = arena_new_object(arena, struct pods_by_labels);

        pods->arena = arena;
        pods->cluster = cluster;
        pods->namespaces = arena_new_array(arena, struct grouped_namespace, cluster->namespaces.n);
        pods->next = arena_new_array(arena, size_t, cluster->pods.n);
        pods->n_slots = 64;
        pods->slots = arena_new_array(arena, size_t, pods->n_slots);
        find_spans(pods);
        return pods;
}

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
        struct grouped_namespace *in = &pods->namespaces[namespace];
        const struct labels *labels = &pods->cluster->pods.items[pod].meta.labels;
        size_t number = label_set_of(pods, labels);
        struct label_set *set = &pods->sets.items[number];

        pods->next[pod] = NO_POD;
        if (set->namespace == namespace) {
                struct pod_group *group = &in->groups.items[set->group];
                pods->next[group->last_pod] = pod;
                group->last_pod = pod;
                return;
        }
        struct pod_group group = {set->labels, number, pod, pod};
        set->namespace = namespace;
        set->group = in->groups.n;
        vec_push(pods->arena, &in->groups, group);
}

struct pod_groups pods_by_labels_of(struct pods_by_labels *pods, size_t namespace)
{
        struct grouped_namespace *in = &pods->namespaces[namespace];

        for (size_t i = in->pods.first; !in->grouped && i < in->pods.first + in->pods.n; i++)
                if (pod_takes_part(&pods->cluster->pods.items[i]))
                        group_pod(pods, namespace, i);
        in->grouped = true;
        return (struct pod_groups){in->groups.items, in->groups.n};
}

size_t pods_next(const struct pods_by_labels *pods, size_t pod)
{
        return pods->next[pod];
}

struct span pods_span(const struct pods_by_labels *pods, size_t namespace)
{
        return pods->namespaces[namespace].pods;
}

/* By label set: twice the round in which it was asked, and one more where it matched. */
struct label_answers {
        struct arena *arena;
        const struct selector *selector;
        size_t round;
        VEC(size_t) known;
};

struct label_answers *label_answers_new(struct arena *arena)
{
        struct label_answers *answers = arena_new_object(arena, struct label_answers);

        answers->arena = arena;
        return answers;
}

void label_answers_begin(struct label_answers *answers, const struct selector *selector)
{
        answers->selector = selector;
        answers->round++;
}

bool label_answers_match(struct label_answers *answers, const struct pod_group *group)
{
        while (answers->known.n <= group->label_set)
                vec_push(answers->arena, &answers->known, 0);
        size_t *known = &answers->known.items[group->label_set];
        if (*known / 2 != answers->round)
                *known = answers->round * 2 + selector_matches(answers->selector, group->labels);
        return *known % 2;
}
