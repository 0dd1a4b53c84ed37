#pragma once

#include <stdbool.h>

#include "kube/cluster.h"

/* Is what has changed since the last apply one pod, however often? (keeper_apply()) */
struct lone_pod {
        /* namespace/name of the first that has changed, which have 63 and 253 characters at most;
         * "" where none has. */
        char name[320];
        bool others; /* something else has changed, too */
};

/* A pod without an address, before and after, is nobody. */
void lone_pod_add(struct lone_pod *lone, const cluster_changes *changes);
bool lone_pod_is_all(const struct lone_pod *lone);
