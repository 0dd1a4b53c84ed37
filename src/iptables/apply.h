#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "iptables/backend.h"
#include "rules/ruleset.h"

/* Makes the kernel hold the wanted ruleset: reads what is installed, sends the difference.
 *
 * Order: sets that grow, rules (one transaction for each family), sets that shrink and what is no
 * longer used; where sets must change together with rules (overlap.h), all of that twice, under
 * stand-ins' names and then under the right ones. A step that fails undoes the steps before it, so
 * that what is enforced stays as it was. Only chains PENSTOCK-…, sets penstock-… and penstock's own
 * jumps are ever touched. One apply at a time in each network namespace; the xtables lock is waited
 * for. */

struct apply_options {
        enum flavour flavour;
        bool dry_run;
        unsigned wait_seconds; /* for the locks */
};

#define APPLY_MAX_SENDERS (2 * FAMILIES) /* by stand-ins there are two steps */

struct apply_report {
        bool changed;
        size_t chains_added, chains_changed, chains_removed;
        size_t sets_added, sets_changed, sets_removed;
        size_t sets_kept; /* to be removed, but in use by rules of others */
        size_t elements_added, elements_removed;
        size_t rules_sent;
        struct strbuf diff;  /* dry run: what would change, as "+ …" and "- …" lines */
        struct strbuf notes; /* lines about what had to be left as it is */
        /* Who changed rules of nf_tables: a process for each transaction. */
        pid_t senders[APPLY_MAX_SENDERS];
        size_t n_senders;
};

void apply_report_done(struct apply_report *report);

/* The filter table's and sets' part that is penstock's, with counters: chains PENSTOCK-…,
 * penstock's jumps in the built-in chains, sets penstock-…. */
struct ruleset *iptables_read(struct arena *arena, enum flavour flavour, struct err *err);
int iptables_apply(const struct ruleset *wanted, const struct apply_options *options,
                   struct apply_report *report, struct err *err);
/* Removes every trace, of both flavours. An empty wanted ruleset, applied. */
int iptables_cleanup(const struct apply_options *options, struct apply_report *report,
                     struct err *err);
