#pragma once

#include "iptables/span.h"
#include "rules/ruleset.h"

/* What stands behind the type in a line of ipset save: "family inet hashsize 1024 maxelem 65536".
 * Fills in the set's family, counters, plain, mask and options. False: there is something that is
 * not understood, or does not fit the type; the set is to be kept as it is written. */
bool ipset_read_options(struct arena *arena, struct span options, struct set *set);
/* Would penstock have made it like this? */
bool ipset_is_as_made(const struct set *set);
