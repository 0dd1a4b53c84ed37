/* What a compile costs from nothing, and again after one thing has changed.
 *
 * Usage: again CLUSTER NODE ROUNDS
 *
 * The cluster is a manifest. Each round compiles from nothing, then again after nothing, one pod of
 * another node, one of the node, and one policy of the node have changed: a pod's first label, the
 * peers of a policy's first rule. Prints "COLD NOTHING REMOTE LOCAL POLICY MEMORY": medians of
 * processor seconds, and the bytes that the memo holds at most. */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compile/memo.h"
#include "kube/copy.h"
#include "load.h"

enum what { COLD, NOTHING, REMOTE, LOCAL, POLICY, MEASURED };

struct bench {
        struct cluster *cluster;
        struct compile_options options;
        struct compile_memo *memo;
        unsigned round;
        size_t memory;
};

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double compile_once(struct bench *bench, const cluster_changes *changes)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct err error;
        double start = now();

        compile_memo_change(bench->memo, bench->cluster, changes);
        if (!compile_again(arena, bench->cluster, &bench->options, bench->memo, &error))
                errx(1, "%s", error.text);
        double took = now() - start;
        if (compile_memo_size(bench->memo) > bench->memory)
                bench->memory = compile_memo_size(bench->memo);
        return took;
}

/* Another one each round. */
static struct pod *choose_pod(const struct bench *bench, bool local)
{
        size_t left = bench->round * 7 + 1;

        for (;;)
                vec_foreach (struct pod, pod, &bench->cluster->pods)
                        if ((strcmp(pod->node, bench->options.node) == 0) == local && --left == 0)
                                return pod;
}

static bool selects_local(const struct bench *bench, const struct network_policy *policy)
{
        struct span span = cluster_pods_of(bench->cluster, policy->meta.namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct pod *pod = &bench->cluster->pods.items[i];
                if (strcmp(pod->node, bench->options.node) == 0 &&
                    selector_matches(&policy->pod_selector, &pod->meta.labels))
                        return true;
        }
        return false;
}

static struct network_policy *choose_policy(const struct bench *bench)
{
        size_t left = bench->round * 5 + 1;

        for (;;)
                vec_foreach (struct network_policy, policy, &bench->cluster->policies)
                        if (policy->rules[DIRECTION_INGRESS].n > 0 &&
                            policy->rules[DIRECTION_INGRESS].items[0].peers.n > 0 &&
                            selects_local(bench, policy) && --left == 0)
                                return policy;
}

/* Of a pod with labels, the first gets a value that other pods have. */
static void change_labels(struct cluster *cluster, struct pod *pod)
{
        struct label *items =
            arena_copy(cluster->arena, pod->meta.labels.items, pod->meta.labels.n * sizeof(*items));
        bool cache = strcmp(items[0].value, "cache") == 0;

        items[0].value = intern_text(cluster->intern, cache ? "worker" : "cache");
        pod->meta.labels.items = items;
}

/* All pods of its namespace become peers. */
static void change_peers(struct cluster *cluster, struct network_policy *policy)
{
        static const struct selector all;
        struct policy_rules *rules = &policy->rules[DIRECTION_INGRESS];

        rules->items = arena_copy(cluster->arena, rules->items, rules->n * sizeof(*rules->items));
        struct policy_peer *peers = arena_copy(cluster->arena, rules->items[0].peers.items,
                                               rules->items[0].peers.n * sizeof(*peers));
        peers[0] = (struct policy_peer){.pod_selector = &all};
        rules->items[0].peers.items = peers;
}

/* What is changed here moves nothing in the cluster's lists and indexes. */
static double compile_changed(struct bench *bench, enum what what)
{
        bool policy = what == POLICY;
        struct network_policy *at_policy = policy ? choose_policy(bench) : NULL;
        struct pod *at_pod = policy ? NULL : choose_pod(bench, what == LOCAL);
        enum kind kind = policy ? KIND_NETWORK_POLICY : KIND_POD;
        const struct object before = object_of(kind, policy ? (void *)at_policy : at_pod);

        if (policy)
                change_peers(bench->cluster, at_policy);
        else
                change_labels(bench->cluster, at_pod);
        const struct object after = object_of(kind, policy ? (void *)at_policy : at_pod);
        struct cluster_change change = {kind, &before, &after};
        const cluster_changes changes = {&change, 1, 1};
        return compile_once(bench, &changes);
}

static void run_round(struct bench *bench, double *took)
{
        const cluster_changes none = {0};

        bench->memo = compile_memo_new();
        took[COLD] = compile_once(bench, &none);
        took[NOTHING] = compile_once(bench, &none);
        for (enum what what = REMOTE; what < MEASURED; what++)
                took[what] = compile_changed(bench, what);
        compile_memo_free(bench->memo);
}

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
        if (argc != 4)
                errx(2, "usage: again CLUSTER NODE ROUNDS");
        unsigned rounds = (unsigned)strtoul(argv[3], NULL, 10);
        struct bench bench = {.cluster = load(argv[1]), .options.node = argv[2]};
        double *took = calloc((size_t)rounds * MEASURED, sizeof(*took));
        double *sorted = calloc(rounds, sizeof(*sorted));

        if (rounds == 0 || !took || !sorted)
                errx(2, "ROUNDS: %s", argv[3]);
        for (bench.round = 0; bench.round < rounds; bench.round++)
                run_round(&bench, took + (size_t)bench.round * MEASURED);
        for (enum what what = COLD; what < MEASURED; what++) {
                for (unsigned i = 0; i < rounds; i++)
                        sorted[i] = took[(size_t)i * MEASURED + what];
                qsort(sorted, rounds, sizeof(*sorted), compare);
                printf("%.6f ", sorted[rounds / 2]);
        }
        printf("%zu\n", bench.memory);
        free(took);
        free(sorted);
        cluster_free(bench.cluster);
        return 0;
}
