#pragma once

#include "kube/cluster.h"

/* The cluster's pods that take part, in groups of one namespace and equal labels, so that a
 * selector is asked once of all replicas. */
struct pods_by_labels;

struct pod_group {
        const struct labels *labels;
        size_t label_set; /* equal labels have one number, 0, 1, 2, …, in whatever namespace */
        size_t first_pod; /* in cluster->pods; the next one is pods_next() */
        size_t last_pod;
};
struct pod_groups {
        const struct pod_group *items;
        size_t n;
};
#define NO_POD SIZE_MAX

/* Lives in arena, as all that it returns. */
struct pods_by_labels *pods_by_labels_new(struct arena *arena, const struct cluster *cluster,
                                          enum family family);
/* namespace: an index in cluster->namespaces. */
struct pod_groups pods_by_labels_of(const struct pods_by_labels *pods, size_t namespace);
size_t pods_label_sets(const struct pods_by_labels *pods); /* how many there are */

/* Of a pod in a group: the next one of the group, or NO_POD. */
size_t pods_next(const struct pods_by_labels *pods, size_t pod);
size_t pods_label_set(const struct pods_by_labels *pods, size_t pod);
/* Its address of the family; NULL where it has none. */
const struct ip *pods_ip(const struct pods_by_labels *pods, size_t pod);
