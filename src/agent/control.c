#include "agent/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/control_write.h"
#include "agent/single.h"
#include "agent/unix_socket.h"
#include "base/memory.h"
#include "daemon/log.h"

enum client_state { CLIENT_FREE, CLIENT_ASKING, CLIENT_ANSWERED };

struct client {
        enum client_state state;
        struct control *control;
        uv_pipe_t pipe;
        uv_timer_t timer; /* of the question */
        unsigned handles; /* not closed yet */
        pid_t writer;     /* 0: none */
        char question[16];
        size_t length;
};

struct control {
        uv_loop_t *loop;
        void (*answer)(void *data, struct control_answer *ret);
        void *data;
        char *path;
        struct stat file; /* the socket, as it was made */
        uv_pipe_t listener;
        uv_signal_t ended; /* writers */
        unsigned handles;  /* not closed yet */
        bool waiting;      /* a connection, for a client to end */
        bool closing;
        struct client clients[CONTROL_MAX_CLIENTS];
};

static void accept_one(struct control *control);

static void free_when_closed(struct control *control)
{
        if (!control->closing || control->handles)
                return;
        for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
                if (control->clients[i].state != CLIENT_FREE)
                        return;
        free(control->path);
        free(control);
}

static void settle(struct client *client)
{
        struct control *control = client->control;

        if (client->handles || client->writer)
                return;
        client->state = CLIENT_FREE;
        if (control->closing)
                free_when_closed(control);
        else if (control->waiting)
                accept_one(control);
}

static void client_closed(uv_handle_t *handle)
{
        struct client *client = handle->data;

        client->handles--;
        settle(client);
}

static void close_client(struct client *client)
{
        client->state = CLIENT_ANSWERED;
        if (!uv_is_closing((uv_handle_t *)&client->pipe))
                uv_close((uv_handle_t *)&client->pipe, client_closed);
        if (!uv_is_closing((uv_handle_t *)&client->timer))
                uv_close((uv_handle_t *)&client->timer, client_closed);
}

static void question_late(uv_timer_t *timer)
{
        close_client(timer->data);
}

static void give_answer(struct client *client, bool items)
{
        const struct control *control = client->control;
        struct control_answer answer = {0};
        uv_os_fd_t fd;

        if (uv_fileno((uv_handle_t *)&client->pipe, &fd) < 0)
                return;
        control->answer(control->data, &answer);
        answer.version = PENSTOCK_VERSION;
        answer.pid = (uint64_t)getpid();
        answer.network_namespace = single_namespace();
        pid_t pid = control_write(fd, &answer, items);
        if (pid > 0)
                client->writer = pid;
        else
                log_event(LOG_WARNING, "a question is not answered",
                          log_text("why", strerror(errno)));
}

static void take_question(struct client *client)
{
        const char *end = memchr(client->question, '\n', client->length);
        size_t length = end ? (size_t)(end - client->question) : 0;

        if (!end && client->length < sizeof(client->question))
                return;
        if (length == 7 && memcmp(client->question, "cluster", 7) == 0)
                give_answer(client, true);
        else if (length == 5 && memcmp(client->question, "state", 5) == 0)
                give_answer(client, false);
        close_client(client);
}

static void question_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct client *client = handle->data;

        *ret = uv_buf_init(client->question + client->length,
                           (unsigned)(sizeof(client->question) - client->length));
}

static void question_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct client *client = stream->data;

        if (n < 0) {
                close_client(client);
                return;
        }
        client->length += (size_t)n;
        take_question(client);
}

static bool is_root(const struct client *client)
{
        struct ucred who;
        uv_os_fd_t fd;

        return uv_fileno((const uv_handle_t *)&client->pipe, &fd) == 0 && unix_peer(fd, &who) &&
               who.uid == 0;
}

static void begin_client(struct control *control, struct client *client)
{
        *client = (struct client){.state = CLIENT_ASKING, .control = control, .handles = 2};
        uv_pipe_init(control->loop, &client->pipe, 0);
        uv_timer_init(control->loop, &client->timer);
        client->pipe.data = client->timer.data = client;
        if (uv_accept((uv_stream_t *)&control->listener, (uv_stream_t *)&client->pipe) < 0 ||
            !is_root(client) ||
            uv_timer_start(&client->timer, question_late, CONTROL_QUESTION_SECONDS * 1000, 0) < 0 ||
            uv_read_start((uv_stream_t *)&client->pipe, question_room, question_came) < 0)
                close_client(client);
}

/* libuv takes no other connection before this one is accepted: the rest wait in the kernel. */
static void accept_one(struct control *control)
{
        for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
                if (control->clients[i].state == CLIENT_FREE) {
                        control->waiting = false;
                        begin_client(control, &control->clients[i]);
                        return;
                }
        control->waiting = true;
}

static void connection_came(uv_stream_t *listener, int status)
{
        if (status == 0)
                accept_one(listener->data);
}

static void writer_ended(struct client *client, int status)
{
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM)
                log_event(LOG_WARNING, "an answer ended early",
                          log_text("why", strsignal(WTERMSIG(status))));
        client->writer = 0;
        settle(client);
}

static void look_at_writers(uv_signal_t *signal, int number)
{
        struct control *control = signal->data;
        int status;

        for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
                struct client *client = &control->clients[i];
                if (client->writer && waitpid(client->writer, &status, WNOHANG) == client->writer)
                        writer_ended(client, status);
        }
}

static int start(struct control *control, int fd)
{
        control->handles = 2;
        uv_pipe_init(control->loop, &control->listener, 0);
        uv_signal_init(control->loop, &control->ended);
        control->listener.data = control->ended.data = control;
        int r = uv_pipe_open(&control->listener, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = uv_signal_start(&control->ended, look_at_writers, SIGCHLD);
        return r < 0 ? r : uv_listen((uv_stream_t *)&control->listener, 16, connection_came);
}

struct control *control_new(uv_loop_t *loop, const char *path,
                            void (*answer)(void *data, struct control_answer *ret), void *data,
                            struct err *err)
{
        int fd = unix_listen(path, err);

        if (fd < 0)
                return NULL;
        struct control *control = memory_alloc(sizeof(*control));
        *control = (struct control){.loop = loop, .answer = answer, .data = data};
        control->path = memcpy(memory_alloc(strlen(path) + 1), path, strlen(path) + 1);
        if (lstat(path, &control->file) < 0)
                control->file = (struct stat){0};
        int r = start(control, fd);
        if (r == 0)
                return control;
        err_set(err, "%s: %s", path, uv_strerror(r));
        control_close(control);
        return NULL;
}

static void handle_closed(uv_handle_t *handle)
{
        struct control *control = handle->data;

        control->handles--;
        free_when_closed(control);
}

/* Unless it is another's by now. */
static void remove_socket(const struct control *control)
{
        struct stat now;

        if (lstat(control->path, &now) == 0 && now.st_ino == control->file.st_ino &&
            now.st_dev == control->file.st_dev)
                unlink(control->path);
}

void control_close(struct control *control)
{
        control->closing = true;
        remove_socket(control);
        uv_close((uv_handle_t *)&control->listener, handle_closed);
        uv_close((uv_handle_t *)&control->ended, handle_closed);
        for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
                struct client *client = &control->clients[i];
                if (client->state == CLIENT_ASKING)
                        close_client(client);
                if (client->writer) {
                        kill(client->writer, SIGKILL);
                        waitpid(client->writer, NULL, 0);
                        client->writer = 0;
                        settle(client);
                }
        }
}
