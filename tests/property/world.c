#include "world.h"

#include <stdlib.h>

#include "kube/load.h"

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

struct run_size run_size(unsigned default_clusters)
{
        return (struct run_size){
            .seed = from_environment("PENSTOCK_SEED", 1),
            .clusters = (unsigned)from_environment("PENSTOCK_CLUSTERS", default_clusters),
        };
}

struct bytes world_bytes(uint64_t seed, unsigned i)
{
        return bytes_of_seed(seed * 0xd1342543de82ef95 + i);
}

struct manifest world_generate(struct arena *arena, struct bytes *bytes, unsigned i)
{
        return generate_cluster(arena, bytes, i % 20 == 19 ? &SHAPE_CROWDED : &SHAPE_DEFAULT);
}

struct cluster *world_load(struct arena *arena, const struct manifest *manifest,
                           const char **ret_problem)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct problems problems = problems_in(arena);
        struct cluster *cluster = cluster_new();
        struct load_stats stats = {0};

        manifest_print(manifest, &text);
        if (load_text(cluster, strbuf_text(&text), text.length, "generated", "default", &problems,
                      &stats) == 0) {
                cluster_seal(cluster);
                return cluster;
        }
        cluster_free(cluster);
        *ret_problem = arena_printf(arena, "generated:%u: %s", problems.list.items[0].place.line,
                                    problems.list.items[0].text);
        return NULL;
}
