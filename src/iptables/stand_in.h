#pragma once

#include "iptables/plan.h"

/* A misfit is a set that is there under the name of a wanted one, but is of another type or was not
 * made as penstock makes it. It can be neither filled nor, while rules use it, removed or renamed.
 */
bool set_is_misfit(const struct set *installed, const struct set *wanted);
bool has_misfits(const struct ruleset *installed, const struct ruleset *wanted);

/* Other names, by the right ones, for misfits and for the sets of overlap_find(): everything is
 * first installed with these, which leaves the sets of the right names unused and removed, and then
 * with the right ones. Empty where the way is straight, which is what plan says. */
int stand_in_names(struct arena *arena, const struct installed *installed,
                   const struct wanted *wanted, const struct plan *plan, struct map **ret,
                   struct err *err);

/* The wanted rules and sets in arena, under those names (none where it is empty), with what the
 * installed rules have counted, so that it is not lost on the way. */
struct ruleset *stand_in(struct arena *arena, const struct ruleset *installed,
                         const struct ruleset *wanted, const struct map *names);
