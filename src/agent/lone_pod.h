#pragma once

#include <stdbool.h>

#include "kube/cluster.h"

/* Is what has changed since the last apply one pod, however often? (keeper_apply()) */
struct lone_pod {
        char name[320]; /* namespace/name of the first that has changed; "" where none has */
        bool others;    /* something else has changed, too */
};

/* A pod without an address, before and after, is nobody. */
void lone_pod_add(struct lone_pod *lone, const cluster_changes *changes);
bool lone_pod_is_all(const struct lone_pod *lone);
