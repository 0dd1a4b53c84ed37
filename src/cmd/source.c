#include "cmd/source.h"

#include <stdio.h>

#include "agent/control.h"
#include "agent/options.h"
#include "agent/single.h"
#include "cmd/command.h"

/* What the agent says itself: a flag that says otherwise would compare with what nobody enforces.
 */
static const struct {
        enum option_bit bit;
        const char *flag;
} agents_own[] = {
    {OPTION_NODE, "node"},
    {OPTION_OWN_NODE_EGRESS, "own-node-egress"},
    {OPTION_BACKEND, "backend"},
    {OPTION_DENY, "deny"},
};

static int check_usage(const char *command, const struct options *options)
{
        const char *socket = option_text(options, OPTION_SOCKET);

        if (options->n_files > 0 && socket)
                return fail(command, EXIT_USAGE,
                            "--socket %s: with -f the manifests are asked, not an agent", socket);
        for (size_t i = 0; options->n_files == 0 && i < ARRAY_SIZE(agents_own); i++)
                if (option_text(options, agents_own[i].bit))
                        return fail(command, EXIT_USAGE,
                                    "--%s goes with -f: without manifests it is as the agent has "
                                    "it",
                                    agents_own[i].flag);
        return EXIT_YES;
}

static const char *socket_of(const struct options *options)
{
        const char *given = option_text(options, OPTION_SOCKET);

        return given ? given : AGENT_SOCKET;
}

static int take_answer(const char *command, struct options *options,
                       const struct control_answer *answer, bool here)
{
        const char *path = socket_of(options);

        if (here && answer->network_namespace != single_namespace())
                return fail(command, EXIT_TROUBLE,
                            "%s: the agent (node %s) runs in another network namespace than this "
                            "one",
                            path, answer->node);
        if (!answer->whole)
                return fail(command, EXIT_TROUBLE,
                            "%s: the agent does not know the whole cluster yet: %s", path,
                            answer->why);
        if (!answer->enforcing)
                fprintf(stderr, "note: the agent is not enforcing: %s\n", answer->why);
        options->node = answer->node;
        options->node_is_agents = true;
        options->own_node_egress = answer->own_node_egress;
        options->has_flavour = flavour_parse(answer->backend, &options->flavour);
        deny_parse(answer->deny, &options->deny);
        return EXIT_YES;
}

static int ask_agent(const char *command, struct options *options, bool here, struct cluster **ret)
{
        struct control_answer answer;
        struct err err;
        int fd = control_connect(socket_of(options), &err);

        if (fd < 0)
                return fail(command, EXIT_USAGE,
                            "neither manifests (-f PATH…) nor an agent to ask: %s", err.text);
        struct cluster *cluster = control_ask(fd, &answer, &err);
        if (!cluster)
                return fail(command, EXIT_TROUBLE, "%s: %s", socket_of(options), err.text);
        int status = take_answer(command, options, &answer, here);
        if (status == EXIT_YES)
                *ret = cluster;
        else
                cluster_free(cluster);
        return status;
}

int source_load(const char *command, struct options *options, bool here, struct cluster **ret)
{
        int status = check_usage(command, options);

        if (status != EXIT_YES)
                return status;
        if (options->n_files == 0)
                return ask_agent(command, options, here, ret);
        struct cluster *cluster = options_load(options);
        if (!cluster)
                return EXIT_USAGE;
        *ret = cluster;
        return EXIT_YES;
}

const char *source_agent_line(struct arena *arena, const struct options *options)
{
        struct control_answer answer;
        struct err err;
        int fd = control_connect(socket_of(options), &err);

        if (fd < 0)
                return NULL;
        if (control_ask_state(fd, arena, &answer, &err) < 0)
                return arena_printf(arena, "%s: %s", socket_of(options), err.text);
        if (answer.network_namespace != single_namespace())
                return NULL;
        if (answer.enforcing)
                return arena_printf(arena, "node %s: the agent enforces (%s)", answer.node,
                                    answer.backend);
        return arena_printf(arena, "node %s: the agent is NOT enforcing: %s", answer.node,
                            answer.why);
}
