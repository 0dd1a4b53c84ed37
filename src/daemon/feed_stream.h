#pragma once

#include <uv.h>

#include "daemon/feed.h"

/* One end of the socket between the agent and its feeder, on a libuv loop: frames as they come,
 * bytes as they are to go. Both processes have one. */

struct feed_stream_handler {
        void *data;
        /* It lives until this returns; -1: nothing more of this stream is to be believed. */
        int (*frame)(void *data, const struct feed_frame *frame, struct err *err);
        /* Nothing more will be read: why, or NULL where the other end was closed. Called once; the
         * owner closes the stream, then or later. */
        void (*ended)(void *data, const char *why);
        /* What was sent has gone; NULL: nobody wants to know. */
        void (*sent)(void *data);
};

struct feed_stream {
        uv_pipe_t pipe; /* its owner connects it (uv_spawn(), uv_pipe_open()); data is not free */
        struct feed_stream_handler handler;
        struct feed_reader reader;
        void (*closed)(void *data);
        uint64_t received; /* bytes, in all */
};

/* handler's functions are called from the loop, never from within those here. */
void feed_stream_init(struct feed_stream *stream, uv_loop_t *loop,
                      const struct feed_stream_handler *handler);
/* Begins to read what is connected; libuv's error or 0. */
int feed_stream_read(struct feed_stream *stream);
/* Sends what bytes hold, and takes it: they are empty then. False where it is lost, as the stream
 * is closed or the other end is. */
bool feed_stream_send(struct feed_stream *stream, struct strbuf *bytes);
size_t feed_stream_unsent(const struct feed_stream *stream); /* bytes that have not gone yet */
/* Once, or more often; what has not gone is lost. closed (or NULL) is called from the loop when the
 * handle is no more needed. */
void feed_stream_close(struct feed_stream *stream, void (*closed)(void *data));
bool feed_stream_is_closing(const struct feed_stream *stream);
/* When it is closed. */
void feed_stream_done(struct feed_stream *stream);
