#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/control.h"

/* What comes back from the agent's socket: a reason, or a cluster that can be sealed and an answer
 * that names a node; of the state alone likewise. */

static int answering(const uint8_t *data, size_t size)
{
        int ends[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        must(send(ends[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
        shutdown(ends[1], SHUT_WR);
        dup2(ends[1], 100); /* open until the question was asked */
        close(ends[1]);
        return ends[0];
}

static void check(const struct control_answer *answer)
{
        must(answer->node && *answer->node);
        must(answer->backend && answer->deny && answer->version);
        must(answer->enforcing ? !answer->why : answer->why != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct control_answer answer;
        struct err err = {{0}};

        if (size > 65536) /* of what a socket holds while nobody reads */
                return 0;
        struct cluster *cluster = control_ask(answering(data, size), &answer, &err);
        must(cluster || *err.text);
        if (cluster) {
                check(&answer);
                cluster_seal(cluster);
                cluster_free(cluster);
        }
        if (control_ask_state(answering(data, size), arena, &answer, &err) == 0)
                check(&answer);
        else
                must(!cluster && *err.text);
        return 0;
}
