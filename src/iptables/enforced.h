#pragma once

#include "base/vec.h"
#include "iptables/backend.h"
#include "rules/ruleset.h"

/* All that the kernel enforces in this network namespace by iptables: every table (raw, mangle,
 * nat, filter, security) of both flavours and families, whoever installed it, and every set.
 *
 * What may be no true picture is refused, with the reason:
 *  - iptables-nft-save shows other chains or rules than nf_tables holds, or a rule without a test
 *    or action that the kernel's has (a tool older than the one that installed it);
 *  - what was saved can't be restored (iptables-restore --test);
 *  - what was read is not printed again as it was written;
 *  - a set has other elements than the kernel counts;
 *  - a table is of nftables' own language, or is dormant.
 *
 * Others' nftables tables, beside iptables', can't be read; a packet has to pass them as well. They
 * are noted. */
struct enforced_reading {
        struct enforced enforced;            /* rules: of flavours that have any table */
        enum flavour flavours[MAX_RULESETS]; /* of each of enforced.rules */
        bool families[FAMILIES];             /* that the kernel has */
        VEC(const char *) notes;             /* for people */
        double seconds;
};

/* Waits for an apply that is at work, that long. Everything lives in arena. */
int enforced_read(struct arena *arena, unsigned wait_seconds, struct enforced_reading *ret,
                  struct err *err);
