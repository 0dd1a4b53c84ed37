#pragma once

#include "base/err.h"
#include "verify/simulate.h"

/* What this network namespace's addresses and routes say of it. Lists live in arena. */
int node_facts_read(struct arena *arena, struct sim_node *ret, struct err *err);
