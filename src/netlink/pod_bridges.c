#include "netlink/pod_bridges.h"

#include <string.h>

int pod_bridges_filter(const struct cluster *cluster, const char *node, bool only_look,
                       struct bridge_report *ret, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        VEC(struct ip) pods = {0};

        if (cluster->policies.n == 0)
                return 0;
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; i < pod->ips.n; i++)
                        if (pod_takes_part(pod) && strcmp(pod->node, node) == 0)
                                vec_push(arena, &pods, pod->ips.items[i]);
        return bridge_filter(pods.items, pods.n, only_look, ret, err);
}
