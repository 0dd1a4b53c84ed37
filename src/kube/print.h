#pragma once

#include "base/json_print.h"
#include "kube/cluster.h"

/* Objects as manifests, of what penstock keeps of them. What an object's manifest decodes to is
 * equal to it (object_equal()); of a pod of a sealed cluster, to what it was before it was sealed.
 * Times that are not kept (of deletion) are of 1970. */
void object_print(struct json_print *json, const char *key, const struct object *object);

/* All objects of a cluster as one list, "items" of a List. Namespaces without an object are left
 * out: sealing makes them again. */
void cluster_print(struct json_print *json, const char *key, const struct cluster *cluster);
