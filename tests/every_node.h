#pragma once

#include "base/err.h"
#include "compile/compile.h"
#include "policy/verdict.h"
#include "verify/simulate.h"

/* The rulesets of all nodes of a cluster, and what they together make of a packet: which hooks of
 * which nodes it passes follows from where its two addresses are. That is the other half of what
 * the reference says of a whole cluster in one go. */

struct node_rules {
        const char *name;   /* "" is where pods without a node are */
        VEC(struct ip) own; /* addresses of the node itself and of pods in its own network */
        const struct ruleset *ruleset;
};

struct every_node {
        VEC(struct node_rules) nodes; /* of Node objects and of pods, each once */
};

/* NULL where a node does not compile. Everything is in arena. */
struct every_node *every_node_compile(struct arena *arena, const struct cluster *cluster,
                                      bool own_node_egress, enum deny_action deny, struct err *err);

/* OUTCOME_PASS where every node that the packet meets lets it pass. Nodes that hold neither end
 * forward it, and must let it pass too. */
enum outcome every_node_run(const struct every_node *every, const struct sim_packet *packet);
/* A new connection. */
enum outcome every_node_judge(const struct every_node *every, const struct packet *packet);
/* Of that node's rules alone, whatever others say of it. */
enum outcome node_rules_judge(const struct node_rules *node, const struct packet *packet);
