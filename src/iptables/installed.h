#pragma once

#include "iptables/backend.h"
#include "iptables/legacy_entries.h"
#include "rules/ruleset.h"

/* What is in this network namespace, others' rules included: the filter tables of both flavours and
 * the sets, read at the same time. */
struct installed {
        struct ruleset *rules[FLAVOURS]; /* empty where the flavour has none, or is not installed */
        struct ruleset *sets;
        bool unreadable[FLAVOURS]; /* it holds rules that its tools cannot show */
        bool usable[FLAVOURS];     /* its tools are installed and the kernel takes them */
        /* IPv6 is not, where the kernel has none: no packet of it either. */
        bool families[FAMILIES];
        /* Of legacy's filter tables, as whoever remembers this has noted it; a reading does not. */
        struct legacy_entries entries[FAMILIES];
};

/* needed: a flavour that has to be usable, or FLAVOURS where either will do. Everything lives in
 * arena. What stands there and cannot be read is an error, never "nothing". */
int installed_read(struct arena *arena, enum flavour needed, struct installed *ret,
                   struct err *err);

/* A jump or goto into a chain of penstock's. */
bool leads_to_own(const struct rule *rule);
/* A jump or goto from a built-in chain to one of penstock's. */
bool is_own_jump(const struct chain *chain, const struct rule *rule);
