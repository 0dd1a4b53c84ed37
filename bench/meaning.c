/* How long it takes to say what a cluster's policies mean of address classes (verify/meaning.h).
 *
 * Usage: meaning FILE NODE
 *
 * FILE is a manifest, best a whole cluster's, as bench/fat.py writes it:
 *
 *     python3 -c 'import fat; fat.PODS_PER_NODE = 250; fat.write("F", 10000, 5000)'
 *
 * Prints, for each family, what came out and milliseconds, the best of ROUNDS: naming features,
 * splitting, settling, and all answers for all groups, directions and intervals of ports. */

#include <stdio.h>
#include <time.h>

#include "kube/load.h"
#include "verify/meaning.h"

#define ROUNDS 15

enum step { STEP_NEW, STEP_SPLIT, STEP_SETTLE, STEP_ASK, STEPS };

struct round {
        double milliseconds[STEPS];
        size_t subjects, groups, classes, features, answers, bytes;
};

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static size_t ask_all(struct meaning *meaning)
{
        static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
                                                  PROTOCOL_ANY};
        struct subjects subjects = meaning_subjects(meaning);
        size_t n = 0;

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                for (size_t group = 0; group < subjects.n_groups[d]; group++)
                        for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
                                struct port_starts starts =
                                    meaning_ports(meaning, d, group, protocols[p]);
                                for (size_t i = 0; i < starts.n; i++, n++)
                                        meaning_allows(meaning, d, group, protocols[p],
                                                       starts.items[i]);
                        }
        return n;
}

static struct round run(const struct cluster *cluster, const char *node, enum family family)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct policy_options options = {.node = node};
        struct round round = {0};
        double times[STEPS + 1];

        times[STEP_NEW] = now();
        struct splitter *splitter = splitter_new(arena, family);
        struct meaning *meaning = meaning_new(arena, cluster, &options, family, splitter);
        times[STEP_SPLIT] = now();
        const struct address_classes *classes = splitter_split(arena, splitter);
        times[STEP_SETTLE] = now();
        meaning_settle(meaning, classes);
        times[STEP_ASK] = now();
        round.answers = ask_all(meaning);
        times[STEPS] = now();
        struct subjects subjects = meaning_subjects(meaning);
        round.subjects = subjects.n;
        round.groups = subjects.n_groups[0] + subjects.n_groups[1];
        round.classes = classes->n;
        round.features = classes->n_features;
        round.bytes = arena_size(arena);
        for (enum step i = 0; i < STEPS; i++)
                round.milliseconds[i] = times[i + 1] - times[i];
        return round;
}

static void report(const struct cluster *cluster, const char *node, enum family family)
{
        struct round best = {0};

        for (unsigned i = 0; i < ROUNDS; i++) {
                struct round round = run(cluster, node, family);
                for (enum step s = 0; i > 0 && s < STEPS; s++)
                        if (best.milliseconds[s] < round.milliseconds[s])
                                round.milliseconds[s] = best.milliseconds[s];
                best = round;
        }
        printf("%s: %zu pods of the node, %zu groups, %zu features, %zu classes; new %.2f ms, "
               "split %.2f ms, settle %.2f ms, %zu answers %.2f ms; %.1f MB\n",
               family_name(family), best.subjects, best.groups, best.features, best.classes,
               best.milliseconds[STEP_NEW], best.milliseconds[STEP_SPLIT],
               best.milliseconds[STEP_SETTLE], best.answers, best.milliseconds[STEP_ASK],
               (double)best.bytes / 1e6);
}

int main(int argc, char **argv)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct load_stats stats = {0};
        const char *const paths[] = {argc > 1 ? argv[1] : ""};

        if (argc != 3) {
                fprintf(stderr, "usage: meaning FILE NODE\n");
                return 2;
        }
        if (load_paths(cluster, paths, 1, "default", &problems, &stats) < 0) {
                fprintf(stderr, "meaning: %s: %s\n", argv[1],
                        problems.list.n > 0 ? problems.list.items[0].text : "cannot be read");
                return 2;
        }
        cluster_seal(cluster);
        printf("%zu pods, %zu policies\n", cluster->pods.n, cluster->policies.n);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                report(cluster, argv[2], family);
        return 0;
}
