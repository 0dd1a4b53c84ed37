#include "client_play.h"

#include <stdio.h>
#include <stdlib.h>

#include "kube/client/delay.h"

/* What of the client is not a matter of one answer after the other. */

static void cut_at_every_byte_of_a_watch(void **state)
{
        static const char event[] = EVENT("ADDED", "b", "6");
        const size_t whole = strlen(event) - 1; /* the end of the line says nothing more */

        for (size_t n = 1; n <= strlen(event); n += n < 8 || n + 3 > whole ? 1 : 5) {
                char body[sizeof(event)] = "";
                struct script script = {
                    .name = body,
                    .steps = {FIRST_LIST,
                              {.expected = "&resourceVersion=5",
                               .how = STREAM_AND_CUT,
                               .body = body},
                              {.expected = n < whole ? "limit=1&resourceVersionMatch=NotOlderThan&"
                                                       "resourceVersion=5"
                                                     : "resourceVersion=6",
                               .how = STOP}},
                    .told = n < whole ? TOLD_LIST " connected [retrying GET /api/v1/pods: transfer "
                                                  "closed with outstanding read data remaining]"
                                      : TOLD_LIST " connected +b [retrying GET /api/v1/pods: "
                                                  "transfer closed with outstanding read data "
                                                  "remaining]",
                };

                memcpy(body, event, n);
                play_script(&script);
        }
}

static void stop_at_trouble(struct play *play)
{
        play_stop(play);
}

static void the_server_says_when(void **state)
{
        static const struct {
                int status;
                const char *headers, *body;
                double low, high;
        } rows[] = {
            {429, "Retry-After: 7\r\n", "", 7, 8.75},
            {503, "Retry-After: 2\r\n", "", 2, 2.5},
            {429, "", "{\"details\":{\"retryAfterSeconds\":4}}", 4, 5},
            {429, "Retry-After: 100000\r\n", "", 300, 375}, /* no server may stop us for good */
            {429, "Retry-After: x\r\n", "", 0, 0.01},
            {500, "", "{\"details\":{\"retryAfterSeconds\":-4}}", 0, 0.01},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct script script = {
                    .name = rows[i].headers,
                    .steps = {{.expected = "limit=500",
                               .status = rows[i].status,
                               .headers = rows[i].headers,
                               .body = rows[i].body}},
                    .told = rows[i].status == 429   ? "[retrying GET /api/v1/pods: 429]"
                            : rows[i].status == 503 ? "[retrying GET /api/v1/pods: 503]"
                                                    : "[retrying GET /api/v1/pods: 500]",
                };
                struct play play;

                play_begin(&play, &script);
                play.on_trouble = stop_at_trouble;
                play_end(&play);
                assert_true(play.seconds >= rows[i].low && play.seconds <= rows[i].high);
        }
}

/* What stood for a while is tried again at once, and then less and less often. */
static void a_watch_that_stood(void **state)
{
        static const struct script stood = {
            .name = "stood",
            .options = {.idle_seconds = 0.1, .max_delay_seconds = 0.02},
            .steps = {FIRST_LIST,
                      {.expected = "&resourceVersion=5", .how = STREAM_AND_HANG, .body = ""}},
            .told =
                TOLD_LIST " connected [retrying GET /api/v1/pods: nothing came for 0.1 seconds]",
        };
        static const struct script fell = {
            .name = "fell",
            .options = {.max_delay_seconds = 2},
            .steps = {FIRST_LIST,
                      {.expected = "&resourceVersion=5", .how = STREAM_AND_CUT, .body = ""}},
            .told = TOLD_LIST " connected [retrying GET /api/v1/pods: transfer closed with "
                              "outstanding read data remaining]",
        };
        struct play play;

        play_begin(&play, &stood);
        play.on_trouble = stop_at_trouble;
        play_end(&play);
        assert_true(play.seconds == 0);
        play_begin(&play, &fell);
        play.on_trouble = stop_at_trouble;
        play_end(&play);
        assert_true(play.seconds >= 0.125 && play.seconds <= 0.25);
}

static struct {
        double seconds[8];
        size_t n;
} waits;

static void note_wait(struct play *play)
{
        assert_in_range(waits.n, 0, ARRAY_SIZE(waits.seconds) - 1);
        waits.seconds[waits.n++] = play->seconds;
}

static void check_wait(size_t i, double most)
{
        if (waits.seconds[i] < most / 2 || waits.seconds[i] > most)
                fail_msg("wait %zu: %g s, not up to %g", i, waits.seconds[i], most);
}

/* A server that was away and came up says no until it has read who may do what. It is asked again
 * soon, but only the first of its refusals counts for that. */
static void a_server_that_came_up_forbids(void **state)
{
#define FORBIDDEN .status = 403, .body = STATUS("403", "Forbidden", "no")
        static const struct script script = {
            .name = "it came up",
            .options = {.max_delay_seconds = 2},
            .steps = {{.expected = "limit=500", .how = CUT},
                      {.expected = "limit=500", .how = CUT},
                      {.expected = "limit=500", FORBIDDEN},
                      {.expected = "limit=500", FORBIDDEN},
                      FIRST_LIST,
                      {.expected = "&resourceVersion=5", FORBIDDEN},
                      {.expected = "limit=1", .how = STOP}},
            .told = "[retrying GET /api/v1/pods: Empty reply from server] [retrying GET "
                    "/api/v1/pods: Empty reply from server] [forbidden GET /api/v1/pods: 403 "
                    "Forbidden: no] [forbidden GET /api/v1/pods: 403 Forbidden: no] " TOLD_LIST
                    " [forbidden GET /api/v1/pods: 403 Forbidden: no]",
        };
        struct play play;

        waits.n = 0;
        play_begin(&play, &script);
        play.on_trouble = note_wait;
        play_end(&play);
        assert_int_equal(waits.n, 5);
        check_wait(0, 0.25);
        check_wait(1, 0.5);
        check_wait(2, 0.25);
        check_wait(3, 0.5);
        check_wait(4, 1);
#undef FORBIDDEN
}

static void delays_grow(void **state)
{
        uint64_t random = 1, same = 1;
        struct delay delay = {&random, 0.25, 30, 0}, again = {&same, 0.25, 30, 0};
        double expected = 0.25;

        for (unsigned i = 0; i < 20; i++) {
                double seconds = delay_next(&delay);

                assert_true(seconds >= expected / 2 && seconds <= expected);
                assert_true(seconds == delay_next(&again));
                expected = expected * 2 > 30 ? 30 : expected * 2;
        }
        delay_reset(&delay);
        assert_true(delay_next(&delay) <= 0.25);
}

/* The handler may have had enough in the middle of an answer. */
static void stop_at_object(struct play *play)
{
        play_stop(play);
}

static void closed_by_its_handler(void **state)
{
        static const struct script scripts[] = {
            {.name = "in a list",
             .steps = {{.expected = "limit",
                        .body = LIST("5", OBJECT("a", "3") "," OBJECT("b", "4"))}},
             .told = "begin +a"},
            {.name = "in a list that comes as a watch",
             .streaming = true,
             .steps = {{.expected = "sendInitial",
                        .how = STREAM_AND_HANG,
                        .body = EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "4")}},
             .told = "begin +a"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
                struct play play;

                play_begin(&play, &scripts[i]);
                play.on_object = stop_at_object;
                play_end(&play);
        }
}

/* A list of many items, none of which is read on while the client is paused. */

#define MANY 20000

static size_t objects_seen;
static uv_timer_t pause_timer;

static void pause_over(uv_timer_t *timer)
{
        struct play *play = timer->data;

        assert_true(objects_seen < MANY / 2);
        kube_client_pause(play->client, false);
        uv_close((uv_handle_t *)timer, NULL);
}

static void pause_at_first(struct play *play)
{
        play->told.length = 0;
        if (objects_seen++)
                return;
        kube_client_pause(play->client, true);
        uv_timer_init(&play->loop, &pause_timer);
        pause_timer.data = play;
        uv_timer_start(&pause_timer, pause_over, 250, 0);
}

static void paused_nothing_is_read(void **state)
{
        _cleanup_strbuf_ struct strbuf list = {0};
        struct script script = {
            .name = "pause",
            .steps = {{.expected = "limit=500"}, STOP_AT_WATCH},
            .told = "end",
            .options = {.idle_seconds = 0.1}, /* of which a pause is none */
        };
        struct play play;

        strbuf_add(&list, "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[");
        for (size_t i = 0; i < MANY; i++)
                strbuf_add(&list, i ? "," OBJECT("a", "3") : OBJECT("a", "3"));
        strbuf_add(&list, "]}");
        script.steps[0].body = list.text;
        objects_seen = 0;
        play_begin(&play, &script);
        play.on_object = pause_at_first;
        play_end(&play);
        assert_int_equal(objects_seen, MANY);
}

/* Posts. */

struct mail {
        uv_loop_t loop;
        struct api_server *server;
        struct kube_client *client;
        struct strbuf came;
        const int *statuses;
        size_t n, wanted;
};

static void mail_closed(void *data)
{
        api_server_close(((struct mail *)data)->server);
}

static void on_post(void *data, struct api_connection *connection, const char *method,
                    const char *target)
{
        struct mail *mail = data;

        strbuf_printf(&mail->came, "%s %s %s\n", method, target, api_body(connection));
        assert_non_null(strstr(api_head(connection), "Content-Type: application/json"));
        api_answer(connection, mail->statuses ? mail->statuses[mail->n] : 201, "", "{}");
        if (++mail->n == mail->wanted)
                kube_client_close(mail->client, mail_closed, mail);
}

static void mail_begin(struct mail *mail, struct kube_config *config, char *url, size_t size)
{
        static const struct kube_client_options options = {.max_delay_seconds = 0.01};
        static const struct kube_handler handler = {0};
        struct err err;

        uv_loop_init(&mail->loop);
        mail->server = api_server_new(&mail->loop, on_post, mail);
        snprintf(url, size, "http://127.0.0.1:%u", api_server_port(mail->server));
        *config = (struct kube_config){.server = url, .source = "test"};
        mail->client = kube_client_new(&mail->loop, config, &options, &handler, &err);
        assert_non_null(mail->client);
}

static void posts_are_tried_a_few_times(void **state)
{
        static const int statuses[] = {500, 201, 422, 500, 500, 500, 500, 201};
        struct mail mail = {.statuses = statuses, .wanted = ARRAY_SIZE(statuses)};
        struct kube_config config;
        char url[64];

        mail_begin(&mail, &config, url, sizeof(url));
        kube_client_post(mail.client, "/a", "{\"a\":1}");
        kube_client_post(mail.client, "/b", "{}");
        kube_client_post(mail.client, "/c", "{}");
        kube_client_post(mail.client, "/d", "{}");
        uv_run(&mail.loop, UV_RUN_DEFAULT);
        assert_string_equal(mail.came.text, "POST /a {\"a\":1}\nPOST /a {\"a\":1}\nPOST /b {}\n"
                                            "POST /c {}\nPOST /c {}\nPOST /c {}\nPOST /c {}\n"
                                            "POST /d {}\n");
        strbuf_done(&mail.came);
        assert_int_equal(uv_loop_close(&mail.loop), 0);
}

static void too_many_posts(void **state)
{
        struct mail mail = {.wanted = KUBE_CLIENT_MAX_POSTS};
        struct kube_config config;
        char url[64], path[16];

        mail_begin(&mail, &config, url, sizeof(url));
        for (unsigned i = 0; i < KUBE_CLIENT_MAX_POSTS + 3; i++) {
                snprintf(path, sizeof(path), "/%u", i);
                kube_client_post(mail.client, path, "{}");
        }
        assert_int_equal(kube_client_counts(mail.client)->posts_failed, 3);
        uv_run(&mail.loop, UV_RUN_DEFAULT);
        assert_memory_equal(mail.came.text, "POST /0 {}\nPOST /4 {}\nPOST /5 {}\n", 33);
        assert_non_null(strstr(mail.came.text, "POST /102 {}\n"));
        strbuf_done(&mail.came);
        assert_int_equal(uv_loop_close(&mail.loop), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(cut_at_every_byte_of_a_watch),
            cmocka_unit_test(the_server_says_when),
            cmocka_unit_test(a_watch_that_stood),
            cmocka_unit_test(a_server_that_came_up_forbids),
            cmocka_unit_test(delays_grow),
            cmocka_unit_test(closed_by_its_handler),
            cmocka_unit_test(paused_nothing_is_read),
            cmocka_unit_test(posts_are_tried_a_few_times),
            cmocka_unit_test(too_many_posts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
