#pragma once

#include <uv.h>

#include "base/err.h"
#include "kube/cluster.h"

/* The agent's unix socket, root's only: whoever connects, writes "cluster\n" and gets what the
 * agent knows: one JSON object, ended by the connection's end:
 *
 *   {"version": VERSION, "node": NAME, "backend": NAME, "ownNodeEgress": BOOL, "deny": "drop",
 *    "whole": BOOL, "enforcing": BOOL, "why": TEXT|null, "items": [as manifests…]}
 *
 * Commands that are given no manifests take it instead of them: `penstock explain default/a
 * default/b`, `penstock verify`. */

struct control_answer {
        const char *node, *backend;
        bool own_node_egress;
        const char *deny; /* "drop", "reject" */
        bool whole, enforcing;
        const char *why; /* not enforcing; NULL where it is */
        const struct cluster *cluster;
};

struct control;
/* answer is called for each question; what it fills in is looked at before control returns. A
 * socket of an agent that is gone is replaced; of one that runs, an error (there can be only one).
 */
struct control *control_new(uv_loop_t *loop, const char *path,
                            void (*answer)(void *data, struct control_answer *ret), void *data,
                            struct err *err);
void control_close(struct control *control);

/* The other end, for commands: the cluster, not sealed; texts of ret live in it. */
struct cluster *control_ask(const char *path, struct control_answer *ret, struct err *err);
