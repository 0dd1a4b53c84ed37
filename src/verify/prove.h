#pragma once

#include "base/err.h"
#include "kube/cluster.h"
#include "policy/verdict.h"
#include "verify/simulate.h"

/* Is what rules enforce what the policies mean? Either a proof over all packets, or a packet.
 *
 * What is compared, for each family, each pod of the node that takes part, each other end, protocol
 * and port, in every state of a connection:
 *
 *   NEW, as a connection begins     the policies' verdict, exactly (this node's part of it)
 *   ESTABLISHED, RELATED            passes
 *   NEW, TCP or SCTP in midstream   dropped where an isolated pod is an end, else passes
 *   INVALID, UNTRACKED              what the policies deny does not pass
 *   to and from the own node        passes (INPUT, OUTPUT), or egress rules where asked for
 *   neither end a pod of the node   passes
 *
 * FORWARD is the path of what is not the node's own, INPUT and OUTPUT of what is. Others' rules
 * count. What others deny in their own chains is told apart: policy never promised it. */

struct prove_options {
        const char *node;
        bool own_node_egress;
        struct sim_node node_facts; /* the node's own addresses, besides the Node object's */
        /* The link that leads to a pod of the node; NULL where it is not known: then any may. */
        const char *(*link_of)(const struct ip *pod, void *data);
        void *link_data;
        size_t max_findings; /* of a kind that are kept; the rest is counted. 0: 20 */
};

enum finding_kind {
        FINDING_OPEN,           /* the policies deny it, the rules let it pass */
        FINDING_SHUT,           /* the policies allow it, penstock's rules stop it */
        FINDING_SHUT_BY_OTHERS, /* … a rule that is not penstock's stops it */
        FINDING_UNPROVEN,       /* a rule that nothing here understands may decide */
};

struct finding {
        enum finding_kind kind;
        struct sim_packet packet; /* an example; all fields are meant */
        enum sim_hook hook;
        struct verdict verdict; /* the reference's, of this packet as a new connection's */
        const char *expected;   /* for people: "established connections pass"; NULL: the verdict */
        const char *doubt;      /* for people: why it is not proven, besides the rule; or NULL */
        /* What decides (open, shut), or is in the way (unproven); NULL rule: the chain's policy;
         * NULL chain: nothing does, the packet came to the end. */
        size_t ruleset; /* index in enforced.rules */
        const struct table *table;
        const struct chain *chain;
        const struct rule *rule;
        size_t rule_number;               /* from 1 within its chain; 0 where there is no rule */
        enum chance chance;               /* how limits and dice had to come out */
        const struct match *const *lucky; /* CHANCE_MIXED: those that had to match */
        size_t n_lucky;
        size_t classes;        /* how many address classes of the other end it is true of */
        const struct pod *pod; /* the pod whose end it is; NULL where neither is local */
};

struct proof {
        VEC(struct finding) findings; /* sorted: kind, obscurity, hook, pod, packet */
        size_t counts[4];             /* by kind, kept or not */
        bool equal;                   /* no open, no shut, none unproven */
        /* Figures for people and for the bench. */
        size_t pods, classes[FAMILIES], features[FAMILIES], checks;
        double seconds_classes, seconds_proof;
};

/* Everything lives in arena. Every finding but the unproven was run again as one packet, by
 * simulate() and policy_verdict(). The cluster is sealed. -1 where that disagrees with the proof:
 * an error of penstock's own, never silence. */
int prove(struct arena *arena, const struct cluster *cluster, const struct enforced *enforced,
          const struct prove_options *options, struct proof *ret, struct err *err);
