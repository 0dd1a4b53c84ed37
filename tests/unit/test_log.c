#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/log.h"

/* Standard error is a socket that keeps packets apart while a test logs: a packet is a write(). */
static int reader, error_output;

static int listen_to_it(void **state)
{
        int pair[2];

        fflush(stderr);
        error_output = dup(STDERR_FILENO);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
                return -1;
        dup2(pair[1], STDERR_FILENO);
        close(pair[1]);
        reader = pair[0];
        return 0;
}

static int leave_it(void **state)
{
        dup2(error_output, STDERR_FILENO);
        close(error_output);
        close(reader);
        return 0;
}

/* The next line behind its time; "" where none was written. */
static const char *logged(void)
{
        static char line[2 * LOG_MAX_LINE];
        ssize_t n = read(reader, line, sizeof(line) - 1);

        if (n <= 0)
                return "";
        line[n] = '\0';
        assert_int_equal(line[n - 1], '\n');
        assert_ptr_equal(strchr(line, '\n'), line + n - 1);
        line[n - 1] = '\0';
        if (line[0] == '{') {
                assert_int_equal(strncmp(line, "{\"time\":\"", 9), 0);
                return strchr(line, ',') + 1;
        }
        return strchr(line, ' ') + 1;
}

static void a_line_is_as_the_header_has_it(void **state)
{
        log_begin("agent", LOG_INFO, LOG_TEXT);
        log_event(LOG_INFO, "policies enforced", log_number("elements", 3),
                  log_text("node", "node-1"));
        assert_string_equal(logged(), "info agent: policies enforced elements=3 node=node-1");
        log_event(LOG_ERROR, "nothing to add");
        assert_string_equal(logged(), "error agent: nothing to add");

        log_begin("feeder", LOG_INFO, LOG_JSON);
        log_event(LOG_WARNING, "policies enforced", log_number("elements", 3),
                  log_text("node", "node-1"));
        assert_string_equal(logged(), "\"level\":\"warning\",\"process\":\"feeder\",\"message\":"
                                      "\"policies enforced\",\"elements\":3,\"node\":\"node-1\"}");
}

static void the_time_is_utc_with_milliseconds(void **state)
{
        char line[LOG_MAX_LINE];
        int year, month, day, hour, minute, second, millisecond, end = 0;

        log_begin("agent", LOG_INFO, LOG_TEXT);
        log_event(LOG_INFO, "x");
        line[read(reader, line, sizeof(line) - 1)] = '\0';
        sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute, &second,
               &millisecond, &end);
        assert_int_equal(end, strlen("2026-01-02T03:04:05.678Z"));
        assert_true(year > 2020 && month >= 1 && month <= 12 && day >= 1 && hour < 24);
}

static void numbers_are_printed_as_people_write_them(void **state)
{
        log_begin("agent", LOG_INFO, LOG_TEXT);
        log_event(LOG_INFO, "n", log_number("a", 0), log_number("b", 0.0125),
                  log_number("c", 12345678901u), log_number("d", -1), log_number("e", 1.0 / 3),
                  log_number("f", 1e300), log_number("g", __builtin_inf()),
                  log_number("h", __builtin_nan("")));
        assert_string_equal(logged(), "info agent: n a=0 b=0.0125 c=12345678901 d=-1 "
                                      "e=0.333333333 f=1e+300 g=null h=null");
}

static void values_are_quoted_where_they_need_it(void **state)
{
        log_begin("agent", LOG_INFO, LOG_TEXT);
        log_event(LOG_INFO, "v", log_text("a", "default/x"), log_text("b", ""),
                  log_text("c", "a b"), log_text("d", "a=b"), log_text("e", "a\"b\\c"),
                  log_text("f", "grün"));
        assert_string_equal(logged(), "info agent: v a=default/x b=\"\" c=\"a b\" d=\"a=b\" "
                                      "e=\"a\\\"b\\\\c\" f=grün");
        log_begin("agent", LOG_INFO, LOG_JSON);
        log_event(LOG_INFO, "v", log_text("e", "a\"b\\c"), log_text("f", "grün"));
        assert_string_equal(logged(), "\"level\":\"info\",\"process\":\"agent\",\"message\":\"v\","
                                      "\"e\":\"a\\\"b\\\\c\",\"f\":\"grün\"}");
}

/* What strangers write, as text and as JSON print it. */
static const struct {
        const char *name, *text, *as_text, *as_json;
} hostile[] = {
    {"a line of its own", "a\nb\r\tc", "\"a\\nb\\r\\tc\"", "\"a\\u000ab\\u000d\\u0009c\""},
    {"an escape sequence", "\x1b[2J", "\"\\x1b[2J\"", "\"\\u001b[2J\""},
    {"delete", "\x7f", "\"\\x7f\"", "\"\\u007f\""},
    {"a control of eight bits", "\xc2\x9b", "\"\\xc2\\x9b\"", "\"\\u009b\""},
    {"a line separator", "\u2028", "\"\\xe2\\x80\\xa8\"", "\"\\u2028\""},
    {"right to left", "\u202e", "\"\\xe2\\x80\\xae\"", "\"\\u202e\""},
    {"an isolate", "\u2066", "\"\\xe2\\x81\\xa6\"", "\"\\u2066\""},
    {"nothing to be seen", "\u200b", "\"\\xe2\\x80\\x8b\"", "\"\\u200b\""},
    {"a tag", "\U000e0041", "\"\\xf3\\xa0\\x81\\x81\"", "\"\\udb40\\udc41\""},
    {"no UTF-8", "\xff", "\"\\xff\"", "\"\\ufffd\""},
    {"half a character", "\xe2\x82", "\"\\xe2\\x82\"", "\"\\ufffd\\ufffd\""},
    {"a NUL in two bytes", "\xc0\x80", "\"\\xc0\\x80\"", "\"\\ufffd\\ufffd\""},
    {"a surrogate", "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", "\"\\ufffd\\ufffd\\ufffd\""},
};

static void nothing_steers_a_terminal(void **state)
{
        char expected[200];

        for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
                log_begin("agent", LOG_INFO, LOG_TEXT);
                log_event(LOG_INFO, hostile[i].name, log_text("x", hostile[i].text));
                snprintf(expected, sizeof(expected), "info agent: %s x=%s", hostile[i].name,
                         hostile[i].as_text);
                assert_string_equal(logged(), expected);
                log_begin("agent", LOG_INFO, LOG_JSON);
                log_event(LOG_INFO, hostile[i].text);
                snprintf(expected, sizeof(expected),
                         "\"level\":\"info\",\"process\":\"agent\",\"message\":%s}",
                         hostile[i].as_json);
                assert_string_equal(logged(), expected);
        }
        log_begin("agent", LOG_INFO, LOG_TEXT);
        log_event(LOG_INFO, "a\nb");
        assert_string_equal(logged(), "info agent: a\\nb");
}

static void what_is_long_is_cut_and_lines_stay_whole(void **state)
{
        char huge[100000];

        memset(huge, '\n', sizeof(huge) - 1);
        huge[sizeof(huge) - 1] = '\0';
        for (enum log_format format = LOG_TEXT; format <= LOG_JSON; format++) {
                log_begin("agent", LOG_INFO, format);
                log_event(LOG_INFO, huge, log_text("a", huge), log_text("b", huge),
                          log_text("c", huge), log_text("d", huge), log_number("e", 1));
                const char *line = logged();
                assert_in_range(strlen(line), LOG_MAX_TEXT, LOG_MAX_LINE - 1);
                assert_non_null(strstr(line, format == LOG_TEXT ? "…\" b=" : "…\",\"b\":"));
                const char *end = format == LOG_TEXT ? "…\" cut=true" : "…\",\"cut\":true}";
                assert_string_equal(line + strlen(line) - strlen(end), end);
        }
}

static void only_what_the_level_lets_through_is_said(void **state)
{
        static const char *const names[] = {"error", "warning", "info", "debug"};

        for (enum log_level set = LOG_ERROR; set <= LOG_DEBUG; set++) {
                enum log_level parsed;

                log_begin("agent", set, LOG_TEXT);
                assert_string_equal(log_level_name(set), names[set]);
                assert_true(log_level_parse(names[set], &parsed) && parsed == set);
                for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
                        log_event(level, "x");
                        assert_int_equal(strcmp(logged(), "") != 0, level <= set);
                }
        }
        enum log_level level = LOG_INFO;
        enum log_format format = LOG_TEXT;
        assert_false(log_level_parse("Info", &level));
        assert_false(log_level_parse("", &level));
        assert_false(log_format_parse("yaml", &format));
        assert_true(log_format_parse("json", &format) && format == LOG_JSON);
}

static void the_level_goes_to_debug_and_back(void **state)
{
        log_begin("agent", LOG_INFO, LOG_TEXT);
        assert_int_equal(log_cycle_level(), LOG_DEBUG);
        assert_int_equal(log_level(), LOG_DEBUG);
        assert_int_equal(log_cycle_level(), LOG_INFO);
        log_begin("agent", LOG_ERROR, LOG_TEXT);
        assert_int_equal(log_cycle_level(), LOG_DEBUG);
        assert_int_equal(log_cycle_level(), LOG_ERROR);
        log_begin("agent", LOG_DEBUG, LOG_TEXT);
        assert_int_equal(log_cycle_level(), LOG_INFO);
        assert_int_equal(log_cycle_level(), LOG_DEBUG);
        log_set_level(LOG_WARNING);
        assert_int_equal(log_level(), LOG_WARNING);
}

/* A reader that hangs must not stop the agent, and is told what it missed. */
static void lose_lines(int flags)
{
        char expected[100];
        unsigned lost = 0;

        log_begin("agent", LOG_INFO, LOG_TEXT);
        fcntl(STDERR_FILENO, F_SETFL, flags);
        while (lost < 3) {
                char byte = 'x';

                lost += send(STDERR_FILENO, &byte, 1, MSG_DONTWAIT) < 0;
                if (lost)
                        log_event(LOG_INFO, "lost");
        }
        while (read(reader, expected, sizeof(expected)) > 0)
                continue;
        log_event(LOG_INFO, "heard");
        assert_string_equal(logged(), "info agent: heard lostLines=3");
        log_event(LOG_INFO, "again");
        assert_string_equal(logged(), "info agent: again");
}

static void lines_that_nobody_took_are_counted(void **state)
{
        lose_lines(O_NONBLOCK);
        lose_lines(0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(a_line_is_as_the_header_has_it, listen_to_it, leave_it),
            cmocka_unit_test_setup_teardown(the_time_is_utc_with_milliseconds, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(numbers_are_printed_as_people_write_them, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(values_are_quoted_where_they_need_it, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(nothing_steers_a_terminal, listen_to_it, leave_it),
            cmocka_unit_test_setup_teardown(what_is_long_is_cut_and_lines_stay_whole, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(only_what_the_level_lets_through_is_said, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(the_level_goes_to_debug_and_back, listen_to_it,
                                            leave_it),
            cmocka_unit_test_setup_teardown(lines_that_nobody_took_are_counted, listen_to_it,
                                            leave_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
