#include "feeder/feeder.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/feed_stream.h"
#include "daemon/sandbox.h"
#include "feeder/http.h"
#include "kube/client/client.h"

/* Frames gather while callbacks run and are sent when the loop is about to sleep: one write for a
 * burst, no wait for a single event. Where the agent is behind, the API server has to wait: the
 * client is paused while more than this is on its way. */

#define BEHIND_BYTES (4u << 20)
#define CAUGHT_UP    (1u << 20)

#define CANNOT_GO_ON 3

struct feeder {
        uv_loop_t loop;
        struct feed_stream agent;
        uv_prepare_t prepare;
        struct strbuf out; /* not sent yet */
        bool paused;
        struct kube_client *client;
        struct http *http;
        struct arena *arena; /* of the frame that is being read */
        struct err err;
        bool failed;
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

static void sent(void *data)
{
        struct feeder *feeder = data;

        if (feed_stream_unsent(&feeder->agent) < CAUGHT_UP)
                pause_client(feeder, false);
}

static void send_out(uv_prepare_t *prepare)
{
        struct feeder *feeder = prepare->data;

        if (feeder->out.length == 0)
                return;
        if (!feed_stream_send(&feeder->agent, &feeder->out))
                stop(feeder, NULL);
        else if (feed_stream_unsent(&feeder->agent) > BEHIND_BYTES)
                pause_client(feeder, true);
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

static int take_frame(void *data, const struct feed_frame *frame, struct err *err)
{
        struct feeder *feeder = data;

        if (frame->type == FEED_STATE)
                take_state(feeder, frame);
        else
                take_text(feeder, frame);
        arena_reset(feeder->arena);
        return 0;
}

/* The agent is gone, or is none. */
static void agent_ended(void *data, const char *why)
{
        stop(data, why);
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
        const struct feed_stream_handler handler = {feeder, take_frame, agent_ended, sent};

        feed_stream_init(&feeder->agent, &feeder->loop, &handler);
        uv_prepare_init(&feeder->loop, &feeder->prepare);
        feeder->prepare.data = feeder;
        uv_prepare_start(&feeder->prepare, send_out);
}

/* The client's and the server's handles close in their own time. */
static void close_all(struct feeder *feeder)
{
        feed_stream_close(&feeder->agent, NULL);
        uv_close((uv_handle_t *)&feeder->prepare, NULL);
        if (feeder->client)
                kube_client_close(feeder->client, NULL, NULL);
        if (feeder->http)
                http_close(feeder->http);
        uv_run(&feeder->loop, UV_RUN_DEFAULT);
        feed_stream_done(&feeder->agent);
        strbuf_done(&feeder->out);
        uv_loop_close(&feeder->loop);
}

int feeder_run(const struct feeder_options *options, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct feeder feeder = {.arena = arena};
        struct arena *config_arena = arena_new();
        struct kube_config config;
        int status = 0;

        log_begin("feeder", options->log_level, options->log_format);
        signal(SIGPIPE, SIG_IGN);
        uv_loop_init(&feeder.loop);
        start_handles(&feeder);
        int r = uv_pipe_open(&feeder.agent.pipe, STDIN_FILENO);
        if (r == 0)
                r = feed_stream_read(&feeder.agent);
        if (r < 0)
                r = err_set(err, "standard input is no socket of an agent: %s", uv_strerror(r));
        else if (read_config(config_arena, options, &config, err) < 0)
                status = FEEDER_UNCONFIGURED;
        else
                r = start(&feeder, options, &config, err);
        if (r < 0)
                status = CANNOT_GO_ON;
        if (status == 0)
                uv_run(&feeder.loop, UV_RUN_DEFAULT);
        if (feeder.failed) {
                *err = feeder.err;
                status = CANNOT_GO_ON;
        }
        close_all(&feeder);
        arena_free(config_arena);
        return status;
}
