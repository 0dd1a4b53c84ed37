#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* How much a table of iptables-legacy holds, all programs' rules: cheap to ask, and another number
 * wherever a rule or chain was added or removed. false where that can't be had; a table that is
 * not loaded holds nothing. */
struct legacy_entries {
        uint32_t entries, bytes;
};
bool legacy_entries_read(enum family family, const char *table, struct legacy_entries *ret);
