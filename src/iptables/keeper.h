#pragma once

#include <stdbool.h>

#include "iptables/apply.h"

/* Keeps the kernel at what is wanted, time after time: as iptables_apply(), with the same order and
 * the same promises, but it remembers what is installed instead of reading it each time (tens of
 * milliseconds), and notices when others change it.
 *
 * What is remembered is believed as long as nothing speaks against it. Of nf_tables' changes the
 * kernel tells (keeper_descriptor()): those of penstock's own tools are known, any other of a chain
 * or rule of penstock's, or of a chain that leads to one, means that all is read again before the
 * next apply. ipset and xtables (legacy) tell nobody: keeper_look() compares what costs next to
 * nothing (how many elements each set has, as the kernel counts; legacy's rules, legacy_entries.h),
 * keeper_read() everything. Legacy's rules are also compared before any are written.
 *
 * Counters of rules that are written again are carried along as iptables_apply() does; they are
 * read for the chains that change only. */

struct keeper;

struct keeper *keeper_new(const struct apply_options *options);
void keeper_free(struct keeper *keeper); /* what is installed stays */

/* Makes the kernel hold wanted. All of it lives in arena, which is taken over: it is freed when
 * something else is remembered, on failure at once. one_pod: wanted is of a cluster of which one
 * pod has changed since the one of the last apply that did not fail, and nothing else: rules and
 * sets then take turns, which is twice as fast (overlap.h). On failure what is enforced is as it
 * was where that could be had (err says so), and all is read again next time. */
int keeper_apply(struct keeper *keeper, struct arena *arena, const struct ruleset *wanted,
                 bool one_pod, struct apply_report *report, struct err *err);

/* To be polled for reading; -1 where the kernel tells nothing. */
int keeper_descriptor(const struct keeper *keeper);
/* Takes what the kernel has told. True where something of penstock's was changed by others, or may
 * have been: then keeper_apply() puts it right. */
bool keeper_hears(struct keeper *keeper);
/* From time to time: true likewise. */
bool keeper_look(struct keeper *keeper);
/* Reads all that is installed, of nf_tables' rules only what may have changed since (nothing, while
 * their generation is the same); *ret_drifted: it is not what was last applied. */
int keeper_read(struct keeper *keeper, bool *ret_drifted, struct err *err);

/* May the last apply have shut what was open, so that connections have to be asked again? False
 * only where all that it did was to let more through. */
bool keeper_may_have_shut(const struct keeper *keeper);
/* What is installed of penstock's, with counters as they are now, to be changed at will; texts hold
 * until the next keeper_apply(), the rest lives in arena. */
struct ruleset *keeper_counters(struct keeper *keeper, struct arena *arena, struct err *err);
/* How often all that is installed has been read, with rules. */
size_t keeper_readings(const struct keeper *keeper);
