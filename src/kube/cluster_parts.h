#pragma once

#include "kube/claims.h"
#include "kube/cluster.h"

/* What the files of the cluster and of its mirror share, and nobody else. */

struct cluster_index {
        struct claims pods, nodes; /* by the addresses that are given; of pods that take part */
};

/* One of the cluster's lists, whatever its type: items of some size that begin with their meta. */
struct object_list {
        void **items;
        size_t *n, *cap;
        size_t size;
};
struct object_list cluster_list(struct cluster *cluster, enum kind kind);
void *list_item(const struct object_list *list, size_t place);
/* Where such a one is, or would be. */
size_t list_find(const struct object_list *list, const char *namespace, const char *name,
                 bool *ret_there);

/* For n items. */
void list_make_room(struct arena *arena, struct object_list *list, size_t n);

/* By namespace and name. */
int meta_compare(const struct meta *a, const struct meta *b);
/* "default/web", in the cluster's arena. */
const char *cluster_full_name(struct cluster *cluster, const struct meta *meta);

#define NAMESPACE_NAME_LABEL "kubernetes.io/metadata.name"
/* The label that the API server gives every namespace, whatever the manifest says of it. */
void cluster_label_namespace(struct cluster *cluster, struct meta *meta);
/* One that is only named, by something that is written there. */
struct namespace cluster_implied(struct cluster *cluster, const char *name, struct place place);

/* Nodes', and pods' that take part. */
void cluster_claim(struct cluster *cluster, const struct object *object, size_t place);
void cluster_unclaim(struct cluster *cluster, const struct object *object, size_t place);
/* All of them, of a cluster whose lists are whole. */
void cluster_index_addresses(struct cluster *cluster);
/* Sets what the pod holds of what it was given (semantics 25), and notes what it does not hold,
 * but for what it did not hold before; before may be NULL. */
void cluster_hold(struct cluster *cluster, struct pod *pod, const struct pod *before);
