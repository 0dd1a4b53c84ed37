#include "daemon/feed_stream.h"

#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"

struct sending {
        uv_write_t request;
        struct feed_stream *stream;
        struct strbuf bytes;
};

void feed_stream_init(struct feed_stream *stream, uv_loop_t *loop,
                      const struct feed_stream_handler *handler)
{
        *stream = (struct feed_stream){.handler = *handler};
        uv_pipe_init(loop, &stream->pipe, 0);
        stream->pipe.data = stream;
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct feed_stream *stream = handle->data;
        size_t size;
        char *room = feed_room(&stream->reader, &size);

        *ret = uv_buf_init(room, size < UINT_MAX ? (unsigned)size : UINT_MAX);
}

static void end(struct feed_stream *stream, const char *why)
{
        uv_read_stop((uv_stream_t *)&stream->pipe);
        stream->handler.ended(stream->handler.data, why);
}

static void take(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buffer)
{
        struct feed_stream *stream = pipe->data;
        struct feed_frame frame;
        struct err err;
        int r;

        if (n < 0) {
                end(stream, NULL);
                return;
        }
        stream->received += (size_t)n;
        feed_take(&stream->reader, (size_t)n);
        while ((r = feed_next(&stream->reader, &frame, &err)) > 0)
                if ((r = stream->handler.frame(stream->handler.data, &frame, &err)) < 0)
                        break;
        if (r < 0)
                end(stream, err.text);
}

int feed_stream_read(struct feed_stream *stream)
{
        return uv_read_start((uv_stream_t *)&stream->pipe, give_room, take);
}

static void sending_free(struct sending *sending)
{
        strbuf_done(&sending->bytes);
        free(sending);
}

static void sent(uv_write_t *request, int status)
{
        struct sending *sending = request->data;
        struct feed_stream *stream = sending->stream;

        sending_free(sending);
        if (status == 0 && stream->handler.sent)
                stream->handler.sent(stream->handler.data);
}

bool feed_stream_send(struct feed_stream *stream, struct strbuf *bytes)
{
        struct sending *sending = memory_alloc(sizeof(*sending));
        uv_buf_t buffer = uv_buf_init(bytes->text, (unsigned)bytes->length);

        sending->stream = stream;
        sending->bytes = *bytes;
        sending->request.data = sending;
        *bytes = (struct strbuf){0};
        if (!feed_stream_is_closing(stream) &&
            uv_write(&sending->request, (uv_stream_t *)&stream->pipe, &buffer, 1, sent) == 0)
                return true;
        sending_free(sending);
        return false;
}

size_t feed_stream_unsent(const struct feed_stream *stream)
{
        return uv_stream_get_write_queue_size((const uv_stream_t *)&stream->pipe);
}

static void handle_closed(uv_handle_t *handle)
{
        struct feed_stream *stream = handle->data;

        if (stream->closed)
                stream->closed(stream->handler.data);
}

void feed_stream_close(struct feed_stream *stream, void (*closed)(void *data))
{
        if (feed_stream_is_closing(stream))
                return;
        stream->closed = closed;
        uv_close((uv_handle_t *)&stream->pipe, handle_closed);
}

bool feed_stream_is_closing(const struct feed_stream *stream)
{
        return uv_is_closing((const uv_handle_t *)&stream->pipe);
}

void feed_stream_done(struct feed_stream *stream)
{
        feed_reader_done(&stream->reader);
}
