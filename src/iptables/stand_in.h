#pragma once

#include "base/err.h"
#include "rules/ruleset.h"

/* A misfit is a set that is there under the name of a wanted one, but is of another type or was not
 * made as penstock makes it. It can be neither filled nor, while rules use it, removed or renamed.
 */
bool set_is_misfit(const struct set *installed, const struct set *wanted);
bool has_misfits(const struct ruleset *installed, const struct ruleset *wanted);

/* The wanted ruleset in arena, with another name wherever there is a misfit. */
struct ruleset *stand_in(struct arena *arena, const struct ruleset *installed,
                         const struct ruleset *wanted, struct err *err);
