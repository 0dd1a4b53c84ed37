#pragma once

#include "cmd/options.h"

/* Answers for the two ends that the arguments name, with the port and protocol of the options;
 * prints, and returns the exit status. The cluster is sealed; what is looked up is kept in it. */
int explain(const char *command, const struct options *options, struct cluster *cluster);
