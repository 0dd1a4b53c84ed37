#pragma once

#include "cmd/options.h"

/* What FROM and TO name: a pod, a node or a bare address. */
struct endpoint {
        const char *name; /* "default/frontend", "node/node-1", "192.0.2.1" */
        struct {
                const struct ip *items;
                size_t n;
        } ips;                   /* none where the manifests give none */
        const struct pod *pod;   /* NULL where it is none */
        const struct node *node; /* NULL where it is none, or has no object */
        const char *node_name;   /* of a node, or of the node that a pod runs on; "" elsewhere */
        bool is_node;
};

/* word is NAMESPACE/POD, POD, an address (a live pod's address is that pod, a node's that node),
 * "node" or "node/NAME". A pod of the host's network is its node. "node" stands for the node that
 * `other` runs on; pass NULL where there is no other yet, and resolve the word that is not "node"
 * first. Memory is the cluster's. err says what is not there. */
int endpoint_resolve(struct cluster *cluster, const char *word, const char *default_namespace,
                     const struct endpoint *other, struct endpoint *ret, struct err *err);
/* NULL where it has none of that family. */
const struct ip *endpoint_ip(const struct endpoint *endpoint, enum family family);
