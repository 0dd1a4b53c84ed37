#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/apply.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/explain.h"
#include "cmd/lab_report.h"
#include "cmd/options.h"
#include "lab/found.h"
#include "lab/lab.h"
#include "lab/names.h"
#include "lab/netns.h"

#define LAB_NAME_MAX 32

static const struct usage up_usage = {
    .synopsis = "lab up -f PATH…",
    .description = "Makes every Pod of the manifests a network namespace, wired to a namespace "
                   "that plays its\n"
                   "node. Pods keep their podIPs, or are handed addresses from their Node's "
                   "podCIDRs. Nothing\n"
                   "is enforced yet: penstock lab apply.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_LAB | OPTION_VERBOSE,
};

static const struct usage apply_usage = {
    .synopsis = "lab apply -f PATH…",
    .description = "Enforces the policies on every node of the lab, as penstock apply does on one.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_LAB | OPTION_BACKEND | OPTION_DENY |
               OPTION_OWN_NODE_EGRESS | OPTION_DRY_RUN | OPTION_WAIT | OPTION_VERBOSE,
};

static const struct usage probe_usage = {
    .synopsis = "lab probe -f PATH…",
    .description =
        "Sends TCP, UDP, SCTP and ICMP between all pods, nodes and addresses outside, and "
        "compares\n"
        "what gets through with what the policies of these manifests mean. Exit status 1 where\n"
        "anything differs.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_LAB | OPTION_OUTPUT |
               OPTION_OWN_NODE_EGRESS | OPTION_TIMEOUT | OPTION_VERBOSE,
};

static const struct usage explain_usage = {
    .synopsis = "lab explain -f PATH… FROM TO [--port PORT] [--protocol TCP|UDP|SCTP|ICMP]",
    .description = "As penstock explain, with the addresses that pods and nodes have in the lab.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_LAB | OPTION_OUTPUT | OPTION_PORT |
               OPTION_PROTOCOL | OPTION_OWN_NODE_EGRESS | OPTION_VERBOSE,
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments = "FROM and TO",
};

static const struct usage exec_usage = {
    .synopsis = "lab exec NAMESPACE/POD|node|node/NODE|outside -- COMMAND…",
    .description = "Runs a command in a network namespace of the lab; its exit status is ours.",
    .options = OPTION_NAMESPACE | OPTION_LAB,
    .min_arguments = 2,
    .max_arguments = INT_MAX,
    .arguments = "TARGET and COMMAND",
};

static const struct usage down_usage = {
    .synopsis = "lab down",
    .description = "Removes the lab: its namespaces and all that is in them, and nothing else.",
    .options = OPTION_LAB,
};

/* The name becomes part of file names, and ends at the first dot. */
static int check_lab(const char *command, const struct options *options)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        size_t length = strlen(options->lab);

        if (length == 0 || length > LAB_NAME_MAX || strspn(options->lab, allowed) != length)
                return fail(command, EXIT_USAGE, "--lab %s: not a-z, 0-9 and -, %d at most",
                            options->lab, LAB_NAME_MAX);
        if (geteuid() != 0)
                return fail(command, EXIT_TROUBLE, "network namespaces want root");
        return EXIT_YES;
}

/* A command's options, its cluster and the plan made from it. */
struct session {
        struct arena *arena;
        struct options options;
        struct cluster *cluster;
        struct lab_plan *plan;
};

static void session_done(struct session *session)
{
        arena_free(session->arena);
        cluster_free(session->cluster);
}
#define _cleanup_session_ __attribute__((cleanup(session_done)))

/* fresh: the lab is still to be made. */
static int make_plan(const char *command, struct session *session, bool fresh)
{
        const struct options *options = &session->options;
        struct err err;
        struct map *found =
            fresh ? map_new(session->arena) : lab_found(session->arena, options->lab, &err);

        if (!found)
                return fail(command, EXIT_TROUBLE, "%s", err.text);
        session->plan = lab_plan_make(session->arena, options->lab, session->cluster, found, &err);
        if (!session->plan)
                return fail(command, EXIT_USAGE, "%s", err.text);
        return PARSED;
}

/* PARSED, or what to exit with. */
static int begin(int argc, char **argv, const struct usage *usage, struct session *ret)
{
        int status = options_parse(argc, argv, usage, &ret->options);

        if (status != PARSED)
                return status;
        status = check_lab(argv[0], &ret->options);
        if (status != EXIT_YES)
                return status;
        ret->cluster = options_load(&ret->options);
        if (!ret->cluster)
                return EXIT_USAGE;
        options_seal(ret->cluster);
        ret->arena = arena_new();
        return make_plan(argv[0], ret, usage == &up_usage);
}

static int missing_lab(const char *command, const char *lab)
{
        return fail(command, EXIT_USAGE, "there is no lab %s; `penstock lab up -f PATH…` makes one",
                    lab);
}

/* A line that says how far it is, on stderr, for what takes longer than a second. */
struct progress {
        const char *what;
        struct timespec start;
        bool shown;
};

static void show_progress(size_t done, size_t total, void *data)
{
        struct progress *progress = data;
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        long ms = (now.tv_sec - progress->start.tv_sec) * 1000 +
                  (now.tv_nsec - progress->start.tv_nsec) / 1000000;
        if (!isatty(STDERR_FILENO) || (ms < 1000 && !progress->shown))
                return;
        progress->shown = done < total;
        fprintf(stderr, "\r%s: %zu of %zu%s", progress->what, done, total,
                done < total ? "" : "\r\033[K");
}

static struct progress progress_of(const char *what)
{
        struct progress progress = {.what = what};

        clock_gettime(CLOCK_MONOTONIC, &progress.start);
        return progress;
}

static void print_notes(const struct lab_plan *plan)
{
        vec_foreach (const char *, note, &plan->notes)
                fprintf(stderr, "note: %s\n", *note);
}

static const char *ips_text(const struct lab_plan *plan, const struct lab_end *end)
{
        const char *all = "";
        char text[IP_TEXT_SIZE];

        for (size_t i = 0; i < end->ips.n; i++)
                all = arena_printf(plan->arena, "%s%s%s", all, i ? ", " : "",
                                   ip_format(&end->ips.items[i], text));
        return all;
}

static void print_ends(const struct lab_plan *plan)
{
        static const char *const headers[] = {"WHO", "NODE", "ADDRESSES"};
        struct columns columns = columns_new(plan->arena, headers, ARRAY_SIZE(headers));

        for (size_t i = 0; i < plan->n_pods + plan->n_nodes; i++) {
                const struct lab_end *end = &plan->ends.items[i];
                const char *node = end->kind == LAB_POD ? plan->ends.items[end->node].name : "";
                const char *const cells[] = {end->label, node, ips_text(plan, end)};
                columns_add(&columns, cells);
        }
        for (size_t i = plan->ends.n - plan->n_outside; i < plan->ends.n; i++) {
                const char *const cells[] = {"outside", "", plan->ends.items[i].label};
                columns_add(&columns, cells);
        }
        columns_print(&columns, "pods", stdout);
}

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

static int run_up(int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        struct progress progress = progress_of("pods made");
        struct err err;
        int status = begin(argc, argv, &up_usage, &session);

        if (status != PARSED)
                return status;
        const struct lab_plan *plan = session.plan;
        status = lab_up(plan, (struct lab_progress){show_progress, &progress}, &err);
        if (status < 0)
                return fail(argv[0], status == LAB_EXISTS ? EXIT_USAGE : EXIT_TROUBLE, "%s",
                            err.text);
        print_notes(plan);
        print_ends(plan);
        printf("lab %s is up: %zu pod%s, %zu node%s\n", plan->lab, plan->n_pods,
               plural(plan->n_pods), plan->n_nodes, plural(plan->n_nodes));
        return EXIT_YES;
}

static int run_apply(int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        struct err err;
        int status = begin(argc, argv, &apply_usage, &session), worst = EXIT_YES;

        if (status != PARSED)
                return status;
        const struct lab_plan *plan = session.plan;
        if (!lab_exists(plan->lab))
                return missing_lab(argv[0], plan->lab);
        if (lab_add_outside(plan, &err) < 0)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        for (size_t i = plan->n_pods; i < plan->n_pods + plan->n_nodes; i++) {
                const struct lab_end *node = &plan->ends.items[i];

                if (netns_enter_named(node->netns, &err) < 0)
                        status = fail(argv[0], EXIT_TROUBLE, "%s: %s", node->label, err.text);
                else
                        status = apply_node(argv[0], &session.options, plan->cluster, node->name,
                                            stdout);
                if (status > worst)
                        worst = status;
        }
        return worst;
}

static int run_probe(int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        struct progress progress = progress_of("probes");
        struct err err;
        int status = begin(argc, argv, &probe_usage, &session);

        if (status != PARSED)
                return status;
        struct lab_plan *plan = session.plan;
        struct prober_options options = {
            .policy = {.own_node_egress = session.options.own_node_egress},
            .timeout_ms = session.options.timeout_ms,
            .progress = {show_progress, &progress},
        };
        if (!lab_exists(plan->lab))
                return missing_lab(argv[0], plan->lab);
        if (lab_add_outside(plan, &err) < 0)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        const struct probes *probes = prober_run(plan, &options, &err);
        if (!probes)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        print_notes(plan);
        if (session.options.output == OUTPUT_JSON)
                lab_report_json(plan, probes);
        else
                lab_report_text(plan, probes, &options.policy);
        return probes->n_differences ? EXIT_NO : EXIT_YES;
}

/* The first node, in order of name; NULL where there is none. */
static const char *any_node(struct arena *arena, const char *lab)
{
        struct netns_names names =
            netns_list(arena, arena_printf(arena, "%snode.", lab_prefix(arena, lab)));

        return names.list.n ? names.list.items[0] : NULL;
}

/* The namespace that a target names; a word without slash is a pod before it is a node. */
static const char *find_target(struct arena *arena, const struct options *options,
                               const char *target)
{
        const char *slash = strchr(target, '/');
        const char *node = lab_netns_node(arena, options->lab, target);

        if (strcmp(target, "outside") == 0)
                return lab_netns_outside(arena, options->lab);
        if (strcmp(target, "fabric") == 0)
                return lab_netns_fabric(arena, options->lab);
        if (strcmp(target, "node") == 0)
                return any_node(arena, options->lab);
        if (strncmp(target, "node/", 5) == 0)
                return lab_netns_node(arena, options->lab, target + 5);
        if (slash)
                return lab_netns_pod(arena, options->lab,
                                     arena_strndup(arena, target, (size_t)(slash - target)),
                                     slash + 1);
        const char *pod = lab_netns_pod(arena, options->lab, options->namespace, target);
        return netns_list(arena, pod).list.n == 0 && netns_list(arena, node).list.n ? node : pod;
}

static int run_exec(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct options options;
        struct err err;
        int status = options_parse(argc, argv, &exec_usage, &options);

        if (status != PARSED)
                return status;
        status = check_lab(argv[0], &options);
        if (status != EXIT_YES)
                return status;
        if (!lab_exists(options.lab))
                return missing_lab(argv[0], options.lab);
        const char *target = options.arguments[0];
        const char *netns = find_target(arena, &options, target);
        if (!netns || netns_enter_named(netns, &err) < 0)
                return fail(argv[0], EXIT_USAGE, "%s: not in lab %s", target, options.lab);
        execvp(options.arguments[1], options.arguments + 1);
        return fail(argv[0], EXIT_TROUBLE, "%s: %m", options.arguments[1]);
}

static int run_explain(int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        int status = begin(argc, argv, &explain_usage, &session);

        if (status != PARSED)
                return status;
        if (!lab_exists(session.plan->lab))
                return missing_lab(argv[0], session.plan->lab);
        return explain(argv[0], &session.options, session.plan->cluster);
}

static int run_down(int argc, char **argv)
{
        struct options options;
        struct err err;
        size_t removed;
        int status = options_parse(argc, argv, &down_usage, &options);

        if (status != PARSED)
                return status;
        status = check_lab(argv[0], &options);
        if (status != EXIT_YES)
                return status;
        if (lab_down(options.lab, &removed, &err) < 0)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        if (removed)
                printf("removed lab %s: %zu network namespaces\n", options.lab, removed);
        else
                printf("nothing to remove: there is no lab %s\n", options.lab);
        return EXIT_YES;
}

static const struct lab_command {
        const char *name, *summary;
        int (*run)(int argc, char **argv);
} commands[] = {
    {"up", "make the pods of manifests network namespaces", run_up},
    {"apply", "enforce the policies on the lab's nodes", run_apply},
    {"probe", "real packets, compared with what the policies mean", run_probe},
    {"explain", "why a connection is allowed or denied", run_explain},
    {"exec", "run a command as a pod, a node or from outside", run_exec},
    {"down", "remove the lab", run_down},
};

static void print_help(void)
{
        puts("Usage: penstock lab COMMAND …\n\n"
             "The pods of manifests as network namespaces on this machine, for trying policies "
             "with\n"
             "real packets. --lab NAME keeps several apart.\n\nCommands:");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                printf("  %-8s %s\n", commands[i].name, commands[i].summary);
}

int cmd_lab(int argc, char **argv)
{
        const char *name = argc > 1 ? argv[1] : "";

        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
                print_help();
                return EXIT_YES;
        }
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                char full_name[32];

                if (strcmp(name, commands[i].name) != 0)
                        continue;
                snprintf(full_name, sizeof(full_name), "lab %s", name);
                argv[1] = full_name; /* how messages name the command */
                return commands[i].run(argc - 1, argv + 1);
        }
        if (!*name)
                return fail("lab", EXIT_USAGE,
                            "up, apply, probe, explain, exec or down? See penstock lab --help");
        return fail("lab", EXIT_USAGE, "%s: no such command; see penstock lab --help", name);
}
