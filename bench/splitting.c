/* How long it takes to split a cluster's addresses into classes (verify/classes.h).
 *
 * Usage: splitting [PODS…]
 *
 * For each number of pods (10,000 and 100,000) and each family: sets that each hold a few of the
 * pods, as selectors make them, a few that hold most, blocks with exceptions, and the node's own
 * pods one by one. Prints what was given, what came out, and processor time: gathering, splitting,
 * and the look-up of each pod's class; the best of ROUNDS. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify/classes.h"

#define ROUNDS     15
#define LOCAL_PODS 250
#define LABELS     40 /* sets that a pod is in */
#define BLOCKS     200

struct cluster_shape {
        size_t pods, selectors, deployments;
        uint32_t *deployment_of; /* by pod */
        struct ip *ips;
        size_t memberships;
        VEC(const struct set *) sets;
};

static uint64_t state;

static uint32_t below(uint32_t bound)
{
        uint64_t z = state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return (uint32_t)(((z ^ z >> 31) >> 32) * bound >> 32);
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* 10.…: 110 pods of each node's /24; fd00:10:244:NODE::POD. */
static struct ip pod_ip(enum family family, size_t pod)
{
        size_t node = pod / 110, number = pod % 110 + 2;

        if (family == FAMILY_IPV4)
                return (struct ip){
                    .family = FAMILY_IPV4,
                    .bytes = {10, (uint8_t)(node >> 8), (uint8_t)node, (uint8_t)number}};
        return (struct ip){.family = FAMILY_IPV6,
                           .bytes = {0xfd, 0, 0, 0x10, 2, 0x44, (uint8_t)(node >> 8),
                                     (uint8_t)node, [15] = (uint8_t)number}};
}

static struct set *add_set(struct arena *arena, struct cluster_shape *shape, enum set_type type,
                           enum family family)
{
        struct set *set = arena_new_object(arena, struct set);

        set->type = type;
        set->family = family;
        vec_push(arena, &shape->sets, set);
        return set;
}

static int compare_elements(const void *a, const void *b)
{
        return set_element_compare(a, b);
}

static void add_pod(struct arena *arena, struct cluster_shape *shape, struct set *set, size_t pod)
{
        vec_push(arena, &set->elements,
                 ((struct set_element){.prefix = prefix_host(&shape->ips[pod])}));
}

/* Pods of one deployment are in the same sets: what a pod is in is its deployment's affair. */
static void add_selectors(struct arena *arena, struct cluster_shape *shape, enum family family)
{
        struct set **sets = arena_new_array(arena, struct set *, shape->selectors);
        uint32_t(*of)[LABELS] = arena_alloc_array(arena, shape->deployments, sizeof(*of));

        for (size_t i = 0; i < shape->selectors; i++)
                sets[i] = add_set(arena, shape, SET_HASH_IP, family);
        for (size_t i = 0; i < shape->deployments; i++)
                for (size_t k = 0; k < LABELS; k++)
                        of[i][k] = below((uint32_t)shape->selectors);
        for (size_t pod = 0; pod < shape->pods; pod++) {
                size_t deployment = shape->deployment_of[pod];
                for (size_t k = 0; k < LABELS; k++)
                        add_pod(arena, shape, sets[of[deployment][k]], pod);
        }
}

/* Mostly somewhere outside, one in a hundred a whole node's pods. */
static struct prefix excepted(const struct cluster_shape *shape, enum family family)
{
        struct ip ip = pod_ip(family, below((uint32_t)shape->pods));
        uint8_t length = family == FAMILY_IPV4 ? 24 : 64;

        if (below(100) > 0) {
                ip.bytes[0] = (uint8_t)below(256);
                length = (uint8_t)(length + below(9));
        }
        return prefix_of(&ip, length);
}

static void add_blocks(struct arena *arena, struct cluster_shape *shape, enum family family)
{
        struct ip zero = {.family = (uint8_t)family};

        for (size_t i = 0; i < BLOCKS; i++) {
                struct set *set = add_set(arena, shape, SET_HASH_NET, family);
                struct set_element half = {.prefix = prefix_of(&zero, 1)};

                vec_push(arena, &set->elements, half);
                half.prefix.ip.bytes[0] = 0x80;
                vec_push(arena, &set->elements, half);
                for (unsigned k = 0; k < 10; k++)
                        vec_push(arena, &set->elements,
                                 ((struct set_element){.prefix = excepted(shape, family),
                                                       .nomatch = true}));
        }
}

static void build(struct arena *arena, struct cluster_shape *shape, enum family family)
{
        state = shape->pods;
        shape->ips = arena_new_array(arena, struct ip, shape->pods);
        for (size_t i = 0; i < shape->pods; i++)
                shape->ips[i] = pod_ip(family, i);
        shape->deployment_of = arena_new_array(arena, uint32_t, shape->pods);
        for (size_t i = 0; i < shape->pods; i++)
                shape->deployment_of[i] = below((uint32_t)shape->deployments);
        add_selectors(arena, shape, family);
        add_blocks(arena, shape, family);
        for (unsigned i = 0; i < 3; i++) {
                struct set *most = add_set(arena, shape, SET_HASH_IP, family);
                for (size_t pod = 0; pod < shape->pods; pod++)
                        if (shape->deployment_of[pod] % 7 != i)
                                add_pod(arena, shape, most, pod);
        }
        for (size_t i = 0; i < LOCAL_PODS; i++)
                add_pod(arena, shape, add_set(arena, shape, SET_HASH_IP, family), i);
        for (size_t i = 0; i < shape->sets.n; i++) {
                struct set *set = (struct set *)(uintptr_t)shape->sets.items[i];
                vec_sort(&set->elements, compare_elements);
                shape->memberships += set->elements.n;
        }
}

struct timing {
        double gather, split, look_up;
};

static struct timing run(const struct cluster_shape *shape, enum family family,
                         struct address_classes *ret, size_t *ret_bytes)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        double start = now();
        struct splitter *splitter = splitter_new(arena, family);

        vec_foreach (const struct set *const, set, &shape->sets)
                splitter_add_set(splitter, splitter_add_feature(splitter), *set, NULL, NULL);
        double gathered = now();
        struct address_classes *classes = splitter_split(arena, splitter);
        double split = now();
        size_t sum = 0;
        for (size_t i = 0; i < shape->pods; i++)
                sum += address_class(classes, &shape->ips[i]);
        double looked_up = now();
        *ret = *classes;
        *ret_bytes = arena_size(arena) + (sum == 0);
        return (struct timing){gathered - start, split - gathered, looked_up - split};
}

static void measure(size_t pods, enum family family)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cluster_shape shape = {.pods = pods,
                                      .selectors = pods < 50000 ? 2000 : 4000,
                                      .deployments = pods / 4 < 30000 ? pods / 4 : 30000};
        struct timing best = {0};
        struct address_classes classes;
        size_t bytes;

        build(arena, &shape, family);
        for (int i = 0; i < ROUNDS; i++) {
                struct timing took = run(&shape, family, &classes, &bytes);
                if (i == 0 || took.gather + took.split < best.gather + best.split)
                        best = took;
        }
        printf("%s %zu pods: %zu features, %zu memberships → %zu classes, %zu ranges, %.1f MB; "
               "gather %.1f ms, split %.1f ms, look up %.1f ms\n",
               family_name(family), pods, classes.n_features, shape.memberships, classes.n,
               classes.n_ranges, (double)bytes / 1e6, best.gather, best.split, best.look_up);
}

int main(int argc, char **argv)
{
        static const char *const usual[] = {"10000", "100000"};
        size_t n = argc > 1 ? (size_t)argc - 1 : ARRAY_SIZE(usual);

        for (size_t i = 0; i < n; i++)
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                        measure(strtoul(argc > 1 ? argv[i + 1] : usual[i], NULL, 10), family);
        return 0;
}
