#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "feeder/http.h"
#include "feeder/listen.h"
#include "feeder/question.h"

/* The server and its clients take turns in one thread: whoever waits runs the loop meanwhile. */

#define PATIENCE 20.0 /* seconds until a test that waits for something fails */

static struct world {
        uv_loop_t loop;
        struct http *http;
        uint32_t asked; /* the last question */
        unsigned questions;
        bool away; /* the agent can't be asked */
} world;

static bool ask(void *data, uint32_t number)
{
        world.asked = number;
        world.questions++;
        return !world.away;
}

static void serve_with(struct http_options options)
{
        struct err err = {.text = ""};

        if (!options.address)
                options.address = "127.0.0.1:0";
        options.ask = ask;
        world.http = http_new(&world.loop, &options, &err);
        assert_string_equal(err.text, "");
        assert_non_null(world.http);
}

static int begin(void **state)
{
        memset(&world, 0, sizeof(world));
        return uv_loop_init(&world.loop);
}

static int end(void **state)
{
        http_close(world.http);
        uv_run(&world.loop, UV_RUN_DEFAULT);
        return uv_loop_close(&world.loop);
}

static void turn(double *began)
{
        if (*began == 0)
                *began = clock_seconds();
        assert_true(clock_seconds() - *began < PATIENCE);
        uv_run(&world.loop, UV_RUN_NOWAIT);
}

#define wait_until(condition)                                                                      \
        for (double began_ = 0; !(condition);)                                                     \
        turn(&began_)

static int connect_client(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(http_port(world.http)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int request(const char *line)
{
        char text[200];
        int fd = connect_client();

        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\n\r\n", line);
        say(fd, text);
        return fd;
}

/* Is the answer in text whole: are its headers there, and as much behind them as they say? */
static bool is_whole(const char *text, bool head)
{
        const char *length = strstr(text, "Content-Length: "), *body = strstr(text, "\r\n\r\n");

        return length && body &&
               (head || strlen(body + 4) >= strtoul(length + strlen("Content-Length: "), NULL, 10));
}

static bool receive_some(int fd, struct strbuf *text, bool *ret_ended)
{
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        *ret_ended = n == 0 || (n < 0 && errno != EAGAIN);
        if (n > 0)
                strbuf_add_bytes(text, bytes, (size_t)n);
        return n > 0;
}

/* What is answered; stays until the next is received. */
static const char *receive(int fd, bool head)
{
        static struct strbuf text;
        bool ended = false;

        strbuf_done(&text);
        strbuf_add(&text, "");
        wait_until((receive_some(fd, &text, &ended), ended || is_whole(text.text, head)));
        static char copy[200000];
        assert_true(text.length < sizeof(copy));
        memcpy(copy, text.text, text.length + 1);
        strbuf_done(&text);
        return copy;
}

static bool has_ended(int fd)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        bool ended;

        receive_some(fd, &text, &ended);
        return ended;
}

static void assert_answer(const char *answer, unsigned status, const char *body)
{
        char line[40];

        snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
        if (strncmp(answer, line, strlen(line)) != 0 || !strstr(answer, body))
                fail_msg("not %u, \"%s\": %s", status, body, answer);
}

static void ask_for(const char *line, unsigned status, const char *body)
{
        int fd = request(line);

        assert_answer(receive(fd, false), status, body);
        close(fd);
}

static void say_state(bool live, bool enforcing, const char *why)
{
        struct feed_state state = {.live = live, .enforcing = enforcing};

        snprintf(state.why, sizeof(state.why), "%s", why);
        http_state(world.http, &state);
}

static void health_is_what_the_agent_said(void **state)
{
        serve_with((struct http_options){0});
        ask_for("GET /healthz", 503, "not live: the agent has not said anything yet\n");
        ask_for("GET /readyz", 503, "not enforcing: the agent has not said anything yet\n");
        say_state(true, false, "pods are not listed yet");
        ask_for("GET /healthz", 200, "\r\n\r\nok\n");
        ask_for("GET /readyz", 503, "not enforcing: pods are not listed yet\n");
        say_state(true, true, "");
        ask_for("GET /readyz", 200, "\r\n\r\nok\n");
        say_state(false, true, "the loop hangs");
        ask_for("GET /healthz", 503, "not live: the loop hangs\n");
        ask_for("GET /readyz", 503, "not enforcing: the loop hangs\n");
}

static void silence_is_ill_health(void **state)
{
        double began = clock_seconds();

        serve_with((struct http_options){.silence_ms = 50});
        uv_update_time(&world.loop);
        say_state(true, true, "");
        wait_until(clock_seconds() - began > 0.1);
        ask_for("GET /healthz", 503, "for too long");
        ask_for("GET /readyz", 503, "for too long");
}

static void only_what_is_there_is_answered(void **state)
{
        serve_with((struct http_options){0});
        say_state(true, true, "");
        ask_for("GET /", 404, "not here");
        ask_for("GET /metrics/", 404, "not here");
        ask_for("POST /healthz", 405, "Allow: GET, HEAD\r\n");
        ask_for("DELETE /metrics", 405, "Allow: GET, HEAD\r\n");
        ask_for("POST /elsewhere", 404, "not here");
        ask_for("GET /healthz?verbose=1", 200, "ok");

        int fd = request("HEAD /healthz");
        const char *answer = receive(fd, true);
        assert_answer(answer, 200, "Content-Length: 3\r\n");
        assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
        close(fd);
        fd = connect_client();
        say(fd, "this is no HTTP\r\n\r\n");
        assert_null(strstr(receive(fd, false), " 200 "));
        close(fd);
}

static void metrics_are_the_agents(void **state)
{
        serve_with((struct http_options){0});
        int fd = request("GET /metrics");
        wait_until(world.questions == 1);
        http_metrics(world.http, world.asked + 1, "of another question\n");
        http_metrics(world.http, world.asked, "a 1\nb 2\n");
        const char *answer = receive(fd, false);
        assert_answer(answer, 200, "\r\n\r\na 1\nb 2\n");
        assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));

        /* The connection is kept, and the answer is a new one. */
        say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_until(world.questions == 2);
        http_metrics(world.http, world.asked, "a 3\n");
        assert_answer(receive(fd, false), 200, "\r\n\r\na 3\n");
        close(fd);
}

static void a_body_is_passed_over(void **state)
{
        serve_with((struct http_options){0});
        say_state(true, true, "");
        int fd = connect_client();
        say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
        for (int i = 0; i < 10; i++)
                uv_run(&world.loop, UV_RUN_NOWAIT);
        say(fd, "56789");
        assert_answer(receive(fd, false), 200, "ok");
        say(fd, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_answer(receive(fd, false), 200, "ok");
        close(fd);
}

static void an_agent_that_is_silent_is_said(void **state)
{
        serve_with((struct http_options){.ask_ms = 50});
        int first = request("GET /metrics"), second = request("GET /metrics");
        wait_until(http_clients(world.http) == 2);
        assert_answer(receive(first, false), 503, "the agent does not answer");
        assert_answer(receive(second, false), 503, "the agent does not answer");
        /* What comes too late is nobody's. */
        http_metrics(world.http, world.asked, "late\n");
        close(first);
        close(second);
}

static void an_agent_that_is_away_is_said(void **state)
{
        serve_with((struct http_options){0});
        world.away = true;
        ask_for("GET /metrics", 503, "the agent is away");
        world.away = false;
        uint32_t late = world.asked;
        int third = request("GET /metrics");
        wait_until(world.asked > late);
        http_metrics(world.http, late, "late\n");
        http_metrics(world.http, world.asked, "in time\n");
        assert_answer(receive(third, false), 200, "in time");
        close(third);
}

/* Many at once are one question: one for the first, and one for all who came meanwhile. */
static void a_hundred_clients_ask_the_agent_twice(void **state)
{
        int clients[100];

        serve_with((struct http_options){.max_clients = 250});
        int first = request("GET /metrics");
        wait_until(world.questions == 1);
        for (size_t i = 0; i < 100; i++)
                clients[i] = request("GET /metrics");
        wait_until(http_clients(world.http) == 101);
        for (size_t i = 0; i < 100; i++)
                uv_run(&world.loop, UV_RUN_NOWAIT);
        assert_int_equal(world.questions, 1);
        http_metrics(world.http, world.asked, "before\n");
        assert_answer(receive(first, false), 200, "before");
        wait_until(world.questions == 2);
        http_metrics(world.http, world.asked, "after\n");
        for (size_t i = 0; i < 100; i++) {
                assert_answer(receive(clients[i], false), 200, "after");
                close(clients[i]);
        }
        close(first);
        wait_until(http_clients(world.http) == 0);
        assert_int_equal(world.questions, 2);
}

static void the_agent_has_time_for_its_work(void **state)
{
        struct question question = {0};

        assert_int_equal(question_due(&question), UINT64_MAX);
        assert_int_equal(question_want(&question), 1);
        assert_int_equal(question_due(&question), 0);
        question_put(&question, 1000);
        assert_int_equal(question.number, 1);
        assert_int_equal(question_want(&question), 2);
        assert_int_equal(question_due(&question), UINT64_MAX);
        assert_false(question_answered(&question, 2, 1100));
        assert_true(question_answered(&question, 1, 1100));
        assert_false(question_answered(&question, 1, 1100));
        /* It took 100: nothing for 400. */
        assert_int_equal(question_due(&question), 1500);
        question_put(&question, 2000);
        assert_int_equal(question_want(&question), 3);
        assert_true(question_answered(&question, 2, 9000));
        assert_int_equal(question_due(&question), 11000);
}

/* Whoever fills all places with questions, too, leaves some. */
static void too_many_that_ask_are_refused(void **state)
{
        int crowd[30];

        serve_with((struct http_options){.max_clients = 20});
        say_state(true, true, "");
        for (size_t i = 0; i < 30; i++)
                crowd[i] = request("GET /metrics");
        wait_until(world.questions == 1);
        ask_for("GET /healthz", 200, "ok");
        int late = request("GET /metrics");
        assert_answer(receive(late, false), 503, "too many ask");
        close(late);
        for (size_t i = 0; i < 30; i++)
                close(crowd[i]);
}

static void whoever_leaves_early_leaves_nothing(void **state)
{
        /* Where the end comes together with half a request, libmicrohttpd finds it at the deadline.
         */
        serve_with((struct http_options){.ask_ms = 100, .request_ms = 100});
        for (int i = 0; i < 50; i++) {
                int half = connect_client();
                say(half, "GET /metr");
                int whole = request("GET /metrics");
                uv_run(&world.loop, UV_RUN_NOWAIT);
                close(half);
                close(whole);
        }
        wait_until(world.questions > 0);
        http_metrics(world.http, world.asked, "a 1\n");
        wait_until(http_clients(world.http) == 0);
}

static void half_requests_end(void **state)
{
        double began = clock_seconds();

        serve_with((struct http_options){.request_ms = 50});
        int slow = connect_client(), silent = connect_client();
        say(slow, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
        /* A byte now and then does not help. */
        wait_until((send(slow, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), has_ended(slow)));
        wait_until(has_ended(silent));
        assert_true(clock_seconds() - began > 0.04);
        wait_until(http_clients(world.http) == 0);
        close(slow);
        close(silent);
}

static void idle_connections_end(void **state)
{
        serve_with((struct http_options){.idle_ms = 50});
        int kept = request("GET /healthz");
        assert_answer(receive(kept, false), 503, "not live");
        assert_false(has_ended(kept));
        wait_until(has_ended(kept));
        close(kept);
}

static void an_answer_that_is_not_taken_ends(void **state)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        while (text.length < 16 << 20)
                strbuf_add(&text, "penstock_rules 1\n");
        serve_with((struct http_options){.answer_ms = 100});
        int fd = request("GET /metrics");
        wait_until(world.questions == 1);
        http_metrics(world.http, world.asked, text.text);
        wait_until(http_clients(world.http) == 0);
        close(fd);
}

/* Whoever fills all places can't keep others from asking. */
static void the_longest_waiting_makes_room(void **state)
{
        int crowd[300], asking;

        serve_with((struct http_options){.max_clients = 20});
        say_state(true, true, "");
        asking = request("GET /metrics");
        wait_until(world.questions == 1);
        for (size_t i = 0; i < 300; i++) {
                crowd[i] = connect_client();
                say(crowd[i], "GET ");
        }
        ask_for("GET /healthz", 200, "ok");
        wait_until(http_clients(world.http) <= 20);
        assert_true(has_ended(crowd[0]));
        http_metrics(world.http, world.asked, "a 1\n");
        assert_answer(receive(asking, false), 200, "a 1");
        for (size_t i = 0; i < 300; i++)
                close(crowd[i]);
        close(asking);
        wait_until(http_clients(world.http) == 0);
}

static void closing_tells_whoever_waits(void **state)
{
        serve_with((struct http_options){0});
        int waiting = request("GET /metrics"), half = connect_client();
        say(half, "GET");
        wait_until(world.questions == 1 && http_clients(world.http) == 2);
        http_close(world.http);
        uv_run(&world.loop, UV_RUN_DEFAULT);
        assert_true(has_ended(half));
        close(waiting);
        close(half);
        serve_with((struct http_options){0}); /* for end() */
}

static void addresses_are_addresses(void **state)
{
        static const struct {
                const char *address, *why; /* NULL: it can be listened at */
        } cases[] = {
            {"127.0.0.1:0", NULL},
            {"[::1]:0", NULL},
            {":0", NULL},
            {"", "not ADDRESS:PORT"},
            {"127.0.0.1", "not ADDRESS:PORT"},
            {"127.0.0.1:", "not ADDRESS:PORT"},
            {"127.0.0.1:65536", "not ADDRESS:PORT"},
            {"127.0.0.1:-1", "not ADDRESS:PORT"},
            {"127.0.0.1:http", "not ADDRESS:PORT"},
            {"::1:80", "not ADDRESS:PORT"},
            {"[127.0.0.1]:80", "not ADDRESS:PORT"},
            {"[]:80", "not ADDRESS:PORT"},
            {"localhost:80", "not ADDRESS:PORT"},
            {"192.0.2.1:0", "listening at 192.0.2.1:0: Cannot assign requested address"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct err err = {.text = ""};
                int fd = listen_at(cases[i].address, &err);

                if (cases[i].why ? fd >= 0 || !strstr(err.text, cases[i].why) : fd < 0)
                        fail_msg("%s: %d, \"%s\"", cases[i].address, fd, err.text);
                if (fd >= 0)
                        close(fd);
        }
}

static void a_port_that_is_taken_is_said(void **state)
{
        char address[40];
        struct err err;

        serve_with((struct http_options){.address = ":0"});
        say_state(true, true, "");
        ask_for("GET /healthz", 200, "ok"); /* every address: IPv4's, too */
        snprintf(address, sizeof(address), ":%u", http_port(world.http));
        assert_null(http_new(&world.loop, &(struct http_options){.address = address}, &err));
        assert_non_null(strstr(err.text, "Address already in use"));
}

#define served(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
        static const struct CMUnitTest tests[] = {
            served(health_is_what_the_agent_said),
            served(silence_is_ill_health),
            served(only_what_is_there_is_answered),
            served(metrics_are_the_agents),
            served(a_body_is_passed_over),
            served(an_agent_that_is_silent_is_said),
            served(an_agent_that_is_away_is_said),
            served(a_hundred_clients_ask_the_agent_twice),
            served(too_many_that_ask_are_refused),
            served(whoever_leaves_early_leaves_nothing),
            served(half_requests_end),
            served(idle_connections_end),
            served(an_answer_that_is_not_taken_ends),
            served(the_longest_waiting_makes_room),
            served(closing_tells_whoever_waits),
            served(a_port_that_is_taken_is_said),
            cmocka_unit_test(the_agent_has_time_for_its_work),
            cmocka_unit_test(addresses_are_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
