#include "feeder/feeder.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/feed.h"
#include "daemon/sandbox.h"
#include "feeder/http.h"
#include "kube/client/client.h"

/* Frames gather while callbacks run and are sent when the loop is about to sleep: one write for a
 * burst, no wait for a single event. Where the agent is behind, the API server has to wait: the
 * client is paused while more than this is on its way. */

#define BEHIND_BYTES (4u << 20)
#define CAUGHT_UP    (1u << 20)

struct feeder {
        uv_loop_t loop;
        uv_pipe_t agent;
        uv_prepare_t prepare;
        struct feed_reader reader;
        struct strbuf out; /* not sent yet */
        bool paused;
        struct kube_client *client;
        struct http *http;
        struct arena *arena; /* of the frame that is being read */
        struct err err;
        bool failed;
};

struct sending {
        uv_write_t request;
        struct feeder *feeder;
        struct strbuf bytes;
};

static void stop(struct feeder *feeder, const char *why)
{
        if (why) {
                err_set(&feeder->err, "%s", why);
                feeder->failed = true;
        }
        uv_stop(&feeder->loop);
}

static void pause_client(struct feeder *feeder, bool paused)
{
        if (feeder->paused == paused)
                return;
        feeder->paused = paused;
        kube_client_pause(feeder->client, paused);
}

static void sent(uv_write_t *request, int status)
{
        struct sending *sending = request->data;
        struct feeder *feeder = sending->feeder;

        strbuf_done(&sending->bytes);
        free(sending);
        if (status == 0 &&
            uv_stream_get_write_queue_size((uv_stream_t *)&feeder->agent) < CAUGHT_UP)
                pause_client(feeder, false);
}

static void send_out(uv_prepare_t *prepare)
{
        struct feeder *feeder = prepare->data;
        struct sending *sending;
        uv_buf_t buffer;

        if (feeder->out.length == 0)
                return;
        sending = memory_alloc(sizeof(*sending));
        sending->feeder = feeder;
        sending->bytes = feeder->out;
        sending->request.data = sending;
        feeder->out = (struct strbuf){0};
        buffer = uv_buf_init(sending->bytes.text, (unsigned)sending->bytes.length);
        int r = uv_write(&sending->request, (uv_stream_t *)&feeder->agent, &buffer, 1, sent);
        if (r < 0) {
                sent(&sending->request, r);
                stop(feeder, NULL);
        } else if (uv_stream_get_write_queue_size((uv_stream_t *)&feeder->agent) > BEHIND_BYTES) {
                pause_client(feeder, true);
        }
}

static void put(struct feeder *feeder, enum feed_type type, enum kind kind)
{
        feed_put(&feeder->out, type, kind, NULL, 0);
}

static void begin(void *data, enum kind kind)
{
        put(data, FEED_BEGIN, kind);
}

static void object(void *data, enum kind kind, const struct value *object)
{
        feed_put_value(&((struct feeder *)data)->out, FEED_OBJECT, kind, object);
}

static void deleted(void *data, enum kind kind, const struct value *object)
{
        feed_put_value(&((struct feeder *)data)->out, FEED_DELETED, kind, object);
}

static void end(void *data, enum kind kind)
{
        put(data, FEED_END, kind);
}

static void give_up(void *data, enum kind kind)
{
        put(data, FEED_ABORT, kind);
}

static void trouble(void *data, enum kind kind, enum client_trouble trouble, const char *why,
                    double seconds)
{
        static const enum log_level levels[] = {
            [CLIENT_RETRYING] = LOG_WARNING,
            [CLIENT_FORBIDDEN] = LOG_ERROR,
            [CLIENT_GONE] = LOG_INFO,
        };

        log_event(levels[trouble], "the API server", log_text("kind", api_kinds[kind].kind),
                  log_text("why", why), log_number("retrySeconds", seconds));
}

static void send_counts(struct feeder *feeder)
{
        const struct kube_counts *counts = kube_client_counts(feeder->client);
        struct feed_counts frame = {.bytes = counts->bytes, .reports_lost = counts->posts_failed};

        memcpy(frame.lists, counts->lists, sizeof(frame.lists));
        memcpy(frame.watches, counts->watches, sizeof(frame.watches));
        memcpy(frame.events, counts->events, sizeof(frame.events));
        memcpy(frame.errors, counts->errors, sizeof(frame.errors));
        memcpy(frame.gone, counts->gone, sizeof(frame.gone));
        memcpy(frame.connected, counts->connected, sizeof(frame.connected));
        feed_put(&feeder->out, FEED_COUNTS, 0, &frame, sizeof(frame));
}

static void connected(void *data, enum kind kind)
{
        log_event(LOG_INFO, "watching", log_text("kind", api_kinds[kind].kind));
}

/* NAMESPACE, a newline, the Event. */
static void post_report(struct feeder *feeder, const char *report)
{
        const char *event = strchr(report, '\n');

        if (event)
                kube_client_post(feeder->client,
                                 arena_printf(feeder->arena, "/api/v1/namespaces/%.*s/events",
                                              (int)(event - report), report),
                                 event + 1);
}

static void take_text(struct feeder *feeder, const struct feed_frame *frame)
{
        uint32_t number;
        const char *text;

        if (!feed_text(feeder->arena, frame, &number, &text))
                return;
        if (frame->type == FEED_METRICS && feeder->http)
                http_metrics(feeder->http, number, text);
        else if (frame->type == FEED_REPORT)
                post_report(feeder, text);
        else if (frame->type == FEED_LEVEL && number <= LOG_DEBUG)
                log_set_level((enum log_level)number);
}

/* The agent says that it lives, and hears the same: nobody wakes up for that alone. */
static void take_state(struct feeder *feeder, const struct feed_frame *frame)
{
        struct feed_state state;

        if (feed_state(frame, &state) && feeder->http)
                http_state(feeder->http, &state);
        send_counts(feeder);
}

static void take_frame(struct feeder *feeder, const struct feed_frame *frame)
{
        if (frame->type == FEED_STATE)
                take_state(feeder, frame);
        else
                take_text(feeder, frame);
        arena_reset(feeder->arena);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct feeder *feeder = handle->data;
        size_t size;
        char *room = feed_room(&feeder->reader, &size);

        *ret = uv_buf_init(room, size < UINT_MAX ? (unsigned)size : UINT_MAX);
}

static void take(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
        struct feeder *feeder = stream->data;
        struct feed_frame frame;
        struct err err;
        int r;

        if (n < 0) { /* the agent is gone */
                stop(feeder, NULL);
                return;
        }
        feed_take(&feeder->reader, (size_t)n);
        while ((r = feed_next(&feeder->reader, &frame, &err)) > 0)
                take_frame(feeder, &frame);
        if (r < 0)
                stop(feeder, err.text);
}

static bool ask_metrics(void *data, uint32_t number)
{
        struct feeder *feeder = data;

        send_counts(feeder);
        feed_put_text(&feeder->out, FEED_ASK, number, "");
        return true;
}

static int read_config(struct arena *arena, const struct feeder_options *options,
                       struct kube_config *ret, struct err *err)
{
        if (!options->kubeconfig && !options->context && kube_config_is_in_cluster())
                return kube_config_in_cluster(arena, ret, err);
        return kube_config_load(arena, options->kubeconfig, options->context, ret, err);
}

static int start(struct feeder *feeder, const struct feeder_options *options,
                 const struct kube_config *config, struct err *err)
{
        const struct kube_handler handler = {
            .data = feeder,
            .begin = begin,
            .object = object,
            .deleted = deleted,
            .end = end,
            .abort = give_up,
            .trouble = trouble,
            .connected = connected,
        };
        const struct kube_client_options client = {
            .streaming_lists = true,
            .seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid(),
        };

        feeder->client = kube_client_new(&feeder->loop, config, &client, &handler, err);
        if (!feeder->client)
                return -1;
        if (options->metrics && *options->metrics) {
                const struct http_options http = {
                    .address = options->metrics, .ask = ask_metrics, .data = feeder};
                feeder->http = http_new(&feeder->loop, &http, err);
                if (!feeder->http)
                        return -1;
        }
        if (sandbox_feeder(config->exec != NULL, err) < 0)
                return -1;
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                kube_client_watch(feeder->client, kind);
        return 0;
}

static void start_handles(struct feeder *feeder)
{
        uv_pipe_init(&feeder->loop, &feeder->agent, 0);
        uv_prepare_init(&feeder->loop, &feeder->prepare);
        feeder->agent.data = feeder->prepare.data = feeder;
        uv_prepare_start(&feeder->prepare, send_out);
}

/* The client's and the server's handles close in their own time. */
static void close_all(struct feeder *feeder)
{
        uv_close((uv_handle_t *)&feeder->agent, NULL);
        uv_close((uv_handle_t *)&feeder->prepare, NULL);
        if (feeder->client)
                kube_client_close(feeder->client, NULL, NULL);
        if (feeder->http)
                http_close(feeder->http);
        uv_run(&feeder->loop, UV_RUN_DEFAULT);
        feed_reader_done(&feeder->reader);
        strbuf_done(&feeder->out);
        uv_loop_close(&feeder->loop);
}

int feeder_run(const struct feeder_options *options, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct feeder feeder = {.arena = arena};
        struct arena *config_arena = arena_new();
        struct kube_config config;

        log_begin("feeder", options->log_level, options->log_format);
        signal(SIGPIPE, SIG_IGN);
        uv_loop_init(&feeder.loop);
        start_handles(&feeder);
        int r = uv_pipe_open(&feeder.agent, STDIN_FILENO);
        if (r == 0)
                r = uv_read_start((uv_stream_t *)&feeder.agent, give_room, take);
        if (r < 0)
                r = err_set(err, "standard input is no socket of an agent: %s", uv_strerror(r));
        else if (read_config(config_arena, options, &config, err) < 0 ||
                 start(&feeder, options, &config, err) < 0)
                r = -1;
        if (r == 0)
                uv_run(&feeder.loop, UV_RUN_DEFAULT);
        if (feeder.failed) {
                *err = feeder.err;
                r = -1;
        }
        close_all(&feeder);
        arena_free(config_arena);
        return r;
}
