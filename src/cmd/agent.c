#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/config.h"
#include "cmd/command.h"
#include "cmd/options.h"

static const struct usage usage = {
    .synopsis = "agent [--config FILE] [--node NODE] [--kubeconfig FILE [--context NAME]]",
    .description =
        "Keeps the rules of this network namespace equal to the policies of a cluster, as its\n"
        "API server tells them, until SIGTERM or SIGINT; the rules stay. The API server is found\n"
        "as kubectl finds it, or, in a pod, by its service account. The node is NODE, else\n"
        "$NODE_NAME, else this host's name. SIGUSR1 changes the level of the log.",
    .options = OPTION_CONFIG | OPTION_NODE | OPTION_KUBECONFIG | OPTION_CONTEXT | OPTION_BACKEND |
               OPTION_OWN_NODE_EGRESS | OPTION_DENY | OPTION_PERIOD | OPTION_SOCKET |
               OPTION_METRICS | OPTION_LOG_LEVEL | OPTION_LOG_FORMAT,
    .node = "whose pods are protected ($NODE_NAME, else this host's name)",
};

/* Flags that are fields of the configuration as well. */
static const struct {
        enum option_bit bit;
        const char *flag, *field;
} flags[] = {
    {OPTION_NODE, "node", "node"},
    {OPTION_KUBECONFIG, "kubeconfig", "kubeconfig"},
    {OPTION_CONTEXT, "context", "context"},
    {OPTION_BACKEND, "backend", "backend"},
    {OPTION_OWN_NODE_EGRESS, "own-node-egress", "ownNodeEgress"},
    {OPTION_DENY, "deny", "deny"},
    {OPTION_PERIOD, "period", "period"},
    {OPTION_SOCKET, "socket", "socket"},
    {OPTION_METRICS, "metrics", "metrics"},
    {OPTION_LOG_LEVEL, "log-level", "logLevel"},
    {OPTION_LOG_FORMAT, "log-format", "logFormat"},
};

static int read_config(const char *path, struct arena *arena, struct agent_options *ret)
{
        struct problems problems = problems_in(arena);

        if (agent_config_load(arena, path, ret, &problems) == 0)
                return EXIT_YES;
        problems_print(&problems, stderr);
        return EXIT_USAGE;
}

static int take_flags(const char *command, const struct options *options, struct agent_options *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
                const char *text = option_text(options, flags[i].bit);
                const char *wanted =
                    text ? agent_option_set(agent_option(flags[i].field), text, ret) : NULL;
                if (wanted)
                        return fail(command, EXIT_USAGE, "--%s %s: not %s", flags[i].flag, text,
                                    wanted);
        }
        return EXIT_YES;
}

/* As kubelet has it: in lower case. */
static const char *host_name(struct arena *arena)
{
        char name[256] = "";

        gethostname(name, sizeof(name) - 1);
        for (char *c = name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return arena_strdup(arena, name);
}

static int find_node(const char *command, struct arena *arena, struct agent_options *ret)
{
        const char *variable = getenv("NODE_NAME");
        const char *name = variable && *variable ? variable : host_name(arena);
        const char *wanted = ret->node ? NULL : agent_option_set(agent_option("node"), name, ret);

        if (wanted)
                return fail(command, EXIT_USAGE, "%s: not %s; --node NODE names it", name, wanted);
        return EXIT_YES;
}

int cmd_agent(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct agent_options agent = agent_options_default();
        struct options options;
        struct err err;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        const char *config = option_text(&options, OPTION_CONFIG);
        status = config ? read_config(config, arena, &agent) : EXIT_YES;
        if (status == EXIT_YES)
                status = take_flags(argv[0], &options, &agent);
        if (status == EXIT_YES)
                status = find_node(argv[0], arena, &agent);
        if (status != EXIT_YES)
                return status;
        if (agent_run(&agent, &err) < 0)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        return EXIT_YES;
}
