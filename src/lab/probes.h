#pragma once

#include "lab/plan.h"
#include "policy/verdict.h"

/* What is worth a packet: between all ordered pairs of pods, a pod and itself too, pods and nodes,
 * pods and addresses outside; over each family, with each protocol, to each of the plan's ports. */

#define PROBES_MAX 500000

struct probe {
        size_t from, to; /* in the plan's ends */
        struct ip source, destination;
        enum protocol protocol;
        uint16_t port; /* 0 for ICMP */
        bool expected; /* the policies allow it */
        bool passed;
        const char *reason; /* why it did not pass, "" where it did */
        /* The prober's own: */
        bool done;
        int fd;
        uint16_t source_port;
        int64_t deadline; /* milliseconds */
};

struct probes {
        VEC(struct probe) list; /* by source, destination, protocol, port */
        size_t n_differences;
};

/* All probes of a plan, with what the policies say of each, in the plan's arena. Where they would
 * be more than PROBES_MAX a part is left out, evenly, and the plan's notes say so. */
struct probes *probes_list(struct lab_plan *plan, const struct policy_options *policy, bool sctp);
