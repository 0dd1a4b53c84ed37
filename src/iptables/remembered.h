#pragma once

#include "iptables/plan.h"

/* What is installed, known without reading it. */

/* What stands there after a plan for wanted was carried out on what stood there before, and no set
 * had to be kept: penstock's part as it is wanted, and of others' what a later plan asks for, the
 * chains that lead into penstock's. Its entries are not known. Lives in arena; shares rules and
 * sets with wanted. */
void remembered_after(struct arena *arena, const struct installed *before,
                      const struct wanted *wanted, struct installed *ret);

/* Gives the rules of one flavour the counters that they have in the kernel now: those of the chains
 * that are not as in wanted; of all where that is NULL. -1 where that cannot be read, or where it
 * is seen that other rules stand there than are remembered: another number of them in one of these
 * chains, a jump that leads elsewhere; in legacy, where the entries are known, anything else of
 * penstock's in any chain. Counters may have been changed then. */
int remembered_recount(struct installed *installed, enum flavour flavour,
                       const struct ruleset *wanted, struct err *err);
