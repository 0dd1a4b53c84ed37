#include "compile/suspects.h"

#include <stdlib.h>

#include "base/memory.h"

static void add_pod(struct doubts *doubts, const struct pod *pod)
{
        for (size_t i = 0; i < pod->ips.n; i++) {
                if (doubts->n == doubts->cap) {
                        doubts->cap = doubts->cap ? doubts->cap * 2 : 16;
                        doubts->items =
                            memory_grow(doubts->items, doubts->cap * sizeof(*doubts->items));
                }
                doubts->items[doubts->n++] = pod->ips.items[i];
        }
}

static void add_namespace(struct doubts *doubts, const struct cluster *cluster, const char *name)
{
        struct span span = cluster_pods_of(cluster, name);

        for (size_t i = span.first; i < span.first + span.n; i++)
                add_pod(doubts, &cluster->pods.items[i]);
}

static void add_object(struct doubts *doubts, const struct cluster *cluster,
                       const struct object *object)
{
        switch (object->kind) {
        case KIND_POD:
                add_pod(doubts, &object->pod);
                return;
        case KIND_NAMESPACE:
                add_namespace(doubts, cluster, object->meta.name);
                return;
        case KIND_NODE:
        case KIND_NETWORK_POLICY: /* what is remembered is known by what policies say, not by name
                                   */
                return;
        }
}

void doubts_add(struct doubts *doubts, const struct cluster *cluster,
                const struct cluster_change *change)
{
        if (change->before)
                add_object(doubts, cluster, change->before);
        if (change->after && (change->kind == KIND_POD || !change->before))
                add_object(doubts, cluster, change->after);
}

void doubts_done(struct doubts *doubts)
{
        free(doubts->items);
        *doubts = (struct doubts){0};
}

suspect_list suspects_of(struct arena *arena, struct doubts *doubts, const struct cluster *cluster,
                         enum family family)
{
        suspect_list list = {0};

        vec_sort(doubts, ip_compare_items);
        for (size_t i = 0; i < doubts->n; i++) {
                const struct ip *ip = &doubts->items[i];
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
