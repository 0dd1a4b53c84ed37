#pragma once

#include "lab/lab.h"
#include "lab/probes.h"

/* Real packets, held against the reference. One process: its sockets are made in each namespace of
 * the lab and stay there, one event loop serves and asks on all of them.
 *
 * TCP is a connection to a listener, UDP an echo, ICMP an echo, SCTP an INIT that a raw socket at
 * the destination sees. Each probe has a source port (ICMP: an identifier) that none had before it,
 * in this run or earlier ones, so that nothing conntrack remembers lets it pass. */

struct prober_options {
        struct policy_options policy;
        unsigned timeout_ms; /* until silence counts as denied */
        struct lab_progress progress;
};

/* The lab must be up. What was left out is added to the plan's notes. Waits for another prober in
 * the same lab to end. NULL on failure; the thread comes back to the namespace it was in. */
struct probes *prober_run(struct lab_plan *plan, const struct prober_options *options,
                          struct err *err);
