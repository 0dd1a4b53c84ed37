#pragma once

#include "agent/barrier.h"
#include "agent/metrics.h"
#include "agent/options.h"
#include "kube/mirror.h"

/* From the mirror to the kernel: compiles what the node is to enforce, applies the difference; then
 * cuts the connections that are no longer allowed, for which it waits beside (agent/cutting.h).
 * Blocks while the node's tools run (milliseconds); who holds the locks of iptables is waited for a
 * moment only, then it is a failure like others, after which it is up to the caller to try again.
 */

struct engine;

/* flavour: the one to install in. metrics are counted in the caller's; barrier is the caller's too,
 * is begun here, and when it is over engine_cut() is to be called. */
struct engine *engine_new(const struct agent_options *options, enum flavour flavour,
                          struct agent_metrics *metrics, struct barrier *barrier);
void engine_free(struct engine *engine); /* what is installed stays */

/* Enforces what the mirror, which is whole, holds; and settles it (mirror_settle()). On failure err
 * says what is enforced instead; what has changed is remembered here until it is done. Connections
 * that it may have shut are cut when a barrier is over. */
int engine_sync(struct engine *engine, struct mirror *mirror, struct err *err);
/* A barrier is over: cuts what waited for it. Where the rules in force are not what the mirror
 * holds by now, or this fails, the next engine_sync() cuts it. */
int engine_cut(struct engine *engine, struct mirror *mirror, struct err *err);
/* Has anybody waited for being cut since the agent began, or since something failed? */
bool engine_owes(const struct engine *engine);

/* Changes of the kernel by others: to be polled for reading, -1 where it tells nothing; each of the
 * others says whether engine_sync() has something to put right. */
int engine_descriptor(const struct engine *engine);
bool engine_hears(struct engine *engine);
bool engine_looks(struct engine *engine); /* cheap, every few seconds */
bool engine_reads(struct engine *engine); /* everything, every minute or so */

/* What the kernel has counted, for metrics; NULL where it can't be read. */
struct ruleset *engine_counters(struct engine *engine, struct arena *arena);
