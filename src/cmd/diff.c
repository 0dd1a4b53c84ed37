#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/diff_report.h"
#include "cmd/options.h"
#include "cmd/snapshot.h"
#include "netlink/conntrack.h"

static const struct usage usage = {
    .synopsis = "diff -f OLD… --to NEW… [--live [--node NODE]]",
    .description =
        "Says which connections a change of the manifests opens and closes, between which pods "
        "and\n"
        "addresses, on which ports, and by which rule of which policy. Meanings are compared, of\n"
        "the whole cluster: what is written otherwise and means the same is no difference.\n"
        "With --live also which of this node's connections of now would be cut.\n"
        "Exit status: 0 no difference, 1 some, or some undecided.",
    .options = OPTION_FILES | OPTION_TO | OPTION_NAMESPACE | OPTION_OUTPUT |
               OPTION_OWN_NODE_EGRESS | OPTION_LIVE | OPTION_NODE | OPTION_LIMIT | OPTION_VERBOSE,
};

/* Standard input is read once: as one side it is not there any more for the other. */
static bool reads_input_twice(const struct options *options)
{
        size_t n = 0;

        for (size_t i = 0; i < options->n_files; i++)
                n += strcmp(options->files[i], "-") == 0;
        for (size_t i = 0; i < options->n_to_files; i++)
                n += strcmp(options->to_files[i], "-") == 0;
        return n > 1;
}

struct progress {
        double begun, last;
        bool shown;
};

/* Once a second, from the second on. */
static void show_progress(size_t done, size_t all, void *data)
{
        struct progress *progress = data;
        double time = clock_seconds();

        if (time - progress->last < 1)
                return;
        progress->last = time;
        progress->shown = true;
        fprintf(stderr, "%scomparing: %zu %%%s", isatty(STDERR_FILENO) ? "\r" : "",
                done * 100 / all, isatty(STDERR_FILENO) ? "" : "\n");
}

static void note_without_address(const struct difference *difference)
{
        size_t n = difference->without_address;

        if (n)
                fprintf(stderr, "note: %zu %s no address yet; what depends on it is undecided\n", n,
                        n == 1 ? "pod has" : "pods have");
}

struct live {
        struct diff_report *report;
        const struct cluster *before, *after;
        struct policy_options policy;
};

/* What OLD denies already is no doing of the change. */
static bool keeps(const struct packet *packet, void *data)
{
        const struct live *live = data;

        return policy_allows(live->after, &live->policy, packet) ||
               !policy_allows(live->before, &live->policy, packet);
}

static const char *pod_name(const struct live *live, const struct ip *ip)
{
        const struct pod *pod = cluster_pod_at(live->before, ip);

        pod = pod ? pod : cluster_pod_at(live->after, ip);
        return pod ? arena_printf(live->report->arena, "%s/%s", pod->meta.namespace, pod->meta.name)
                   : NULL;
}

static void add_cut(const struct packet *packet, uint16_t source_port, void *data)
{
        const struct live *live = data;
        struct cut_connection cut = {
            .packet = *packet,
            .source_port = source_port,
            .source = pod_name(live, &packet->source),
            .destination = pod_name(live, &packet->destination),
        };

        vec_push(live->report->arena, &live->report->cut, cut);
}

/* The kernel gives them in the order of its hash table. */
static int compare_cut(const void *a, const void *b)
{
        const struct cut_connection *left = a, *right = b;
        int order = ip_compare(&left->packet.destination, &right->packet.destination);

        order = order ? order : ip_compare(&left->packet.source, &right->packet.source);
        order = order ? order : (int)left->packet.protocol - (int)right->packet.protocol;
        order = order ? order : (int)left->packet.port - (int)right->packet.port;
        return order ? order : (int)left->source_port - (int)right->source_port;
}

static int look_live(const char *command, const struct options *options, struct cluster *before,
                     const struct cluster *after, struct diff_report *report)
{
        struct live live = {report, before, after, {.own_node_egress = options->own_node_egress}};
        struct conntrack_judge judge = {keeps, &live, options->own_node_egress};
        struct err err;

        report->node = live.policy.node = snapshot_node(command, options, before);
        if (!report->node)
                return EXIT_USAGE;
        if (conntrack_find(&judge, add_cut, &live, &err) < 0)
                return fail(command, EXIT_TROUBLE, "--live: %s", err.text);
        vec_sort(&report->cut, compare_cut);
        return EXIT_YES;
}

static int compare(const char *command, const struct options *options, struct cluster *before,
                   const struct cluster *after)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct progress progress = {.last = clock_seconds()};
        struct difference_options how = {
            .own_node_egress = options->own_node_egress,
            .progress = show_progress,
            .data = &progress,
        };
        struct diff_report report = {.arena = arena, .limit = options->limit};
        int status = options->live ? look_live(command, options, before, after, &report) : EXIT_YES;

        if (status != EXIT_YES)
                return status;
        report.difference = difference_find(arena, before, after, &how);
        if (progress.shown && isatty(STDERR_FILENO))
                fputs("\r\033[K", stderr);
        note_without_address(report.difference);
        if (options->output == OUTPUT_JSON)
                diff_print_json(&report);
        else
                diff_print_text(&report);
        return difference_is_none(report.difference) ? EXIT_YES : EXIT_NO;
}

int cmd_diff(int argc, char **argv)
{
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        if (options.node && !options.live)
                return fail(argv[0], EXIT_USAGE, "--node goes with --live alone");
        if (reads_input_twice(&options))
                return fail(argv[0], EXIT_USAGE, "-: standard input can be read once alone");
        _cleanup_cluster_ struct cluster *before = options_load(&options);
        _cleanup_cluster_ struct cluster *after = before ? options_load_to(&options) : NULL;
        if (!after)
                return EXIT_USAGE;
        options_seal(before);
        options_seal(after);
        return compare(argv[0], &options, before, after);
}
