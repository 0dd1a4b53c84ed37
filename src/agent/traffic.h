#pragma once

#include "base/strbuf.h"
#include "rules/ruleset.h"

/* Packets and bytes that policies allowed and that were denied, as metrics: read off the rules'
 * counters, added up by policy. Chains come and go with what policies mean, and their counters with
 * them; what was shown once is remembered here, so that no series falls while it is there. */

/* Series of each kind: one a policy and direction that isolates local pods, one a direction and
 * namespace with such pods. Whoever may create policies must not fill the memory of whoever reads
 * the metrics: those beyond, by name, are one series for each direction, without the other labels.
 */
#define TRAFFIC_MAX_SERIES 1000

struct traffic;

struct traffic *traffic_new(void);
void traffic_free(struct traffic *traffic);
/* installed: as it was read, with counters; after shortcut_spread(). */
void traffic_print(struct traffic *traffic, const struct ruleset *installed, struct strbuf *out);
