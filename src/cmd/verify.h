#pragma once

#include <stdio.h>

#include "cmd/check.h"

/* Makes a check, and repairs where asked for and something differs; what is repaired is said on
 * repaired. As check_make() otherwise. */
int verify_once(const char *command, struct options *options, FILE *repaired, struct check *ret);

/* Checks again and again, until SIGINT or SIGTERM; the last answer's status. */
int verify_watch(const char *command, struct options *options);
