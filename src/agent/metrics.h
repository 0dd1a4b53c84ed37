#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "agent/traffic.h"
#include "base/strbuf.h"
#include "daemon/feed.h"
#include "rules/ruleset.h"

/* The agent's metrics in the text format of Prometheus 0.0.4, named by its conventions: base units,
 * _total for what only grows, each with HELP and TYPE. */

#define HISTOGRAM_BUCKETS 16

/* Of seconds: cumulative counts are made when it is printed. */
struct histogram {
        uint64_t counts[HISTOGRAM_BUCKETS]; /* by upper bounds of 0.001 × 2^i; the last: the rest */
        uint64_t n;
        double sum;
};
void histogram_add(struct histogram *histogram, double seconds);

/* What a sync is made of; SYNC_CONNTRACK comes after it, from rules in force to connections cut. */
enum sync_part { SYNC_COMPILE, SYNC_APPLY, SYNC_CONNTRACK, SYNC_PARTS };
enum sync_result { SYNC_DONE, SYNC_FAILED, SYNC_RESULTS };

struct agent_metrics {
        struct histogram sync; /* from the first event to the kernel's change */
        struct histogram parts[SYNC_PARTS];
        uint64_t syncs[SYNC_RESULTS]; /* attempts */
        uint64_t repairs;             /* of what others had changed */
        uint64_t connections_cut;
        uint64_t objects[OBJECT_KINDS]; /* known now */
        uint64_t refused[OBJECT_KINDS]; /* of these, not valid */
        uint64_t local_pods, isolated_pods;
        uint64_t chains, rules, sets, elements; /* of penstock's, wanted */
        uint64_t feeder_restarts;
        pid_t feeder_pid;           /* 0: it does not run */
        struct traffic *traffic;    /* traffic_new() */
        struct feed_counts feeder;  /* of the one that runs */
        struct feed_counts feeders; /* … of those before it, added up by metrics_feeder_ended() */
        struct feed_state state;
};

/* The feeder has ended: what it counted is kept, so that nothing falls when another begins. */
void metrics_feeder_ended(struct agent_metrics *metrics);
/* installed: penstock's part of the kernel's rules, as read with counters; packets and bytes
 * denied, and allowed by each policy, are read off it, and it is not good for anything afterwards.
 * NULL where it could not be read: those are left out. */
void metrics_print(const struct agent_metrics *metrics, struct ruleset *installed,
                   struct strbuf *out);
