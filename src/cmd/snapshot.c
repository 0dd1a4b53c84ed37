#include "cmd/snapshot.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/source.h"

/* The nodes that Node objects and pods name, each once. */
static struct map *nodes_named(struct arena *arena, struct cluster *cluster)
{
        struct map *names = map_new(arena);

        vec_foreach (struct node, node, &cluster->nodes)
                map_put(names, node->meta.name, node);
        vec_foreach (struct pod, pod, &cluster->pods)
                if (*pod->node)
                        map_put(names, pod->node, pod);
        return names;
}

static void list_names(const struct map *names, char *ret, size_t size)
{
        size_t length = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < map_size(names) && length < size - 80; i++)
                length += (size_t)snprintf(ret + length, size - length, "%s%s", i ? ", " : "",
                                           map_entries(names)[i].key);
}

/* A node that nobody knows would have no pods, and installing its rules would open every pod:
 * refused. */
const char *snapshot_node(const char *command, const struct options *options,
                          struct cluster *cluster)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct map *names = nodes_named(arena, cluster);
        char host[256] = "", known[1024];

        list_names(names, known, sizeof(known));
        if (options->node) {
                if (options->node_is_agents || map_get(names, options->node))
                        return intern_text(cluster->intern, options->node);
                fail(command, EXIT_USAGE,
                     "--node %s: no Node of that name and no pod on it (known: %s)", options->node,
                     *known ? known : "none");
                return NULL;
        }
        if (map_size(names) == 0) {
                fail(command, EXIT_USAGE,
                     "the manifests know no node, by a Node or by a Pod's .spec.nodeName; policies "
                     "alone would be enforced for no pod");
                return NULL;
        }
        if (map_size(names) == 1)
                return intern_text(cluster->intern, map_entries(names)[0].key);
        gethostname(host, sizeof(host) - 1);
        if (map_get(names, host))
                return intern_text(cluster->intern, host);
        fail(command, EXIT_USAGE, "--node NODE is needed: the manifests know %zu nodes (%s)",
             map_size(names), known);
        return NULL;
}

static void note_unscheduled(const struct cluster *cluster)
{
        size_t n = 0;

        vec_foreach (const struct pod, pod, &cluster->pods)
                if (pod_takes_part(pod) && (!*pod->node || pod->ips.n == 0))
                        n++;
        if (n)
                fprintf(stderr,
                        "note: %zu %s no node or no address yet; nothing is enforced for %s\n", n,
                        n == 1 ? "pod has" : "pods have", n == 1 ? "it" : "them");
}

int snapshot_compile(const char *command, const struct options *options,
                     const struct cluster *cluster, const char *node, struct snapshot *ret)
{
        struct compile_options compile_options = {
            .node = node,
            .own_node_egress = options->own_node_egress,
            .deny = options->deny,
        };
        struct arena *arena = arena_new();
        struct err err;
        struct ruleset *ruleset = compile(arena, cluster, &compile_options, &err);

        if (!ruleset) {
                arena_free(arena);
                return fail(command, EXIT_TROUBLE, "compiling for node %s: %s", node, err.text);
        }
        *ret = (struct snapshot){.arena = arena, .ruleset = ruleset, .node = node};
        return EXIT_YES;
}

int snapshot_load(const char *command, struct options *options, struct snapshot *ret)
{
        struct cluster *cluster;
        int status = source_load(command, options, options->n_saved == 0, &cluster);

        if (status != EXIT_YES)
                return status;
        options_seal(cluster);
        note_unscheduled(cluster);
        const char *node = snapshot_node(command, options, cluster);
        if (!node) {
                cluster_free(cluster);
                return EXIT_USAGE;
        }
        *ret = (struct snapshot){.cluster = cluster, .node = node};
        return EXIT_YES;
}

int snapshot_make(const char *command, struct options *options, struct snapshot *ret)
{
        struct snapshot loaded;
        int status = snapshot_load(command, options, &loaded);

        if (status != EXIT_YES)
                return status;
        status = snapshot_compile(command, options, loaded.cluster, loaded.node, ret);
        if (status == EXIT_YES)
                ret->cluster = loaded.cluster;
        else
                snapshot_done(&loaded);
        return status;
}

void snapshot_done(struct snapshot *snapshot)
{
        arena_free(snapshot->arena);
        cluster_free(snapshot->cluster);
}
