#pragma once

#include <stdio.h>

#include "cmd/options.h"

/* Enforces a sealed cluster's policies in this network namespace as the node's: compile, apply, cut
 * the connections that are no longer allowed; prints what was done to out. Returns the exit status.
 */
int apply_node(const char *command, const struct options *options, const struct cluster *cluster,
               const char *node, FILE *out);
