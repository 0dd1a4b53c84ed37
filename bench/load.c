#include "load.h"

#include <err.h>

#include "kube/load.h"

struct cluster *load(const char *path)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cluster *cluster = cluster_new();
        struct problems problems = problems_in(arena);
        struct load_stats stats = {0};

        if (load_paths(cluster, &path, 1, "default", &problems, &stats) < 0)
                errx(2, "%s: %s", path, problems.list.items[0].text);
        cluster_seal(cluster);
        return cluster;
}
