#include "agent/touched.h"

#include <string.h>

static void add_pod(struct touched *touched, const struct pod *pod)
{
        for (size_t i = 0; i < pod->ips.n; i++)
                vec_push(touched->arena, &touched->addresses, pod->ips.items[i]);
}

/* A policy judges pods of its namespace; here, those of this node. */
static void add_local_pods(struct touched *touched, const struct cluster *cluster,
                           const char *namespace, const char *node)
{
        struct span span = cluster_pods_of(cluster, namespace);

        for (size_t i = span.first; i < span.first + span.n; i++)
                if (strcmp(cluster->pods.items[i].node, node) == 0)
                        add_pod(touched, &cluster->pods.items[i]);
}

static void add_change(struct touched *touched, const struct cluster *cluster,
                       const struct cluster_change *change, const char *node)
{
        const struct object *sides[] = {change->before, change->after};

        switch (change->kind) {
        case KIND_POD:
                for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
                        if (sides[i])
                                add_pod(touched, &sides[i]->pod);
                return;
        case KIND_NETWORK_POLICY:
                add_local_pods(touched, cluster,
                               (change->after ? change->after : change->before)->meta.namespace,
                               node);
                return;
        case KIND_NAMESPACE: /* its labels may be in any policy's selector */
        case KIND_NODE:      /* so may its addresses */
                touched->everybody = true;
        }
}

void touched_add(struct touched *touched, const struct cluster *cluster,
                 const cluster_changes *changes, const char *node)
{
        vec_foreach (const struct cluster_change, change, changes) {
                if (!touched->everybody)
                        add_change(touched, cluster, change, node);
                if (touched->addresses.n > TOUCHED_MAX)
                        touched->everybody = true;
        }
}
