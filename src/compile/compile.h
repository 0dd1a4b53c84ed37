#pragma once

#include "base/err.h"
#include "kube/cluster.h"
#include "rules/ruleset.h"

/* The policies of a cluster as the ruleset of one node. Pure: no I/O, no clock; the same cluster
 * and options give the same bytes. The layout and its reasons are in docs/data-plane.md. */

enum deny_action { DENY_DROP, DENY_REJECT };

struct compile_options {
        const char *node; /* whose pods are local */
        bool own_node_egress;
        enum deny_action deny;
};

/* The ruleset, finished, in arena; NULL where two things would have one name. The cluster is
 * sealed and must outlive the ruleset, whose texts it shares. */
struct ruleset *compile(struct arena *arena, const struct cluster *cluster,
                        const struct compile_options *options, struct err *err);
