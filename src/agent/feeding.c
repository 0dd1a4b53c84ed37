#include "agent/feeding.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define PROGRAM       "penstock-feeder"
#define FIRST_DELAY   250 /* milliseconds before the second start; doubled from one to the next */
#define LONGEST_DELAY 10000
#define GOOD_LIFE     60000 /* whoever lived so long is started again without delay */
#define MAX_UNREAD    (4u << 20)

struct feeding {
        uv_loop_t *loop;
        const struct agent_options *options;
        struct feeding_handler handler;
        uv_process_t process;
        uv_pipe_t pipe;
        uv_timer_t again;
        struct feed_reader reader;
        unsigned open_handles; /* of a feeder: its process and pipe */
        bool closing, losing;
        uint64_t restarts, started, delay;
};

struct sending {
        uv_write_t request;
        struct strbuf bytes;
};

static void start(struct feeding *feeding);

static void start_again(uv_timer_t *timer)
{
        struct feeding *feeding = timer->data;

        start(feeding);
        feeding->handler.begun_anew(feeding->handler.data);
}

/* Both the process and its pipe are closed: the next one can begin. */
static void handle_closed(uv_handle_t *handle)
{
        struct feeding *feeding = handle->data;
        uint64_t lived = uv_now(feeding->loop) - feeding->started;

        if (--feeding->open_handles > 0 || feeding->closing)
                return;
        feed_reader_done(&feeding->reader);
        feeding->handler.lost(feeding->handler.data);
        feeding->delay = lived > GOOD_LIFE ? FIRST_DELAY : feeding->delay;
        uv_timer_start(&feeding->again, start_again, feeding->delay, 0);
        feeding->delay = feeding->delay * 2 < LONGEST_DELAY ? feeding->delay * 2 : LONGEST_DELAY;
        feeding->restarts++;
}

static void close_once(uv_handle_t *handle)
{
        if (!uv_is_closing(handle))
                uv_close(handle, handle_closed);
}

static void ended(uv_process_t *process, int64_t status, int signal)
{
        struct feeding *feeding = process->data;

        if (!feeding->closing)
                log_event(LOG_ERROR, "the feeder ended", log_number("status", status),
                          log_number("signal", signal));
        close_once((uv_handle_t *)process);
        close_once((uv_handle_t *)&feeding->pipe);
}

/* Its process ends by itself when its end of the pipe is closed. */
static void drop(struct feeding *feeding, const char *why)
{
        log_event(LOG_ERROR, "the feeder is dropped", log_text("why", why));
        uv_process_kill(&feeding->process, SIGKILL);
        close_once((uv_handle_t *)&feeding->pipe);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct feeding *feeding = handle->data;
        size_t size;
        char *room = feed_room(&feeding->reader, &size);

        *ret = uv_buf_init(room, size < UINT_MAX ? (unsigned)size : UINT_MAX);
}

static void take(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
        struct feeding *feeding = stream->data;
        struct feed_frame frame;
        struct err err;
        int r;

        if (n < 0) {
                close_once((uv_handle_t *)stream);
                uv_process_kill(&feeding->process, SIGKILL);
                return;
        }
        feed_take(&feeding->reader, (size_t)n);
        while ((r = feed_next(&feeding->reader, &frame, &err)) > 0)
                if ((r = feeding->handler.frame(feeding->handler.data, &frame, &err)) < 0)
                        break;
        if (r < 0)
                drop(feeding, err.text);
}

/* Beside the agent's own program, or where it is installed. */
static void find_program(char ret[PATH_MAX])
{
        char self[PATH_MAX / 2];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        char *slash;

        self[n > 0 ? n : 0] = '\0';
        slash = strrchr(self, '/');
        snprintf(ret, PATH_MAX, "%.*s/" PROGRAM, slash ? (int)(slash - self) : 0, self);
        if (access(ret, X_OK) != 0)
                snprintf(ret, PATH_MAX, "%s", PENSTOCK_LIBEXEC "/" PROGRAM);
}

#define MAX_ARGUMENTS 16

struct arguments {
        const char *items[MAX_ARGUMENTS + 1];
        size_t n;
};

static void add_argument(struct arguments *arguments, const char *name, const char *value)
{
        if (!value || arguments->n + 2 > MAX_ARGUMENTS)
                return;
        arguments->items[arguments->n++] = name;
        arguments->items[arguments->n++] = value;
}

static int spawn(struct feeding *feeding)
{
        const struct agent_options *options = feeding->options;
        struct arguments arguments = {.items = {PROGRAM}, .n = 1};
        char program[PATH_MAX];
        uv_stdio_container_t stdio[] = {
            {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
             .data.stream = (uv_stream_t *)&feeding->pipe},
            {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
            {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        };

        add_argument(&arguments, "--kubeconfig", options->kubeconfig);
        add_argument(&arguments, "--context", options->context);
        add_argument(&arguments, "--metrics", options->metrics);
        add_argument(&arguments, "--log-level", log_level_name(log_level()));
        add_argument(&arguments, "--log-format", options->log_format == LOG_JSON ? "json" : "text");
        find_program(program);
        return uv_spawn(feeding->loop, &feeding->process,
                        &(uv_process_options_t){
                            .exit_cb = ended,
                            .file = program,
                            .args = (char **)(uintptr_t)arguments.items, /* lacks a const */
                            .stdio = stdio,
                            .stdio_count = ARRAY_SIZE(stdio),
                        });
}

static void start(struct feeding *feeding)
{
        feeding->started = uv_now(feeding->loop);
        uv_pipe_init(feeding->loop, &feeding->pipe, 0);
        feeding->open_handles = 2;
        int r = spawn(feeding);
        if (r < 0) {
                log_event(LOG_ERROR, "starting the feeder", log_text("why", uv_strerror(r)));
                close_once((uv_handle_t *)&feeding->process);
                close_once((uv_handle_t *)&feeding->pipe);
                return;
        }
        uv_read_start((uv_stream_t *)&feeding->pipe, give_room, take);
}

struct feeding *feeding_new(uv_loop_t *loop, const struct agent_options *options,
                            const struct feeding_handler *handler)
{
        struct feeding *feeding = memory_alloc(sizeof(*feeding));

        *feeding = (struct feeding){
            .loop = loop, .options = options, .handler = *handler, .delay = FIRST_DELAY};
        feeding->process.data = feeding->pipe.data = feeding->again.data = feeding;
        uv_timer_init(loop, &feeding->again);
        start(feeding);
        return feeding;
}

static void sent(uv_write_t *request, int status)
{
        struct sending *sending = request->data;

        strbuf_done(&sending->bytes);
        free(sending);
}

static bool may_send(struct feeding *feeding)
{
        bool lost = uv_stream_get_write_queue_size((uv_stream_t *)&feeding->pipe) > MAX_UNREAD;

        if (lost && !feeding->losing)
                log_event(LOG_WARNING, "what the feeder does not read is lost");
        feeding->losing = lost;
        return !lost;
}

/* What it cannot take it loses: its pipe's end is about to be noticed. */
static void send_bytes(struct feeding *feeding, struct strbuf *bytes)
{
        struct sending *sending = memory_alloc(sizeof(*sending));
        uv_buf_t buffer = uv_buf_init(bytes->text, (unsigned)bytes->length);

        sending->bytes = *bytes;
        sending->request.data = sending;
        if (uv_is_closing((uv_handle_t *)&feeding->pipe) || !may_send(feeding) ||
            uv_write(&sending->request, (uv_stream_t *)&feeding->pipe, &buffer, 1, sent) < 0)
                sent(&sending->request, 0);
}

void feeding_send(struct feeding *feeding, enum feed_type type, const void *body, size_t length)
{
        struct strbuf bytes = {0};

        feed_put(&bytes, type, 0, body, length);
        send_bytes(feeding, &bytes);
}

void feeding_send_text(struct feeding *feeding, enum feed_type type, uint32_t number,
                       const char *text)
{
        struct strbuf bytes = {0};

        feed_put_text(&bytes, type, number, text);
        send_bytes(feeding, &bytes);
}

uint64_t feeding_restarts(const struct feeding *feeding)
{
        return feeding->restarts;
}

pid_t feeding_pid(const struct feeding *feeding)
{
        return feeding->open_handles > 0 ? feeding->process.pid : 0;
}

void feeding_close(struct feeding *feeding)
{
        feeding->closing = true;
        uv_close((uv_handle_t *)&feeding->again, NULL);
        if (uv_is_active((uv_handle_t *)&feeding->process))
                uv_process_kill(&feeding->process, SIGKILL);
        close_once((uv_handle_t *)&feeding->pipe);
}

void feeding_free(struct feeding *feeding)
{
        feed_reader_done(&feeding->reader);
        free(feeding);
}
