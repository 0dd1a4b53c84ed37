#pragma once

#include "cmd/options.h"

/* Where a command's cluster comes from: the manifests of -f, or, for commands that take --socket
 * and are given no manifests, the agent that runs here. Everything behind is the same.
 *
 * The agent also says what it enforces: options->node, own_node_egress, deny and flavour become
 * its own. here: the command compares with this network namespace's kernel, so that the agent must
 * be in it, too. EXIT_YES, or what to exit with; what went wrong was printed. *ret is not sealed.
 */
int source_load(const char *command, struct options *options, bool here, struct cluster **ret);

/* What the agent that runs in this network namespace says of itself, in a line; NULL where there is
 * none. */
const char *source_agent_line(struct arena *arena, const struct options *options);
