#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/exposition.h"
#include "agent/metrics.h"
#include "iptables/text.h"

static struct ruleset *installed(struct arena *arena, const char *rules)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {.text = ""};
        char *text = arena_printf(arena, "*filter\n%sCOMMIT\n", rules);

        iptables_parse(ruleset, FAMILY_IPV4, text, &err);
        assert_string_equal(err.text, "");
        ruleset_finish(ruleset);
        return ruleset;
}

static void assert_says(const struct strbuf *out, const char *line)
{
        const char *found = out->text;
        size_t length = strlen(line);

        while ((found = strstr(found, line))) {
                if ((found == out->text || found[-1] == '\n') && found[length] == '\n')
                        return;
                found++;
        }
        fail_msg("no line \"%s\" in:\n%s", line, out->text);
}

#define CLASS_A ":PENSTOCK-I-aaaaaaaaaaaaaaaa - [0:0]\n"
#define CLASS_B ":PENSTOCK-I-bbbbbbbbbbbbbbbb - [0:0]\n"
#define OTHERS  ":PENSTOCK-DENY - [0:0]\n:PENSTOCK-MIDSTREAM - [0:0]\n:PENSTOCK-FORWARD - [0:0]\n"
#define RULE(counters, chain, matches, comment, target)                                            \
        counters " -A " chain " " matches "-m comment --comment \"penstock: " comment "\" " target \
                 "\n"
#define ALLOW_A(counters)                                                                          \
        RULE(counters, "PENSTOCK-I-aaaaaaaaaaaaaaaa", "-s 10.0.0.1/32 ", "default/web ingress[0]", \
             "-j RETURN")
#define ALLOW_B(counters)                                                                          \
        RULE(counters, "PENSTOCK-I-bbbbbbbbbbbbbbbb", "-s 10.0.0.2/32 ", "default/web ingress[1]", \
             "-j RETURN")
#define DENY_A(counters)                                                                           \
        RULE(counters, "PENSTOCK-I-aaaaaaaaaaaaaaaa", "", "denied ingress of pods of default",     \
             "-g PENSTOCK-DENY")
#define SILENT_A RULE("[0:0]", "PENSTOCK-I-aaaaaaaaaaaaaaaa", "", "default/deny-all ingress", "")

static void traffic_is_read_off_the_rules(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf out = {0};
        struct traffic *traffic = traffic_new();

        traffic_print(
            traffic,
            installed(arena,
                      CLASS_A CLASS_B OTHERS ALLOW_A("[3:300]") ALLOW_B("[4:500]") DENY_A("[7:70]")
                          SILENT_A RULE("[9:90]", "PENSTOCK-MIDSTREAM", "-d 10.0.0.9/32 ",
                                        "of no known connection of an isolated pod", "-j DROP")
                              RULE("[1000:2]", "PENSTOCK-DENY", "", "denied", "-j DROP")
                                  RULE("[5:55]", "PENSTOCK-FORWARD", "-s 10.0.0.9/32 ",
                                       "link-local", "-g PENSTOCK-DENY")),
            &out);
        assert_says(&out, "penstock_policy_allowed_packets_total{namespace=\"default\","
                          "policy=\"web\",direction=\"ingress\"} 7");
        assert_says(&out, "penstock_policy_allowed_bytes_total{namespace=\"default\","
                          "policy=\"web\",direction=\"ingress\"} 800");
        assert_says(&out, "penstock_policy_allowed_packets_total{namespace=\"default\","
                          "policy=\"deny-all\",direction=\"ingress\"} 0");
        assert_says(&out, "penstock_denied_packets_total{namespace=\"default\","
                          "direction=\"ingress\",reason=\"policy\"} 7");
        assert_says(&out, "penstock_denied_bytes_total{namespace=\"default\","
                          "direction=\"ingress\",reason=\"policy\"} 70");
        assert_says(&out, "penstock_denied_packets_total{"
                          "reason=\"of no known connection of an isolated pod\"} 9");
        assert_says(&out, "penstock_denied_packets_total{reason=\"link-local\"} 5");
        assert_null(strstr(out.text, "} 1000"));
        traffic_free(traffic);
}

/* A class chain goes with what its pods' policies were, and its counters with it. */
static void what_was_shown_does_not_fall(void **state)
{
        static const struct {
                const char *rules;
                const char *packets;
        } looks[] = {
            {CLASS_A CLASS_B OTHERS ALLOW_A("[100:1]") ALLOW_B("[10:1]"), "110"},
            {CLASS_B OTHERS ALLOW_B("[12:1]"), "110"},
            {CLASS_B OTHERS ALLOW_B("[15:1]"), "113"},
            {CLASS_A CLASS_B OTHERS ALLOW_A("[2:1]") ALLOW_B("[15:1]"), "115"},
            {CLASS_A OTHERS ALLOW_A("[2:1]"), "115"},
            {OTHERS, NULL},
            {CLASS_A OTHERS ALLOW_A("[1:1]"), "1"},
        };
        _cleanup_arena_ struct arena *arena = arena_new();
        struct traffic *traffic = traffic_new();

        for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
                _cleanup_strbuf_ struct strbuf out = {0};
                traffic_print(traffic, installed(arena, looks[i].rules), &out);
                const char *series = "penstock_policy_allowed_packets_total{namespace=\"default\","
                                     "policy=\"web\",direction=\"ingress\"} ";
                if (looks[i].packets)
                        assert_says(&out, arena_printf(arena, "%s%s", series, looks[i].packets));
                else
                        assert_null(strstr(out.text, series));
        }
        traffic_free(traffic);
}

static size_t count(const char *text, const char *part)
{
        size_t n = 0;

        for (; (text = strstr(text, part)); text++)
                n++;
        return n;
}

static void series_are_bounded(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf rules = {0}, out = {0};
        struct traffic *traffic = traffic_new();

        strbuf_add(&rules, CLASS_A OTHERS);
        for (unsigned i = TRAFFIC_MAX_SERIES + 50; i-- > 0;)
                strbuf_printf(&rules,
                              "[2:200] -A PENSTOCK-I-aaaaaaaaaaaaaaaa -m comment --comment "
                              "\"penstock: default/policy-%06u ingress[0]\" -j RETURN\n",
                              i);
        traffic_print(traffic, installed(arena, rules.text), &out);
        assert_int_equal(count(out.text, "\npenstock_policy_allowed_packets_total{namespace="),
                         TRAFFIC_MAX_SERIES);
        assert_says(&out, "penstock_policy_allowed_packets_total{direction=\"ingress\"} 100");
        assert_says(&out, "penstock_policy_allowed_bytes_total{direction=\"ingress\"} 10000");
        assert_non_null(strstr(out.text, "policy-000999"));
        assert_null(strstr(out.text, "policy-001000"));
        traffic_free(traffic);
}

static void label_values_are_escaped(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};

        exposition_whole(&out, "x",
                         labels({"a", "quo\"te\\ \n\x1b \xff gr\xc3\xbcn"}, {"b", ""}, {"c", NULL}),
                         UINT64_MAX);
        assert_string_equal(out.text,
                            "x{a=\"quo\\\"te\\\\ \\n\xef\xbf\xbd \xef\xbf\xbd gr\xc3\xbcn\"} "
                            "18446744073709551615\n");
        out.length = 0;
        exposition_real(&out, "y", labels(), 0.125);
        assert_string_equal(out.text, "y 0.125\n");
}

static void durations_fall_into_buckets(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct agent_metrics metrics = {0};

        histogram_add(&metrics.sync, 0.001); /* bounds are included */
        histogram_add(&metrics.sync, 0.0011);
        histogram_add(&metrics.sync, 16.384);
        histogram_add(&metrics.sync, 1000);
        metrics_print(&metrics, NULL, &out);
        assert_says(&out, "penstock_sync_duration_seconds_bucket{le=\"0.001\"} 1");
        assert_says(&out, "penstock_sync_duration_seconds_bucket{le=\"0.002\"} 2");
        assert_says(&out, "penstock_sync_duration_seconds_bucket{le=\"8.192\"} 2");
        assert_says(&out, "penstock_sync_duration_seconds_bucket{le=\"16.384\"} 3");
        assert_says(&out, "penstock_sync_duration_seconds_bucket{le=\"+Inf\"} 4");
        assert_says(&out, "penstock_sync_duration_seconds_count 4");
        assert_says(&out, "penstock_sync_duration_seconds_sum 1016.3861");
        assert_null(strstr(out.text, "penstock_denied"));
}

static void a_feeder_that_ends_takes_nothing_along(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct agent_metrics metrics = {
            .feeder = {.errors = {1, 2, 3, 4}, .bytes = 5, .connected = {true, true, true, true}}};

        metrics_feeder_ended(&metrics);
        metrics.feeder.errors[KIND_POD] = 10;
        metrics_print(&metrics, NULL, &out);
        assert_says(&out, "penstock_api_errors_total{kind=\"Pod\"} 13");
        assert_says(&out, "penstock_api_errors_total{kind=\"Namespace\"} 1");
        assert_says(&out, "penstock_api_received_bytes_total 5");
        assert_says(&out, "penstock_api_connected{kind=\"Pod\"} 0");
}

static double value_of(const struct strbuf *out, const char *series)
{
        const char *found = strstr(out->text, series);

        assert_non_null(found);
        return strtod(found + strlen(series), NULL);
}

static void the_process_is_this_one(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct agent_metrics metrics = {.feeder_pid = getppid()};
        int descriptors[2];

        metrics_print(&metrics, NULL, &out);
        double open = value_of(&out, "process_open_fds{process=\"agent\"} ");
        assert_true(value_of(&out, "process_resident_memory_bytes{process=\"agent\"} ") > 100000);
        assert_true(value_of(&out, "process_start_time_seconds{process=\"agent\"} ") > 1700000000);
        assert_true(value_of(&out, "process_resident_memory_bytes{process=\"feeder\"} ") > 0);
        assert_int_equal(pipe(descriptors), 0);
        out.length = 0;
        metrics.feeder_pid = 0;
        metrics_print(&metrics, NULL, &out);
        assert_true(value_of(&out, "process_open_fds{process=\"agent\"} ") == open + 2);
        assert_null(strstr(out.text, "process=\"feeder\""));
        close(descriptors[0]);
        close(descriptors[1]);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(traffic_is_read_off_the_rules),
            cmocka_unit_test(what_was_shown_does_not_fall),
            cmocka_unit_test(series_are_bounded),
            cmocka_unit_test(label_values_are_escaped),
            cmocka_unit_test(durations_fall_into_buckets),
            cmocka_unit_test(a_feeder_that_ends_takes_nothing_along),
            cmocka_unit_test(the_process_is_this_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
