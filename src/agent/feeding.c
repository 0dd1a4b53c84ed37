#include "agent/feeding.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/feed_stream.h"

#define PROGRAM       "penstock-feeder"
#define FIRST_DELAY   250 /* milliseconds before the second start; doubled from one to the next */
#define LONGEST_DELAY 10000
#define GOOD_LIFE     60000 /* whoever lived so long is started again without delay */
#define MAX_UNREAD    (4u << 20)
#define MORE_PATIENCE 8 /* times the silence that is allowed, at most */

struct feeding {
        uv_loop_t *loop;
        const struct agent_options *options;
        struct feeding_handler handler;
        uv_process_t process;
        struct feed_stream stream;
        uv_timer_t again;
        unsigned open_handles; /* of a feeder: its process and pipe */
        bool closing, losing;
        uint64_t restarts, started, delay;
        uint64_t received; /* bytes, when it was last watched */
        uint64_t heard;    /* when that was another number than before */
        uint64_t silent;   /* milliseconds that were watched since */
        uint64_t patience; /* so many it may be */
};

static void start(struct feeding *feeding);

static void start_again(uv_timer_t *timer)
{
        struct feeding *feeding = timer->data;

        start(feeding);
        feeding->handler.begun_anew(feeding->handler.data);
}

static uint64_t first_patience(const struct feeding *feeding)
{
        return feeding->options->feeder_silence_seconds * 1000ull;
}

/* Both the process and its stream are closed: the next one can begin. */
static void part_closed(void *data)
{
        struct feeding *feeding = data;
        uint64_t lived = feeding->heard - feeding->started;

        if (--feeding->open_handles > 0 || feeding->closing)
                return;
        feed_stream_done(&feeding->stream);
        feeding->handler.lost(feeding->handler.data);
        if (lived > GOOD_LIFE) {
                feeding->delay = FIRST_DELAY;
                feeding->patience = first_patience(feeding);
        }
        uv_timer_start(&feeding->again, start_again, feeding->delay, 0);
        feeding->delay = feeding->delay * 2 < LONGEST_DELAY ? feeding->delay * 2 : LONGEST_DELAY;
        feeding->restarts++;
}

static void process_closed(uv_handle_t *handle)
{
        part_closed(handle->data);
}

static void close_process(struct feeding *feeding)
{
        if (!uv_is_closing((uv_handle_t *)&feeding->process))
                uv_close((uv_handle_t *)&feeding->process, process_closed);
}

static void ended(uv_process_t *process, int64_t status, int signal)
{
        struct feeding *feeding = process->data;

        if (!feeding->closing)
                log_event(LOG_ERROR, "the feeder ended", log_number("status", status),
                          log_number("signal", signal));
        close_process(feeding);
        feed_stream_close(&feeding->stream, part_closed);
        if (status == FEEDER_UNCONFIGURED && feeding->restarts == 0 &&
            feeding->stream.received == 0)
                feeding->handler.unconfigured(feeding->handler.data);
}

/* why: what is held against it; NULL where its end of the stream is closed, with which it ends by
 * itself. */
static void drop(void *data, const char *why)
{
        struct feeding *feeding = data;

        if (why)
                log_event(LOG_ERROR, "the feeder is dropped", log_text("why", why));
        uv_process_kill(&feeding->process, SIGKILL);
        feed_stream_close(&feeding->stream, part_closed);
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
             .data.stream = (uv_stream_t *)&feeding->stream.pipe},
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

static int take(void *data, const struct feed_frame *frame, struct err *err)
{
        struct feeding *feeding = data;

        return feeding->handler.frame(feeding->handler.data, frame, err);
}

static void start(struct feeding *feeding)
{
        const struct feed_stream_handler handler = {.data = feeding, .frame = take, .ended = drop};

        feeding->started = feeding->heard = uv_now(feeding->loop);
        feeding->received = feeding->silent = 0;
        feed_stream_init(&feeding->stream, feeding->loop, &handler);
        feeding->open_handles = 2;
        int r = spawn(feeding);
        if (r < 0) {
                log_event(LOG_ERROR, "starting the feeder", log_text("why", uv_strerror(r)));
                close_process(feeding);
                feed_stream_close(&feeding->stream, part_closed);
                return;
        }
        feed_stream_read(&feeding->stream);
}

struct feeding *feeding_new(uv_loop_t *loop, const struct agent_options *options,
                            const struct feeding_handler *handler)
{
        struct feeding *feeding = memory_alloc(sizeof(*feeding));

        *feeding = (struct feeding){
            .loop = loop, .options = options, .handler = *handler, .delay = FIRST_DELAY};
        feeding->patience = first_patience(feeding);
        feeding->process.data = feeding->again.data = feeding;
        uv_timer_init(loop, &feeding->again);
        start(feeding);
        return feeding;
}

static bool may_send(struct feeding *feeding)
{
        bool lost = feed_stream_unsent(&feeding->stream) > MAX_UNREAD;

        if (lost && !feeding->losing)
                log_event(LOG_WARNING, "what the feeder does not read is lost");
        feeding->losing = lost;
        return !lost;
}

/* What it cannot take it loses: its stream's end is about to be noticed. */
static void send_bytes(struct feeding *feeding, struct strbuf *bytes)
{
        if (!may_send(feeding) || !feed_stream_send(&feeding->stream, bytes))
                strbuf_done(bytes);
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

/* Where a machine has no time for it, the next one is not hurried the same. */
static void lose_patience(struct feeding *feeding)
{
        struct err err;

        err_set(&err, "it has said nothing for %.3g seconds", (double)feeding->silent / 1e3);
        drop(feeding, err.text);
        feeding->patience *= 2;
        if (feeding->patience > MORE_PATIENCE * first_patience(feeding))
                feeding->patience = MORE_PATIENCE * first_patience(feeding);
}

void feeding_watch(struct feeding *feeding, unsigned milliseconds)
{
        if (feeding->received != feeding->stream.received) {
                feeding->received = feeding->stream.received;
                feeding->heard = uv_now(feeding->loop);
                feeding->silent = 0;
                return;
        }
        feeding->silent += milliseconds;
        if (feeding->silent >= feeding->patience && !feed_stream_is_closing(&feeding->stream))
                lose_patience(feeding);
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
        feed_stream_close(&feeding->stream, part_closed);
}

void feeding_free(struct feeding *feeding)
{
        feed_stream_done(&feeding->stream);
        free(feeding);
}
