#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "compile/compile.h"
#include "iptables/keeper.h"
#include "kube/load.h"
#include "netlink/conntrack.h"

/* A keeper that does what it is told, for tests: keep FLAVOUR NODE reads commands and answers each
 * with a line.
 *
 *     apply PATH   what the manifests there want, and how it went
 *     hears, look  0 or 1
 *     read         0 or 1, or why not
 *     counters     a line "PACKETS BYTES CHAIN COMMENT" for each rule, and then "."
 *     readings     how often all was read
 *     may-have-shut
 *     cut ADDRESS…     cuts all their connections
 *     set NAME VALUE   in the environment of the tools that it runs
 */

struct keep {
        struct keeper *keeper;
        const char *node;
};

static void report(const struct keep *keep, const struct apply_report *report, double seconds)
{
        printf("%s chains +%zu ~%zu -%zu, sets +%zu ~%zu -%zu, elements +%zu -%zu, readings %zu "
               "senders %zu ms %.2f\n",
               report->changed ? "applied" : "unchanged", report->chains_added,
               report->chains_changed, report->chains_removed, report->sets_added,
               report->sets_changed, report->sets_removed, report->elements_added,
               report->elements_removed, keeper_readings(keep->keeper), report->n_senders,
               seconds * 1e3);
}

static const struct ruleset *compiled(const struct keep *keep, struct arena *arena,
                                      const char *path, struct cluster **ret)
{
        const struct compile_options options = {.node = keep->node};
        struct cluster *cluster = cluster_new();
        struct problems problems = problems_in(arena);
        struct load_stats stats = {0};
        struct err err;

        *ret = cluster;
        if (load_paths(cluster, &path, 1, "default", &problems, &stats) < 0) {
                printf("bad input: %s\n", problems.list.items[0].text);
                return NULL;
        }
        cluster_seal(cluster);
        return compile(arena, cluster, &options, &err);
}

/* The cluster is gone before the keeper looks at the ruleset again, as an agent's may be. */
static void apply(struct keep *keep, const char *path)
{
        struct arena *arena = arena_new();
        struct apply_report done = {0};
        struct cluster *cluster;
        const struct ruleset *wanted = compiled(keep, arena, path, &cluster);
        struct err err;

        if (!wanted) {
                cluster_free(cluster);
                arena_free(arena);
                return;
        }
        double began = clock_seconds();
        int r = keeper_apply(keep->keeper, arena, wanted, false, &done, &err);
        double seconds = clock_seconds() - began;
        cluster_free(cluster);
        if (r < 0) {
                printf("failed: %s\n", err.text);
                return;
        }
        report(keep, &done, seconds);
        apply_report_done(&done);
}

static void read_all(struct keep *keep)
{
        bool drifted;
        struct err err;

        if (keeper_read(keep->keeper, &drifted, &err) < 0)
                printf("failed: %s\n", err.text);
        else
                printf("%d\n", drifted);
}

static void counters(struct keep *keep)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct err err;
        const struct ruleset *counted = keeper_counters(keep->keeper, arena, &err);

        if (!counted) {
                printf("failed: %s\n.\n", err.text);
                return;
        }
        vec_foreach (const struct table, table, &counted->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                printf("%" PRIu64 " %" PRIu64 " %s %s\n", rule->counters.packets,
                                       rule->counters.bytes, chain->name, rule_comment(rule));
        vec_foreach (const struct set, set, &counted->sets)
                vec_foreach (const struct set_element, element, &set->elements)
                        if (set->counters)
                                printf("%" PRIu64 " %" PRIu64 " %s %u\n", element->counters.packets,
                                       element->counters.bytes, set->name, element->port);
        printf(".\n");
}

static bool deny(const struct packet *packet, void *data)
{
        (void)packet;
        (void)data;
        return false;
}

static void cut(char *argument)
{
        const struct conntrack_judge judge = {.keep = deny};
        struct ip addresses[16];
        size_t n = 0, count;
        struct err err;

        for (const char *word; n < ARRAY_SIZE(addresses) && (word = strsep(&argument, " "));)
                n += ip_parse(word, &addresses[n]);
        conntrack_await();
        if (conntrack_cut_of(&judge, addresses, n, &count, &err) < 0)
                printf("failed: %s\n", err.text);
        else
                printf("%zu\n", count);
}

static void set(char *argument)
{
        const char *name = strsep(&argument, " ");

        setenv(name, argument ? argument : "", 1);
        printf("set\n");
}

static void obey(struct keep *keep, char *line)
{
        char *argument = line;
        const char *command = strsep(&argument, " ");

        if (strcmp(command, "apply") == 0 && argument)
                apply(keep, argument);
        else if (strcmp(command, "cut") == 0 && argument)
                cut(argument);
        else if (strcmp(command, "set") == 0 && argument)
                set(argument);
        else if (strcmp(command, "hears") == 0)
                printf("%d\n", keeper_hears(keep->keeper));
        else if (strcmp(command, "look") == 0)
                printf("%d\n", keeper_look(keep->keeper));
        else if (strcmp(command, "read") == 0)
                read_all(keep);
        else if (strcmp(command, "counters") == 0)
                counters(keep);
        else if (strcmp(command, "readings") == 0)
                printf("%zu\n", keeper_readings(keep->keeper));
        else if (strcmp(command, "may-have-shut") == 0)
                printf("%d\n", keeper_may_have_shut(keep->keeper));
        else
                printf("what is %s?\n", command);
}

int main(int argc, char **argv)
{
        struct apply_options options = {.wait_seconds = 5};
        char line[4096];

        if (argc != 3 || !flavour_parse(argv[1], &options.flavour)) {
                fprintf(stderr, "usage: keep nft|legacy NODE\n");
                return 2;
        }
        struct keep keep = {keeper_new(&options), argv[2]};
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                obey(&keep, line);
                fflush(stdout);
        }
        keeper_free(keep.keeper);
        return 0;
}
