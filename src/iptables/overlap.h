#pragma once

#include "iptables/plan.h"

/* Sets change before and after the rules: for a moment rules meet sets that hold what both states
 * need. Where only rules or only sets change that lets nothing through that neither state allows.
 * Where both change, an old rule may meet a new element, or the egress of one state the ingress of
 * the other; then the sets must change in the same transaction as the rules, which they do under
 * other names (stand_in.h).
 *
 * The names of the wanted sets that must, of both families; plan is what leads there without. Keys
 * are names, values the wanted sets. */
struct map *overlap_find(struct arena *arena, const struct installed *installed,
                         const struct wanted *wanted, const struct plan *plan);

/* Of one pod that comes, or goes, rules and sets may change one after the other without stand-ins:
 * in the right turn, a packet of its address meets in each direction what one of the states says,
 * and where that is the state in which the pod is none, nothing is denied on its side, so that both
 * directions together are what that state says. docs/data-plane.md has it in full.
 *
 * Is that all that differs between the sets: do they only grow (SETS_GROW_LAST), or shrink, by one
 * address of each family? That no rule means anything else for packets of other addresses is up to
 * the caller: what was installed must be what was last wanted, and nothing else have changed. */
bool overlap_takes_turn(struct arena *arena, const struct installed *installed,
                        const struct wanted *wanted, enum sets_turn turn);
