#pragma once

#include "iptables/legacy_rules.h"

/* Whether penstock's part of a table of iptables-legacy is what it was: its chains with all their
 * rules, whole; every rule of others that leads into one of them, and in a built-in chain the place
 * where it stands. What others do beside that changes nothing, nor does what is counted. */

struct legacy_entries {
        uint64_t print; /* another number wherever that part is another; 0: not known */
};

/* false, and not known, where the kernel cannot be asked. */
bool legacy_entries_read(enum family family, const char *table, struct legacy_entries *ret);
struct legacy_entries legacy_entries_of(const struct legacy_rules *rules);
