#include "kube/client/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/client/multi.h"

struct request {
        struct transport *transport;
        struct request *next, **link; /* in the transport's list */
        struct request_handler handler;
        CURL *curl;
        struct curl_slist *headers;
        uv_timer_t idle;
        char *path;
        bool posts, opened, stopped, held, over;
        struct strbuf refusal;
        char error[CURL_ERROR_SIZE];
};

struct transport {
        uv_loop_t *loop;
        struct transport_options options;
        struct multi *multi;
        struct request *requests;
        uv_timer_t resume; /* a pause ends, but not within a function of libcurl's */
        bool paused;
        unsigned open; /* handles of libuv's */
        void (*closed)(void *data);
        void *closed_data;
};

static uint64_t milliseconds(double seconds)
{
        return (uint64_t)(seconds * 1000 + 0.999);
}

static void handle_closed(struct transport *transport)
{
        if (--transport->open || !transport->closed)
                return;
        transport->closed(transport->closed_data);
        curl_global_cleanup();
        free(transport);
}

static void request_free(uv_handle_t *handle)
{
        struct request *request = handle->data;
        struct transport *transport = request->transport;

        strbuf_done(&request->refusal);
        free(request->path);
        free(request);
        handle_closed(transport);
}

/* The request leaves libcurl and the list; it is freed when libuv lets go of it. */
static void request_end(struct request *request)
{
        if (request->over)
                return;
        request->over = true;
        *request->link = request->next;
        if (request->next)
                request->next->link = request->link;
        if (request->curl) {
                curl_multi_remove_handle(multi_handle(request->transport->multi), request->curl);
                curl_easy_cleanup(request->curl);
                request->curl = NULL;
        }
        curl_slist_free_all(request->headers);
        uv_close((uv_handle_t *)&request->idle, request_free);
}

static void request_done(struct request *request, enum answer_end end, const char *why)
{
        struct answer answer = {
            .end = end,
            .why = why,
            .text = strbuf_text(&request->refusal),
            .length = request->refusal.length,
            .method = request->posts ? "POST" : "GET",
            .path = request->path,
        };
        curl_off_t retry_after = 0;

        if (request->curl) {
                curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &answer.status);
                curl_easy_getinfo(request->curl, CURLINFO_RETRY_AFTER, &retry_after);
        }
        answer.retry_after = (double)retry_after;
        request_end(request);
        request->handler.done(request->handler.data, &answer);
}

static const char *why_failed(const struct request *request, CURLcode code)
{
        return *request->error ? request->error : curl_easy_strerror(code);
}

static void take_finished(void *data)
{
        struct transport *transport = data;
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(multi_handle(transport->multi), &left))) {
                struct request *request = NULL;
                CURLcode code = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
                if (request->stopped)
                        request_done(request, ANSWER_STOPPED, "stopped");
                else if (code == CURLE_OK)
                        request_done(request, ANSWER_WHOLE, NULL);
                else
                        request_done(request, ANSWER_FAILED, why_failed(request, code));
        }
}

static void on_idle(uv_timer_t *timer)
{
        struct request *request = timer->data;
        char why[64];

        if (request->held) {
                uv_timer_again(timer);
                return;
        }
        snprintf(why, sizeof(why), "nothing came for %g seconds",
                 request->transport->options.idle_seconds);
        request_done(request, ANSWER_SILENT, why);
}

static bool is_success(const struct request *request)
{
        long status = 0;

        curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
        return status >= 200 && status < 300;
}

/* Of an answer's head, line by line; the empty one ends it. */
static size_t on_head(char *bytes, size_t size, size_t n, void *data)
{
        struct request *request = data;

        uv_timer_again(&request->idle);
        if (n <= 2 && !request->opened && is_success(request)) {
                request->opened = true;
                if (request->handler.opened)
                        request->handler.opened(request->handler.data);
        }
        return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
        struct request *request = data;
        struct transport *transport = request->transport;

        uv_timer_again(&request->idle);
        if (transport->paused) {
                request->held = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        *transport->options.bytes += n;
        if (!is_success(request)) {
                size_t room = TRANSPORT_MAX_REFUSAL - request->refusal.length;
                strbuf_add_bytes(&request->refusal, bytes, n < room ? n : room);
                return n;
        }
        if (request->handler.body(request->handler.data, bytes, n))
                return n;
        request->stopped = true;
        return 0;
}

static void set_options(struct request *request, const char *json)
{
        CURL *curl = request->curl;
        const struct transport_options *options = &request->transport->options;

        curl_easy_setopt(curl, CURLOPT_PRIVATE, request);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->error);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
        curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 128L << 10);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)milliseconds(options->connect_seconds));
        curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 30L);
        curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 10L);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "penstock/" PENSTOCK_VERSION);
        if (json) {
                request->headers =
                    curl_slist_append(request->headers, "Content-Type: application/json");
                curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, json);
        }
        request->headers = curl_slist_append(request->headers, "Accept: application/json");
}

/* Done must not be called before transport_send() has returned. */
static void on_refused_at_once(uv_timer_t *timer)
{
        struct request *request = timer->data;

        request_done(request, ANSWER_FAILED, request->error);
}

static bool request_begin(struct request *request, const char *json, struct err *err)
{
        struct transport *transport = request->transport;

        request->curl = curl_easy_init();
        if (!request->curl)
                return err_set(err, "libcurl cannot make a request"), false;
        set_options(request, json);
        if (!transport->options.prepare(transport->options.data, request->curl, request->path,
                                        &request->headers, err))
                return false;
        curl_easy_setopt(request->curl, CURLOPT_HTTPHEADER, request->headers);
        CURLMcode code = curl_multi_add_handle(multi_handle(transport->multi), request->curl);
        if (code == CURLM_OK)
                return true;
        return err_set(err, "libcurl cannot begin a request: %s", curl_multi_strerror(code)), false;
}

struct request *transport_send(struct transport *transport, const char *path, const char *json,
                               const struct request_handler *handler)
{
        struct request *request = memory_alloc(sizeof(*request));
        uint64_t idle = milliseconds(transport->options.idle_seconds);
        struct err err;

        request->transport = transport;
        request->handler = *handler;
        request->path = memcpy(memory_alloc_raw(strlen(path) + 1), path, strlen(path) + 1);
        request->posts = json;
        request->next = transport->requests;
        request->link = &transport->requests;
        if (request->next)
                request->next->link = &request->next;
        transport->requests = request;
        uv_timer_init(transport->loop, &request->idle);
        transport->open++;
        request->idle.data = request;
        if (request_begin(request, json, &err)) {
                uv_timer_start(&request->idle, on_idle, idle, idle);
        } else {
                snprintf(request->error, sizeof(request->error), "%s", err.text);
                uv_timer_start(&request->idle, on_refused_at_once, 0, 0);
        }
        return request;
}

static void on_resume(uv_timer_t *timer)
{
        struct transport *transport = timer->data;

        for (struct request *request = transport->requests, *next; request; request = next) {
                next = request->next;
                if (transport->paused)
                        return;
                if (!request->held)
                        continue;
                request->held = false;
                uv_timer_again(&request->idle);
                curl_easy_pause(request->curl, CURLPAUSE_CONT);
        }
        take_finished(transport);
}

void transport_pause(struct transport *transport, bool paused)
{
        if (transport->paused == paused)
                return;
        transport->paused = paused;
        if (!paused)
                uv_timer_start(&transport->resume, on_resume, 0, 0);
}

struct transport *transport_new(uv_loop_t *loop, const struct transport_options *options,
                                struct err *err)
{
        struct transport *transport = memory_alloc(sizeof(*transport));

        transport->loop = loop;
        transport->options = *options;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
            !(transport->multi = multi_new(loop, take_finished, transport))) {
                free(transport);
                err_set(err, "libcurl cannot be used");
                return NULL;
        }
        uv_timer_init(loop, &transport->resume);
        transport->resume.data = transport;
        transport->open = 2; /* and the multi handle */
        return transport;
}

static void multi_closed(void *data)
{
        handle_closed(data);
}

static void resume_closed(uv_handle_t *handle)
{
        handle_closed(handle->data);
}

void transport_close(struct transport *transport, void (*closed)(void *data), void *data)
{
        transport->closed = closed;
        transport->closed_data = data;
        while (transport->requests)
                request_end(transport->requests);
        multi_close(transport->multi, multi_closed, transport);
        uv_close((uv_handle_t *)&transport->resume, resume_closed);
}
