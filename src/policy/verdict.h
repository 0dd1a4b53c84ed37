#pragma once

#include "kube/cluster.h"

/* The reference: what NetworkPolicy says of one new connection, written from the text of the API
 * and independent of the compiler. It is slow and obvious; everything fast is held against it. The
 * numbered rules that it follows are in tests/unit/test_semantics.c, each with what shows it.
 *
 * It says what all nodes do together: the source's node judges egress, the destination's ingress.
 */

struct policy_options {
        bool own_node_egress; /* egress rules apply towards the pod's own node too */
        const char *node;     /* only what this node judges, its pods' sides; NULL: both ends' */
};

/* As the filter hook sees it: after DNAT, before SNAT. */
struct packet {
        struct ip source, destination; /* of one family */
        enum protocol protocol;        /* PROTOCOL_ICMP for either ICMP */
        uint16_t port;                 /* destination port; 0 for ICMP */
};

struct policy_rule_ref {
        const struct network_policy *policy;
        enum direction direction;
        size_t rule; /* index among the direction's rules */
};

/* One end's say. */
struct side {
        bool allowed;
        bool isolated;
        const char *exempt; /* why policy has no say, for people: "itself", "own node"; or NULL */
        VEC(const struct network_policy *) policies; /* those that isolate, by name */
        /* Every rule that allows, in that order, also where the side is exempt. */
        VEC(struct policy_rule_ref) allowed_by;
};

/* Addresses of a link alone mean no pod, and reach pods all the same, where these share a link: an
 * IPv6 link-local address, that each pod has besides its own; multicast and broadcast. No policy
 * can name them, and who is reached nobody can tell. So they are denied where they may reach, or
 * come from, a pod that is isolated in any direction: of a link-local address, any pod at all; of
 * what a pod sends to many, any pod of its node. */
struct verdict {
        bool allowed;
        bool of_link;                  /* denied for that, whatever the sides say */
        struct side sides[DIRECTIONS]; /* egress of the source, ingress of the destination */
};

/* May it be denied for that? Then any pod's change may shut it, not its ends' alone. */
bool policy_is_of_link(const struct packet *packet);

const char *verdict_name(bool allowed); /* "Allowed", "Denied" */

/* Lists in the verdict live in arena. The cluster must be sealed. */
struct verdict policy_verdict(struct arena *arena, const struct cluster *cluster,
                              const struct policy_options *options, const struct packet *packet);
/* The same without collecting who allows. */
bool policy_allows(const struct cluster *cluster, const struct policy_options *options,
                   const struct packet *packet);
