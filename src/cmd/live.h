#pragma once

#include "base/json_print.h"
#include "cmd/options.h"
#include "iptables/enforced.h"
#include "policy/verdict.h"
#include "verify/simulate.h"

/* What the rules that the kernel holds do with one packet, for explain --live. They are those of
 * this node, which judges its own pods' ends only. */

struct live {
        struct arena *arena;
        const struct cluster *cluster;
        const char *node;
        bool own_node_egress;
        struct enforced_reading reading;
        struct sim_node facts;
};

/* A rule that matched, or may have, on the way. */
struct live_step {
        const struct table *table;
        const struct chain *chain;
        const struct rule *rule;
        enum truth truth;
};

struct live_answer {
        struct sim_result result;
        VEC(struct live_step) steps; /* in the order in which the packet met them */
        /* What the filter tables saw: after DNAT, before SNAT. Policies judge that. */
        struct packet judged;
        bool translated;
        bool allowed; /* by the policies, as far as this node judges */
        bool differs; /* the rules do otherwise, or cannot be told */
};

/* Reads the kernel. EXIT_YES, or what to exit with; what went wrong was printed. */
int live_read(const char *command, const struct options *options, struct arena *arena,
              struct cluster *cluster, struct live *ret);
struct live_answer live_ask(const struct live *live, const struct packet *packet);
/* The lines below an answer; all: every rule that matched, not only what decides. */
void live_print(const struct live *live, const struct live_answer *answer, bool all);
/* "live": {"node", "outcome": "passes|stopped|unknown", "policies": "Allowed|Denied",
 *  "differs": BOOL, "decidedBy": {…}|null, "matched": [{"certain": BOOL, "rule": {…}}…],
 *  "destination", "port" (as they are after NAT)} */
void live_json(struct json_print *json, const struct live *live, const struct live_answer *answer);
