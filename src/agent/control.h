#pragma once

#include <uv.h>

#include "base/err.h"
#include "kube/cluster.h"

/* The agent's unix socket, root's only: whoever connects, writes a line and gets what the agent
 * knows: one JSON object, ended by the connection's end. Of "cluster\n":
 *
 *   {"apiVersion": "v1", "kind": "List",
 *    "agent": {"version": VERSION, "pid": N, "networkNamespace": N, "node": NAME,
 *              "backend": NAME, "ownNodeEgress": "Allow|Policy", "deny": "drop|reject",
 *              "whole": BOOL, "enforcing": BOOL, "why": TEXT|null},
 *    "items": [as manifests…]}
 *
 * Of "state\n": the same without items. The first is a list as kubectl prints it, so what was saved
 * of it are manifests. Commands that are given no manifests take it instead of them: `penstock
 * explain default/a default/b`, `penstock verify`. */

struct control_answer {
        const char *node, *backend;
        bool own_node_egress;
        const char *deny; /* "drop", "reject" */
        bool whole, enforcing;
        const char *why;               /* not enforcing; NULL where it is */
        const struct cluster *cluster; /* sealed */
        /* Filled in by control itself. */
        const char *version;
        uint64_t pid; /* as the agent sees itself */
        uint64_t network_namespace;
};

#define CONTROL_MAX_CLIENTS      4  /* at a time; whoever comes then waits */
#define CONTROL_QUESTION_SECONDS 5  /* until a question has come */
#define CONTROL_STALL_SECONDS    5  /* in which a client must take something of the answer */
#define CONTROL_ANSWER_SECONDS   60 /* until it must have all */

/* answer is called for each question; what it fills in is looked at before control returns. A
 * socket of an agent that is gone is replaced; of one that runs, an error (there can be only one).
 * The socket's folder is made where it is missing. */
struct control *control_new(uv_loop_t *loop, const char *path,
                            void (*answer)(void *data, struct control_answer *ret), void *data,
                            struct err *err);
/* Removes the socket, ends all clients; the loop has to run until handles are closed. */
void control_close(struct control *control);

/* The other end, for commands: a connection, or -1 where no agent is there to be asked. */
int control_connect(const char *path, struct err *err);
/* The cluster, not sealed; NULL where the answer is none, or not whole. Texts of ret live in it. fd
 * is closed. */
struct cluster *control_ask(int fd, struct control_answer *ret, struct err *err);
/* Only the rest of the answer, at once or not at all; texts are in arena. */
int control_ask_state(int fd, struct arena *arena, struct control_answer *ret, struct err *err);
