#pragma once

#include "base/err.h"
#include "kube/cluster.h"
#include "rules/ruleset.h"

/* The policies of a cluster as the ruleset of one node. Pure: no I/O, no clock; the same cluster
 * and options give the same bytes. The layout and its reasons are in docs/data-plane.md. */

enum deny_action { DENY_DROP, DENY_REJECT };
const char *deny_name(enum deny_action action); /* "drop", "reject" */
bool deny_parse(const char *name, enum deny_action *ret);
/* Whether egress rules apply towards a pod's own node: "Policy" or "Allow". */
const char *own_node_egress_name(bool own_node_egress);
bool own_node_egress_parse(const char *name, bool *ret);

struct compile_options {
        const char *node; /* whose pods are local */
        bool own_node_egress;
        enum deny_action deny;
};

/* The ruleset, finished, in arena; NULL where two things would have one name. The cluster is
 * sealed; nothing of the ruleset points into it. */
struct ruleset *compile(struct arena *arena, const struct cluster *cluster,
                        const struct compile_options *options, struct err *err);
