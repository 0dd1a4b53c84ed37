#include "compile/suspects.h"

#include <stdlib.h>

#include "base/memory.h"

static void add_pod(struct touched *touched, const struct pod *pod)
{
        for (size_t i = 0; i < pod->ips.n; i++) {
                if (touched->n == touched->cap) {
                        touched->cap = touched->cap ? touched->cap * 2 : 16;
                        touched->items =
                            memory_grow(touched->items, touched->cap * sizeof(*touched->items));
                }
                touched->items[touched->n++] = pod->ips.items[i];
        }
}

static void add_namespace(struct touched *touched, const struct cluster *cluster, const char *name)
{
        struct span span = cluster_pods_of(cluster, name);

        for (size_t i = span.first; i < span.first + span.n; i++)
                add_pod(touched, &cluster->pods.items[i]);
}

static void add_object(struct touched *touched, const struct cluster *cluster,
                       const struct object *object)
{
        switch (object->kind) {
        case KIND_POD:
                add_pod(touched, &object->pod);
                return;
        case KIND_NAMESPACE:
                add_namespace(touched, cluster, object->meta.name);
                return;
        case KIND_NODE:
        case KIND_NETWORK_POLICY: /* what is remembered is known by what policies say, not by name
                                   */
                return;
        }
}

void touched_add(struct touched *touched, const struct cluster *cluster,
                 const struct cluster_change *change)
{
        if (change->before)
                add_object(touched, cluster, change->before);
        if (change->after && (change->kind == KIND_POD || !change->before))
                add_object(touched, cluster, change->after);
}

void touched_done(struct touched *touched)
{
        free(touched->items);
        *touched = (struct touched){0};
}

suspect_list suspects_of(struct arena *arena, struct touched *touched,
                         const struct cluster *cluster, enum family family)
{
        suspect_list list = {0};

        vec_sort(touched, ip_compare_items);
        for (size_t i = 0; i < touched->n; i++) {
                const struct ip *ip = &touched->items[i];
                if (ip->family != family || (i > 0 && ip_equal(ip, ip - 1)))
                        continue;
                struct suspect suspect = {.ip = *ip, .pod = cluster_pod_at(cluster, ip)};
                if (suspect.pod)
                        suspect.namespace =
                            &cluster_namespace(cluster, suspect.pod->meta.namespace)->meta;
                vec_push(arena, &list, suspect);
        }
        return list;
}
