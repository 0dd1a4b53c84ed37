#include "agent/control_write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json_print.h"
#include "compile/compile.h"
#include "kube/print.h"

/* An answer may be 10 MB, the cluster changes while it is written, and whoever reads it may be
 * slow or stopped. So a fork writes it: it sees the cluster as it was when the question came, at no
 * cost but the pages that change meanwhile; it may wait as long as it likes, and the agent does not
 * wait at all. What it has besides the connection is closed first, the names and sockets that say
 * that an agent runs, and it ends with the agent: nothing is left of one that was killed. */

static void send_piece(void *data, struct strbuf *piece)
{
        int fd = *(const int *)data;

        for (size_t sent = 0; sent < piece->length;) {
                ssize_t n = send(fd, piece->text + sent, piece->length - sent, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        _exit(1); /* gone, or too slow */
                sent += (size_t)n;
        }
        piece->length = 0;
}

static void print_agent(struct json_print *json, const struct control_answer *answer)
{
        json_open(json, "agent", '{');
        json_text(json, "version", answer->version);
        json_number(json, "pid", answer->pid);
        json_number(json, "networkNamespace", answer->network_namespace);
        json_text(json, "node", answer->node);
        json_text(json, "backend", answer->backend);
        json_text(json, "ownNodeEgress", own_node_egress_name(answer->own_node_egress));
        json_text(json, "deny", answer->deny);
        json_bool(json, "whole", answer->whole);
        json_bool(json, "enforcing", answer->enforcing);
        json_text(json, "why", answer->enforcing ? NULL : answer->why);
        json_close(json, '}');
}

static void print_answer(const struct control_answer *answer, bool items, int fd)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct json_print json = {
            .out = &out,
            .compact = true,
            .take = send_piece,
            .take_data = &fd,
        };

        json_open(&json, NULL, '{');
        json_text(&json, "apiVersion", "v1");
        json_text(&json, "kind", "List");
        print_agent(&json, answer);
        if (items)
                cluster_print(&json, "items", answer->cluster);
        json_close(&json, '}');
        send_piece(&fd, &out);
}

static void forget_signals(void)
{
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                signal(i, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A client that takes nothing for a while, or little for long, gets no more. */
static bool set_limits(int fd)
{
        const struct timeval stall = {.tv_sec = CONTROL_STALL_SECONDS};

        alarm(CONTROL_ANSWER_SECONDS);
        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall)) == 0 &&
               fcntl(fd, F_SETFL, 0) == 0;
}

/* agent: whose end is the writer's end, too. */
_Noreturn static void write_answer(pid_t agent, int fd, const struct control_answer *answer,
                                   bool items)
{
        forget_signals();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != agent)
                _exit(1);
        if (fd > 3)
                close_range(3, (unsigned)fd - 1, 0);
        close_range((unsigned)fd + 1, ~0U, 0);
        if (!set_limits(fd))
                _exit(1);
        print_answer(answer, items, fd);
        _exit(0);
}

/* Signals are held back until the fork no longer has the agent's way to take them. */
pid_t control_write(int fd, const struct control_answer *answer, bool items)
{
        sigset_t all, before;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        pid_t agent = getpid(), pid = fork();
        if (pid == 0)
                write_answer(agent, fd, answer, items);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return pid;
}
