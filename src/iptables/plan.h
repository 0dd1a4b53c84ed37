#pragma once

#include "base/strbuf.h"
#include "iptables/apply.h"
#include "iptables/installed.h"

/* When sets that are there already change, if rules change too (overlap.h). */
enum sets_turn {
        SETS_AROUND,       /* they grow before the rules do, and shrink after */
        SETS_GROW_LAST,    /* they only grow */
        SETS_SHRINK_FIRST, /* they only shrink */
};
/* Of the way back, from wherever the way there has ended: what came last goes first. */
enum sets_turn sets_turn_back(enum sets_turn turn);

/* What leads from what is installed to what is wanted, as texts for the tools, in the order in
 * which they are to be sent. Pure: nothing is run. An empty text is not sent. */
struct plan {
        enum sets_turn turn;
        struct strbuf before;                    /* ipset restore -exist: what rules will need */
        struct strbuf rules[FLAVOURS][FAMILIES]; /* iptables-restore --noflush --counters */
        struct strbuf after;                     /* ipset restore -exist: what they needed */
        struct strbuf destroy;                   /* ipset restore -exist */
};

/* What is wanted: penstock's chains and jumps of both flavours' filter tables, and its sets. What
 * else is in these rulesets (wanted may be what was installed at some time) is not looked at. */
struct wanted {
        const struct ruleset *rules[FLAVOURS];
        const struct ruleset *sets;
        enum sets_turn turn;
};

/* Adds to report what the plan changes, and, where diff is set, how; and notes about what has to be
 * left. */
void plan_make(const struct installed *installed, const struct wanted *wanted, bool diff,
               struct apply_report *report, struct plan *ret);
/* Would it change anything; any rules? */
bool plan_has_steps(const struct plan *plan);
bool plan_has_rules(const struct plan *plan);
void plan_done(struct plan *plan);
#define _cleanup_plan_ __attribute__((cleanup(plan_done)))

/* A chain of somebody else's with a rule that leads into this one of penstock's: the rule is
 * theirs, so it stays, and so must the chain, empty. NULL where there is none. */
const struct chain *plan_reference(const struct table *table, const char *name);

/* What the equal rule in now has counted, or else the rule itself; now may be NULL. Searched from
 * *at on, where the last one was found, because most rules stay in order: 0 for a chain's first. */
struct counters plan_counters(const struct chain *now, size_t *at, const struct rule *rule);
