#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/feed_stream.h"

/* Both ends of a socket, on one loop. */

struct end {
        struct feed_stream stream;
        struct strbuf heard; /* a letter for each frame, by its type; then how it ended */
        unsigned sent;
        bool refuses; /* frames of type FEED_ABORT */
};

static int hear(void *data, const struct feed_frame *frame, struct err *err)
{
        struct end *end = data;

        strbuf_printf(&end->heard, "%c", 'a' + (int)frame->type);
        return end->refuses && frame->type == FEED_ABORT ? err_set(err, "it was refused") : 0;
}

static void hear_end(void *data, const char *why)
{
        strbuf_printf(&((struct end *)data)->heard, " ended: %s", why ?: "closed");
}

static void count_sent(void *data)
{
        ((struct end *)data)->sent++;
}

struct pair {
        uv_loop_t loop;
        struct end a, b;
};

static void begin_end(struct pair *pair, struct end *end, int fd)
{
        const struct feed_stream_handler handler = {end, hear, hear_end, count_sent};

        feed_stream_init(&end->stream, &pair->loop, &handler);
        assert_int_equal(uv_pipe_open(&end->stream.pipe, fd), 0);
        assert_int_equal(feed_stream_read(&end->stream), 0);
}

static void begin(struct pair *pair)
{
        int fds[2];

        *pair = (struct pair){0};
        uv_loop_init(&pair->loop);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        begin_end(pair, &pair->a, fds[0]);
        begin_end(pair, &pair->b, fds[1]);
}

static void done(struct pair *pair)
{
        feed_stream_close(&pair->a.stream, NULL);
        feed_stream_close(&pair->b.stream, NULL);
        uv_run(&pair->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&pair->loop), 0);
        feed_stream_done(&pair->a.stream);
        feed_stream_done(&pair->b.stream);
        strbuf_done(&pair->a.heard);
        strbuf_done(&pair->b.heard);
}

/* Until b has heard so much. */
static void check(struct pair *pair, const char *heard)
{
        while (pair->b.heard.length < strlen(heard))
                uv_run(&pair->loop, UV_RUN_ONCE);
        assert_string_equal(strbuf_text(&pair->b.heard), heard);
}

static bool send_frame(struct end *end, enum feed_type type, size_t length)
{
        _cleanup_strbuf_ struct strbuf body = {0}, bytes = {0};

        while (body.length < length)
                strbuf_add_char(&body, 'x');
        feed_put(&bytes, type, 0, body.text, length);
        bool sent = feed_stream_send(&end->stream, &bytes);
        assert_int_equal(bytes.length, 0);
        return sent;
}

static void frames_come_in_order(void **state)
{
        struct pair pair;

        begin(&pair);
        assert_true(send_frame(&pair.a, FEED_BEGIN, 0));
        assert_true(send_frame(&pair.a, FEED_OBJECT, 8 << 20)); /* more than the socket takes */
        assert_true(send_frame(&pair.a, FEED_END, 3));
        assert_true(feed_stream_unsent(&pair.a.stream) > 0);
        check(&pair, "abd");
        while (pair.a.sent < 3)
                uv_run(&pair.loop, UV_RUN_ONCE);
        assert_int_equal(feed_stream_unsent(&pair.a.stream), 0);
        assert_int_equal(pair.b.stream.received, 3 * 6 + (8 << 20) + 3);
        done(&pair);
}

static void an_end_is_told(void **state)
{
        struct pair pair;

        begin(&pair);
        assert_true(send_frame(&pair.a, FEED_BEGIN, 0));
        check(&pair, "a");
        feed_stream_close(&pair.a.stream, NULL);
        feed_stream_close(&pair.a.stream, NULL);
        assert_false(send_frame(&pair.a, FEED_BEGIN, 0));
        check(&pair, "a ended: closed");
        done(&pair);
}

/* Of what follows nothing is heard. */
static void nothing_is_believed_after_a_fault(void **state)
{
        struct pair pair;

        begin(&pair);
        pair.b.refuses = true;
        send_frame(&pair.a, FEED_BEGIN, 0);
        send_frame(&pair.a, FEED_ABORT, 0);
        send_frame(&pair.a, FEED_END, 0);
        check(&pair, "ae ended: it was refused");
        send_frame(&pair.a, FEED_END, 0);
        while (pair.a.sent < 4)
                uv_run(&pair.loop, UV_RUN_ONCE);
        uv_run(&pair.loop, UV_RUN_NOWAIT);
        assert_string_equal(pair.b.heard.text, "ae ended: it was refused");
        done(&pair);
}

static void what_is_no_frame_ends_it(void **state)
{
        struct pair pair;
        struct strbuf bytes = {0};

        begin(&pair);
        feed_put(&bytes, FEED_BEGIN, 0, NULL, 0);
        strbuf_add_bytes(&bytes, "\0\0\0\0", 4);
        assert_true(feed_stream_send(&pair.a.stream, &bytes));
        check(&pair, "a ended: a frame of 0 bytes");
        done(&pair);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(frames_come_in_order),
            cmocka_unit_test(an_end_is_told),
            cmocka_unit_test(nothing_is_believed_after_a_fault),
            cmocka_unit_test(what_is_no_frame_ends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
