#pragma once

#include <stdint.h>

#include "base/err.h"

/* One agent in each network namespace: two would undo each other's work for ever. The socket of
 * agent/control.h can't say so, because two agents of one network namespace may see different
 * files; what is held here is a name that belongs to the network namespace (an abstract unix
 * socket), and goes with the process that holds it, however that ends. */

/* A descriptor to be kept as long as the agent runs; -1 where another has it: err names it. */
int single_hold(struct err *err);

/* Which network namespace this is, the same number for all who are in it; 0 where /proc is not to
 * be seen. */
uint64_t single_namespace(void);
