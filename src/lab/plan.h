#pragma once

#include "base/err.h"
#include "kube/cluster.h"
#include "lab/ports.h"

/* A lab on paper: which network namespaces there are, and who has which address. Pure: the same
 * manifests give the same plan.
 *
 * Pods and nodes keep the addresses that the manifests give them. Pods without are handed one of
 * each family from their Node's podCIDRs, or where it has none from 10.244.N.0/24 and
 * fd00:10:244:N::/64, N being the Node's place in order of name (0 is the first). Nodes without get
 * 172.30.0.N+1 and fd00:172:30::N+1. Pods without a node go to the first, which is called "node"
 * where nothing names one. Finished pods and pods of the host's network have no namespace. */

#define LAB_NODES_MAX 250 /* what the default addresses suffice for */

enum lab_kind { LAB_POD, LAB_NODE, LAB_OUTSIDE };

/* One end of connections. */
struct lab_end {
        enum lab_kind kind;
        const char *label; /* "default/frontend", "node/worker-1", "192.0.2.1" */
        const char *name;  /* of a node, alone */
        const char *netns; /* all addresses outside share one */
        size_t node;       /* of a pod: its node's place in ends */
        VEC(struct ip) ips;
};

struct lab_plan {
        struct arena *arena;
        const char *lab;
        /* Complete: every pod has a node and addresses, every node is there. */
        struct cluster *cluster;
        VEC(struct lab_end) ends; /* pods, nodes, addresses outside, each in order of name */
        size_t n_pods, n_nodes, n_outside;
        struct lab_ports ports;
        VEC(const char *) notes; /* what was left out, one line each */
};

/* What a lab that exists says of addresses: netns → struct lab_addresses. It goes before handing
 * out, so that manifests that were changed since still mean the same addresses. */
struct lab_addresses {
        VEC(struct ip) ips;
};

/* cluster is sealed; it is completed and sealed anew. It and found must outlive the plan. */
struct lab_plan *lab_plan_make(struct arena *arena, const char *lab, struct cluster *cluster,
                               const struct map *found, struct err *err);
/* Adds to the notes. */
void lab_plan_note(struct lab_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
