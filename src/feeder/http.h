#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "daemon/feed.h"

/* What Prometheus and the kubelet ask, answered on the feeder's loop:
 *
 *   /metrics  the agent is asked, and what it says is passed on; 503 where it is away or says
 *             nothing within ask_ms
 *   /healthz  200 while the agent was at work within the last silence_ms: a liveness probe restarts
 *             one that hangs; else 503 and why
 *   /readyz   200 while it also enforces what the cluster wants; else 503 and why
 *
 * Whoever can connect must not be able to keep the kubelet from asking: a request has to come
 * within request_ms, its answer to be taken within answer_ms, and where more than max_clients are
 * connected, the one that has waited longest without asking has to go. Nor to keep the agent from
 * its work: it is asked one thing at a time, and has time for other things between (question.h). */

struct http;

struct http_options {
        const char *address; /* as listen_at() has it */
        /* Asks the agent, whose answer comes by http_metrics() later, never from within; false
         * where it can't be asked. */
        bool (*ask)(void *data, uint32_t number);
        void *data;
        /* 0: what is said here. */
        unsigned ask_ms;      /* 5000 */
        unsigned silence_ms;  /* 10000 */
        unsigned request_ms;  /* 10000: from connecting to the request's end */
        unsigned idle_ms;     /* 90000: the same for another request of a connection */
        unsigned answer_ms;   /* 30000: until the answer has been taken */
        unsigned max_clients; /* 192 */
};

struct http *http_new(uv_loop_t *loop, const struct http_options *options, struct err *err);
/* The agent's answer to ask(number); one that nobody waits for any more is dropped. */
void http_metrics(struct http *http, uint32_t number, const char *text);
void http_state(struct http *http, const struct feed_state *state);
unsigned http_clients(const struct http *http); /* connected now */
uint16_t http_port(const struct http *http);
/* Connections are closed; the loop has to run once more, until the handles are. */
void http_close(struct http *http);
