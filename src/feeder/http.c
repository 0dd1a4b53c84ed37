#include "feeder/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/vec.h"
#include "feeder/health.h"
#include "feeder/listen.h"
#include "feeder/question.h"
#include "feeder/visitors.h"

/* libmicrohttpd speaks HTTP, in as many steps as there is something to do: its epoll descriptor is
 * polled by the loop. Whose request waits for the agent is suspended meanwhile. */

#define MAX_REQUEST 8192 /* bytes of a connection's memory: its headers, and the answer's */
#define SPARE       64   /* connections beyond max_clients, while those that must go are going */

struct http {
        struct http_options options;
        uv_loop_t *loop;
        uv_poll_t poll;
        uv_timer_t timer;
        unsigned closing; /* handles that are not closed yet */
        struct MHD_Daemon *daemon;
        struct visitors visitors;
        struct question question;
        struct health health;
};

static void enter(struct http *http, struct visitor *visitor, enum stage stage)
{
        visitor_enter(&http->visitors, visitor, stage, uv_now(http->loop));
}

static enum MHD_Result say(struct http *http, struct visitor *visitor, struct answer *answer)
{
        enum MHD_Result queued =
            MHD_queue_response(visitor->connection, answer->status, answer->response);

        answer_let_go(answer);
        enter(http, visitor, STAGE_ANSWERED);
        return queued;
}

static enum MHD_Result say_health(struct http *http, struct visitor *visitor, const char *what,
                                  const char *why)
{
        return say(http, visitor,
                   why ? answer_unavailable(what, why) : answer_plain(MHD_HTTP_OK, "ok", ""));
}

static enum MHD_Result answer_healthz(struct http *http, struct visitor *visitor)
{
        return say_health(http, visitor,
                          "not live: ", health_why_not_live(&http->health, uv_now(http->loop)));
}

static enum MHD_Result answer_readyz(struct http *http, struct visitor *visitor)
{
        return say_health(http, visitor, "not enforcing: ",
                          health_why_not_enforcing(&http->health, uv_now(http->loop)));
}

/* The agent is asked when all is done that can be done now. */
static enum MHD_Result answer_metrics(struct http *http, struct visitor *visitor)
{
        if (visitors_in(&http->visitors, STAGE_ASKING) >= http->visitors.max / 2)
                return say(http, visitor, answer_unavailable("too many ask", ""));
        visitor->number = question_want(&http->question);
        enter(http, visitor, STAGE_ASKING);
        MHD_suspend_connection(visitor->connection);
        return MHD_YES;
}

static const struct page {
        const char *path;
        enum MHD_Result (*answer)(struct http *http, struct visitor *visitor);
} pages[] = {
    {"/metrics", answer_metrics},
    {"/healthz", answer_healthz},
    {"/readyz", answer_readyz},
};

/* Called when the headers are there, for each piece of a body, and when the request is whole. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **request)
{
        struct http *http = data;
        struct visitor *visitor = visitor_of(connection);
        struct answer *known = visitor->answer;

        if (visitor->shut) /* what it asked before is not worth waiting for */
                return MHD_NO;
        visitor->answer = NULL;
        if (known)
                return say(http, visitor, known);
        bool gets =
            strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
        if (!*request && gets) {
                *request = visitor;
                return MHD_YES;
        }
        if (*body_size > 0) {
                *body_size = 0;
                return MHD_YES;
        }
        for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
                if (strcmp(pages[i].path, url) == 0)
                        return gets ? pages[i].answer(http, visitor)
                                    : say(http, visitor, answer_not_allowed());
        return say(
            http, visitor,
            answer_plain(MHD_HTTP_NOT_FOUND, "not here: /metrics, /healthz and /readyz are", ""));
}

static void on_request_end(void *data, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
        enter(data, visitor_of(connection), STAGE_IDLE);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        struct http *http = data;

        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *context = visitor_new(&http->visitors, connection, uv_now(http->loop));
        else
                visitor_free(&http->visitors, *context);
}

static void serve(struct http *http);

static void on_time(uv_timer_t *timer)
{
        struct http *http = timer->data;
        uint64_t now = uv_now(http->loop);
        struct visitor *visitor;

        visitors_foreach (visitor, &http->visitors) {
                if (!visitor_is_late(visitor, now))
                        continue;
                if (visitor->stage == STAGE_ASKING)
                        visitor_refuse(&http->visitors, visitor, "the agent does not answer", now);
                else
                        visitor_shut_out(&http->visitors, visitor);
        }
        serve(http);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
        serve(poll->data);
}

static void ask_if_due(struct http *http)
{
        uint64_t now = uv_now(http->loop);

        if (question_due(&http->question) > now)
                return;
        question_put(&http->question, now);
        if (http->options.ask(http->options.data, http->question.number))
                return;
        question_answered(&http->question, http->question.number, now);
        visitors_refuse(&http->visitors, "the agent is away", now);
        MHD_run(http->daemon);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* All that can be done now; then the timer is set for what comes first. */
static void serve(struct http *http)
{
        MHD_UNSIGNED_LONG_LONG wait;
        uint64_t now = uv_now(http->loop);

        MHD_run(http->daemon);
        ask_if_due(http);
        uint64_t next =
            sooner(visitors_next_deadline(&http->visitors), question_due(&http->question));
        if (MHD_get_timeout(http->daemon, &wait) == MHD_YES)
                next = sooner(next, now + wait);
        if (next == UINT64_MAX)
                uv_timer_stop(&http->timer);
        else
                uv_timer_start(&http->timer, on_time, next > now ? next - now : 0, 0);
}

void http_metrics(struct http *http, uint32_t number, const char *text)
{
        uint64_t now = uv_now(http->loop);
        struct visitor *visitor;

        if (!question_answered(&http->question, number, now))
                return;
        struct answer *shared =
            answer_new(MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
        visitors_foreach (visitor, &http->visitors)
                if (visitor->stage == STAGE_ASKING && visitor->number == number)
                        visitor_resume(&http->visitors, visitor, shared, now);
        answer_let_go(shared);
        serve(http);
}

void http_state(struct http *http, const struct feed_state *state)
{
        health_hear(&http->health, state, uv_now(http->loop));
}

unsigned http_clients(const struct http *http)
{
        return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
            ->num_connections;
}

uint16_t http_port(const struct http *http)
{
        return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void set_limits(struct http *http, const struct http_options *options)
{
        unsigned *limits = http->visitors.limits;

        http->options = *options;
        http->health.silence_ms = options->silence_ms ?: 10000;
        http->visitors.max = options->max_clients ?: 192;
        limits[STAGE_FIRST] = options->request_ms ?: 10000;
        limits[STAGE_IDLE] = options->idle_ms ?: 90000;
        limits[STAGE_ASKING] = options->ask_ms ?: 5000;
        limits[STAGE_ANSWERED] = options->answer_ms ?: 30000;
}

static struct MHD_Daemon *start_daemon(struct http *http, int listener)
{
        return MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
            MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
            http->visitors.max + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_REQUEST,
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
            on_request_end, http, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

struct http *http_new(uv_loop_t *loop, const struct http_options *options, struct err *err)
{
        int listener = listen_at(options->address, err);

        if (listener < 0)
                return NULL;
        struct http *http = memory_alloc(sizeof(*http));
        http->loop = loop;
        set_limits(http, options);
        http->daemon = start_daemon(http, listener);
        if (!http->daemon) {
                err_set(err, "serving HTTP at %s: libmicrohttpd does not start", options->address);
                close(listener);
                free(http);
                return NULL;
        }
        int epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        http->poll.data = http->timer.data = http;
        uv_timer_init(loop, &http->timer);
        uv_poll_init(loop, &http->poll, epoll);
        uv_poll_start(&http->poll, UV_READABLE, on_readable);
        return http;
}

static void on_closed(uv_handle_t *handle)
{
        struct http *http = handle->data;

        if (--http->closing == 0)
                free(http);
}

void http_close(struct http *http)
{
        uv_poll_stop(&http->poll);
        visitors_refuse(&http->visitors, "the agent is ending", uv_now(http->loop));
        MHD_stop_daemon(http->daemon);
        http->closing = 2;
        uv_close((uv_handle_t *)&http->timer, on_closed);
        uv_close((uv_handle_t *)&http->poll, on_closed);
}
