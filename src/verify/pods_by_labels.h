#pragma once

#include "kube/cluster.h"

/* The cluster's pods that take part, in groups of one namespace and equal labels: a selector is
 * asked once of all replicas. A namespace is grouped when it is first asked for. */
struct pods_by_labels;

struct pod_group {
        const struct labels *labels;
        size_t label_set; /* equal labels have one number, in whatever namespace: see below */
        size_t first_pod; /* in cluster->pods; the next one is pods_next() */
        size_t last_pod;
};
struct pod_groups {
        const struct pod_group *items;
        size_t n;
};
#define NO_POD SIZE_MAX

/* Lives in arena, as all that it returns. */
struct pods_by_labels *pods_by_labels_new(struct arena *arena, const struct cluster *cluster);
/* namespace: an index in cluster->namespaces. */
struct pod_groups pods_by_labels_of(struct pods_by_labels *pods, size_t namespace);
size_t pods_next(const struct pods_by_labels *pods, size_t pod); /* of the group, or NO_POD */
/* All pods of the namespace, also those that take no part. */
struct span pods_span(const struct pods_by_labels *pods, size_t namespace);

/* Does the selector match the group's labels? Asked again of the same label set, in another
 * namespace, the answer is known. */
struct label_answers;
struct label_answers *label_answers_new(struct arena *arena);
/* All that follows is of another selector. */
void label_answers_begin(struct label_answers *answers, const struct selector *selector);
bool label_answers_match(struct label_answers *answers, const struct pod_group *group);
