#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "kube/objects.h"

/* One snapshot of the cluster. Objects are added in any order, then cluster_seal() makes it whole:
 *  - an object given twice (kind, namespace, name) counts once, the later one;
 *  - a namespace that is only named exists, with its one label (semantics 27, 28);
 *  - of two live pods with one address the newer keeps it (semantics 25), with a note;
 *  - lists are sorted by namespace and name, so that whatever is made from them is the same always.
 * All memory is the cluster's own arena. */

struct cluster {
        struct arena *arena;
        struct intern *intern;
        VEC(struct namespace) namespaces;
        VEC(struct node) nodes;
        VEC(struct pod) pods;
        VEC(struct network_policy) policies;
        VEC(const char *) notes; /* what was decided and a person should know, one line each */
        struct cluster_index *index;
};

/* Of addresses that several pods claim; those past it are not told. */
#define CLUSTER_MAX_NOTES 1000

struct cluster *cluster_new(void);
void cluster_free(struct cluster *cluster);
void cluster_freep(struct cluster **cluster);
#define _cleanup_cluster_ __attribute__((cleanup(cluster_freep)))

/* Adds one; before sealing, in any order. What the object points to is in the cluster's arena. */
void cluster_add(struct cluster *cluster, const struct object *object);
void cluster_seal(struct cluster *cluster);

/* A sealed cluster may change, object by object, and stays sealed: at any moment it is what
 * sealing what is in it now would have made of it, namespaces that are only named and addresses
 * that several pods claim included. Pointers to objects hold until the next change only; what
 * objects point to holds as long as the cluster.
 *
 * What has changed is noted, for whoever makes something of the cluster and wants to make anew only
 * what is touched: an object that was added (before is NULL), removed (after is NULL) or changed in
 * anything that the structs of objects.h hold; also a pod that gained or lost an address because
 * another came or went, and a namespace that came or went with objects in it. Nothing is noted of
 * an object that is put as it is. */
struct cluster_change {
        enum kind kind;
        const struct object *before, *after; /* in the cluster's arena: both hold as long as it */
};
typedef VEC(struct cluster_change) cluster_changes;

/* The object may be anywhere: what is kept of it is copied. A pod's ips are those that it is given.
 */
void cluster_put(struct cluster *cluster, const struct object *object, cluster_changes *changes);
/* Would cluster_put() change nothing? */
bool cluster_has(const struct cluster *cluster, const struct object *object);
/* Nothing where there is none. Changes are added, their memory is the cluster's arena. */
void cluster_remove(struct cluster *cluster, enum kind kind, const char *namespace,
                    const char *name, cluster_changes *changes);
/* Bytes held. What was replaced stays until the cluster is freed; cluster_copy() is a sealed one of
 * its own without it, to go on with. */
size_t cluster_size(const struct cluster *cluster);
struct cluster *cluster_copy(const struct cluster *cluster);

/* All of these want a sealed cluster; NULL where there is none. */
const struct namespace *cluster_namespace(const struct cluster *cluster, const char *name);
const struct node *cluster_node(const struct cluster *cluster, const char *name);
const struct pod *cluster_pod(const struct cluster *cluster, const char *namespace,
                              const char *name);
const struct network_policy *cluster_policy(const struct cluster *cluster, const char *namespace,
                                            const char *name);
/* The pod, live and not of the host's network, that holds this address. */
const struct pod *cluster_pod_at(const struct cluster *cluster, const struct ip *ip);
/* The node with this address. */
const struct node *cluster_node_at(const struct cluster *cluster, const struct ip *ip);

/* Objects of one namespace, contiguous because lists are sorted. */
struct span {
        size_t first, n;
};
struct span cluster_pods_of(const struct cluster *cluster, const char *namespace);
struct span cluster_policies_of(const struct cluster *cluster, const char *namespace);
