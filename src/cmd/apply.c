#include "cmd/apply.h"

#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/snapshot.h"
#include "iptables/apply.h"
#include "netlink/conntrack.h"
#include "netlink/pod_bridges.h"
#include "policy/verdict.h"

static const struct usage usage = {
    .synopsis = "apply -f PATH… [--node NODE] [--dry-run]",
    .description =
        "Makes the rules of this network namespace equal to the policies, atomically: what is\n"
        "installed is read, and only the difference is sent. A second apply changes nothing.\n"
        "Connections that are no longer allowed are cut.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_NODE | OPTION_BACKEND | OPTION_DENY |
               OPTION_OWN_NODE_EGRESS | OPTION_DRY_RUN | OPTION_WAIT | OPTION_VERBOSE,
};

static void print_report(const struct apply_report *report, const char *node, const char *flavour,
                         bool dry_run, size_t cut, FILE *out)
{
        const char *connections = cut == 1 ? "connection" : "connections";

        if (!report->changed)
                fprintf(out, "node %s: unchanged (%s)", node, flavour);
        else
                fprintf(out,
                        "node %s: %s (%s): chains +%zu ~%zu -%zu, sets +%zu ~%zu -%zu, elements "
                        "+%zu -%zu, %zu rules sent",
                        node, dry_run ? "would apply" : "applied", flavour, report->chains_added,
                        report->chains_changed, report->chains_removed, report->sets_added,
                        report->sets_changed, report->sets_removed, report->elements_added,
                        report->elements_removed, report->rules_sent);
        if (cut)
                fprintf(out, "; cut %zu %s", cut, connections);
        fputc('\n', out);
}

static int filter_bridges(const char *command, const struct options *options,
                          const struct snapshot *snapshot, const struct cluster *cluster, FILE *out)
{
        struct bridge_report report = {0};
        struct err err;

        if (pod_bridges_filter(cluster, snapshot->node, options->dry_run, &report, &err) < 0)
                return fail(
                    command, EXIT_TROUBLE, "node %s: the rules %s, but do not protect all pods: %s",
                    snapshot->node, options->dry_run ? "would change" : "are in force", err.text);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (report.wanted[family])
                        fprintf(out, "+ %s = 1 (pods behind bridge %s)\n", bridge_setting(family),
                                report.bridge);
        return EXIT_YES;
}

static int cut_connections(const char *command, const struct options *options,
                           const struct snapshot *snapshot, const struct cluster *cluster,
                           size_t *ret)
{
        struct conntrack_policies policies = {
            cluster, {.own_node_egress = options->own_node_egress, .node = snapshot->node}};
        struct conntrack_judge judge = {conntrack_keep_allowed, &policies,
                                        options->own_node_egress};
        struct err err;

        if (options->dry_run)
                return EXIT_YES;
        conntrack_await();
        if (conntrack_cut(&judge, ret, &err) == 0)
                return EXIT_YES;
        return fail(
            command, EXIT_TROUBLE,
            "node %s: the rules are in force, but connections that they deny may live on: %s",
            snapshot->node, err.text);
}

static int apply_ruleset(const char *command, const struct options *options,
                         const struct snapshot *snapshot, const struct cluster *cluster, FILE *out)
{
        struct apply_options apply_options = {
            .dry_run = options->dry_run,
            .wait_seconds = options->wait_seconds,
        };
        struct apply_report report = {0};
        struct err err;
        size_t cut = 0;
        int bridges, connections,
            status = options_flavour(command, options, &apply_options.flavour);

        if (status != EXIT_YES)
                return status;
        if (iptables_apply(snapshot->ruleset, &apply_options, &report, &err) < 0)
                return fail(command, EXIT_TROUBLE, "node %s: %s", snapshot->node, err.text);
        if (options->dry_run)
                fputs(strbuf_text(&report.diff), out);
        bridges = filter_bridges(command, options, snapshot, cluster, out);
        connections = cut_connections(command, options, snapshot, cluster, &cut);
        fputs(strbuf_text(&report.notes), stderr);
        print_report(&report, snapshot->node, flavour_name(apply_options.flavour), options->dry_run,
                     cut, out);
        apply_report_done(&report);
        return bridges != EXIT_YES ? bridges : connections;
}

int apply_node(const char *command, const struct options *options, const struct cluster *cluster,
               const char *node, FILE *out)
{
        _cleanup_snapshot_ struct snapshot snapshot = {0};
        int status = snapshot_compile(command, options, cluster, node, &snapshot);

        return status == EXIT_YES ? apply_ruleset(command, options, &snapshot, cluster, out)
                                  : status;
}

int cmd_apply(int argc, char **argv)
{
        _cleanup_snapshot_ struct snapshot snapshot = {0};
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        status = snapshot_make(argv[0], &options, &snapshot);
        return status == EXIT_YES
                   ? apply_ruleset(argv[0], &options, &snapshot, snapshot.cluster, stdout)
                   : status;
}
