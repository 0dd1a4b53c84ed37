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
 * stand-ins if they take turns. A packet between it and another is judged by the pod's own side, E,
 * which is rules and asks sets for the other only, and by the other's side, I, which asks sets for
 * the pod. If sets only grow, the rules go first: E is the new state's then, and I something
 * between both. What E lets through and the new I does not, this I does not either; what both
 * states let through the new E does, and the old I did. If sets only shrink they go first, for the
 * same reason seen from behind.
 *
 * The turn for what differs between the sets: SETS_AROUND unless they only grow or only shrink, by
 * one address of each family. That nothing else has changed is up to the caller: what was installed
 * must be what was wanted before that pod changed. */
enum sets_turn overlap_turn(struct arena *arena, const struct installed *installed,
                            const struct wanted *wanted);
