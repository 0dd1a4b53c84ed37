#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/single.h"
#include "daemon/sandbox.h"
#include "kube/load.h"

/* What of the agent answers questions, with a cluster of manifests and without anything to enforce
 * it. Usage: control_server SOCKET MANIFESTS NODE BACKEND Allow|Policy [WHY-NOT-ENFORCING]
 *
 * Holds its network namespace as an agent does; a SOCKET that begins with "alone:" does not. Says
 * "ready"; on SIGUSR1 reads the manifests again and says "again"; ends on SIGTERM. WHY is
 * "starting" where the cluster is not whole yet. */

struct server {
        const char *manifests, *node, *backend, *why;
        bool own_node_egress;
        struct cluster *cluster;
        struct control *control;
        uv_signal_t end, again;
};

static struct cluster *load(const char *path)
{
        struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct load_stats stats;
        struct cluster *cluster = cluster_new();

        if (load_paths(cluster, &path, 1, "default", &problems, &stats) < 0) {
                problems_print(&problems, stderr);
                exit(2);
        }
        arena_free(arena);
        cluster_seal(cluster);
        return cluster;
}

static void answer(void *data, struct control_answer *ret)
{
        const struct server *server = data;

        ret->node = server->node;
        ret->backend = server->backend;
        ret->own_node_egress = server->own_node_egress;
        ret->deny = "drop";
        ret->why = server->why;
        ret->enforcing = !server->why;
        ret->whole = !server->why || strcmp(server->why, "starting") != 0;
        ret->cluster = server->cluster;
}

static void on_again(uv_signal_t *signal, int number)
{
        struct server *server = signal->data;

        cluster_free(server->cluster);
        server->cluster = load(server->manifests);
        puts("again");
}

static void on_end(uv_signal_t *signal, int number)
{
        struct server *server = signal->data;

        control_close(server->control);
        uv_close((uv_handle_t *)&server->end, NULL);
        uv_close((uv_handle_t *)&server->again, NULL);
}

int main(int argc, char **argv)
{
        bool alone = strncmp(argv[1], "alone:", 6) == 0;
        struct server server = {
            .manifests = argv[2],
            .node = argv[3],
            .backend = argv[4],
            .own_node_egress = strcmp(argv[5], "Policy") == 0,
            .why = argc > 6 ? argv[6] : NULL,
        };
        uv_loop_t *loop = uv_default_loop();
        struct err err;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (!alone && single_hold(&err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 3;
        }
        server.cluster = load(server.manifests);
        uv_signal_init(loop, &server.end);
        uv_signal_init(loop, &server.again);
        server.end.data = server.again.data = &server;
        server.control = control_new(loop, argv[1] + (alone ? 6 : 0), answer, &server, &err);
        if (!server.control) {
                fprintf(stderr, "%s\n", err.text);
                cluster_free(server.cluster);
                return 3;
        }
        uv_signal_start(&server.end, on_end, SIGTERM);
        uv_signal_start(&server.again, on_again, SIGUSR1);
        if (sandbox_agent(&err) < 0) { /* as the agent does */
                fprintf(stderr, "%s\n", err.text);
                return 3;
        }
        puts("ready");
        uv_run(loop, UV_RUN_DEFAULT);
        cluster_free(server.cluster);
        return uv_loop_close(loop) == 0 ? 0 : 4;
}
