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

/* Where one pod has changed, and nothing else, its rules and the sets that it is in need no
 * stand-ins if they take turns: rules first where sets only grow, sets first where they only
 * shrink. docs/data-plane.md says why.
 *
 * The turn for what differs between the sets: SETS_AROUND unless they only grow or only shrink, by
 * one address of each family. That nothing else has changed is up to the caller: what was installed
 * must be what was wanted before that pod changed. */
enum sets_turn overlap_turn(struct arena *arena, const struct installed *installed,
                            const struct wanted *wanted);
