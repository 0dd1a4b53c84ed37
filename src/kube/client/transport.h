#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "base/strbuf.h"

/* HTTP requests on the libuv loop, with libcurl's multi interface. HTTP/1.1, each in its own
 * connection: a watch that is not read (paused) then stands in the kernel's buffers, where HTTP/2
 * would let libcurl take in up to 32 MB of each stream, and one connection that hangs is one
 * kind's.
 *
 * A request lives until its done was called, from which others may be begun. */

struct transport;
struct request;

enum answer_end {
        ANSWER_WHOLE,
        ANSWER_FAILED,  /* no connection, or it was cut */
        ANSWER_SILENT,  /* nothing came for too long */
        ANSWER_STOPPED, /* the body's handler returned false */
};

struct answer {
        enum answer_end end;
        long status;        /* of HTTP; 0 where none came */
        double retry_after; /* seconds; 0 where the server does not say */
        const char *text;   /* the body where status is not of success; NUL-terminated … */
        size_t length;      /* … up to TRANSPORT_MAX_REFUSAL */
        const char *why;    /* of FAILED and SILENT */
        const char *method, *path;
};

#define TRANSPORT_MAX_REFUSAL (64u << 10)

struct request_handler {
        void *data;
        void (*opened)(void *data); /* the server has begun an answer of success; may be NULL */
        bool (*body)(void *data, const char *bytes, size_t n); /* of success; false: no more */
        void (*done)(void *data, const struct answer *answer);
};

struct transport_options {
        double idle_seconds, connect_seconds;
        uint64_t *bytes; /* received; counted on */
        void *data;
        /* Sets who and whom on a new handle; false: err says why not. */
        bool (*prepare)(void *data, CURL *curl, const char *path, struct curl_slist **headers,
                        struct err *err);
};

/* NULL where libcurl fails. */
struct transport *transport_new(uv_loop_t *loop, const struct transport_options *options,
                                struct err *err);
/* json: NULL for GET. done is never called from within this function. */
struct request *transport_send(struct transport *transport, const char *path, const char *json,
                               const struct request_handler *handler);
void transport_pause(struct transport *transport, bool paused);
/* Every request is over; the loop has to run until closed is called. From none of its functions. */
void transport_close(struct transport *transport, void (*closed)(void *data), void *data);
