#include "unit.h"

#include <stdio.h>

#include "agent/config.h"
#include "base/strbuf.h"

/* A configuration file, and what comes of it: what it set, or every problem with its line. */

#define HEAD "apiVersion: penstock.dev/v1alpha1\nkind: AgentConfiguration\n"

static void add_options(struct strbuf *out, const struct agent_options *options)
{
        strbuf_printf(out, "%s %s %s %s %s %s '%s' '%s' %s %s %u %u\n",
                      options->kubeconfig ? options->kubeconfig : "-",
                      options->context ? options->context : "-",
                      options->node ? options->node : "-",
                      options->has_flavour ? flavour_name(options->flavour) : "-",
                      own_node_egress_name(options->own_node_egress), deny_name(options->deny),
                      options->socket, options->metrics, log_level_name(options->log_level),
                      options->log_format == LOG_JSON ? "json" : "text", options->period_seconds,
                      options->feeder_silence_seconds);
}

static void add_problems(struct strbuf *out, const struct problems *problems)
{
        vec_foreach (const struct problem, problem, &problems->list)
                strbuf_printf(out, "%s:%u: %s\n", problem->place.file, problem->place.line,
                              problem->text);
}

static void check(const char *text, const char *expected)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf out = {0}, untouched = {0}, after = {0};
        struct problems problems = problems_in(arena);
        struct agent_options options = agent_options_default();

        add_options(&untouched, &options);
        if (agent_config_text(arena, text, strlen(text), "a.yaml", &options, &problems) == 0) {
                assert_int_equal(problems.list.n, 0);
                add_options(&out, &options);
        } else {
                add_problems(&out, &problems);
                add_options(&after, &options);
                assert_string_equal(strbuf_text(&after), strbuf_text(&untouched));
        }
        assert_string_equal(strbuf_text(&out), expected);
}

#define DEFAULTS "- - - - Allow drop '/run/penstock/agent.sock' '127.0.0.1:9469' info text 60 30\n"

static void every_field_is_read(void **state)
{
        check(
            HEAD
            "kubeconfig: /etc/kube\ncontext: here\nnode: node-1\nbackend: iptables-legacy\n"
            "ownNodeEgress: Policy\ndeny: reject\nsocket: /run/a.sock\n"
            "metrics: '[::1]:80'\nlogLevel: debug\nlogFormat: json\nperiod: 30\nfeederSilence: 5\n",
            "/etc/kube here node-1 iptables-legacy Policy reject '/run/a.sock' '[::1]:80' debug "
            "json 30 5\n");
}

static void what_is_absent_or_null_stays(void **state)
{
        check(HEAD, DEFAULTS);
        check(HEAD "node: null\nperiod:\ndeny: ~\n", DEFAULTS);
        check(HEAD "backend: iptables\n", DEFAULTS);
        check("{\"kind\": \"AgentConfiguration\", \"apiVersion\": \"penstock.dev/v1alpha1\"}",
              DEFAULTS);
        check(HEAD "socket: ''\nmetrics: ''\n", "- - - - Allow drop '' '' info text 60 30\n");
}

static void what_it_does_not_know_is_refused(void **state)
{
        check(HEAD "logLevels: debug\nNode: a\n",
              "a.yaml:3: .logLevels: unknown field\na.yaml:4: .Node: unknown field\n");
        check(HEAD "items: [{node: a}]\n", "a.yaml:3: .items: unknown field\n");
        check(HEAD "\"a\\nb\": 1\n", "a.yaml:3: .\"a\\nb\": unknown field\n");
}

static void wrong_types_are_refused(void **state)
{
        check(HEAD "node: 1\nperiod: '30'\nsocket: [a]\ndeny: true\nkubeconfig: {}\n",
              "a.yaml:3: .node: cannot unmarshal number into string\n"
              "a.yaml:4: .period: cannot unmarshal string into number\n"
              "a.yaml:5: .socket: cannot unmarshal array into string\n"
              "a.yaml:6: .deny: cannot unmarshal bool into string\n"
              "a.yaml:7: .kubeconfig: cannot unmarshal object into string\n");
        check("- a\n", "a.yaml:1: cannot unmarshal array into an object\n");
        check("a\n", "a.yaml:1: cannot unmarshal string into an object\n");
}

static void wrong_values_are_refused_with_what_would_do(void **state)
{
        check(HEAD "deny: loudly\nbackend: nftables\nownNodeEgress: policy\nlogLevel: loud\n"
                   "logFormat: xml\n",
              "a.yaml:3: .deny: \"loudly\": not drop or reject\n"
              "a.yaml:4: .backend: \"nftables\": not iptables-nft, iptables-legacy or iptables\n"
              "a.yaml:5: .ownNodeEgress: \"policy\": not Allow or Policy\n"
              "a.yaml:6: .logLevel: \"loud\": not error, warning, info or debug\n"
              "a.yaml:7: .logFormat: \"xml\": not text or json\n");
        check(HEAD "period: 0\n", "a.yaml:3: .period: 0: not seconds, 1 to 86400\n");
        check(HEAD "feederSilence: 0\n", "a.yaml:3: .feederSilence: 0: not seconds, 1 to 86400\n");
        check(HEAD "period: 86401\n", "a.yaml:3: .period: 86401: not seconds, 1 to 86400\n");
        check(HEAD "period: 1.5\n", "a.yaml:3: .period: 1.5: not seconds, 1 to 86400\n");
        check(HEAD "node: ''\nkubeconfig: ''\ncontext: ''\n",
              "a.yaml:3: .node: \"\": not a node's name: lower case letters, digits, '-' and '.'\n"
              "a.yaml:4: .kubeconfig: \"\": not a path\n"
              "a.yaml:5: .context: \"\": not a context's name\n");
        check(HEAD "socket: agent.sock\n", "a.yaml:3: .socket: \"agent.sock\": not an absolute "
                                           "path of at most 107 bytes, or empty for none\n");
}

static void addresses_to_listen_at(void **state)
{
        static const char *const good[] = {":9469", "127.0.0.1:9469", "0.0.0.0:1", "[::]:65535",
                                           "[2001:db8::1]:80"};
        static const char *const bad[] = {
            "9469",          ":",          "127.0.0.1",      "127.0.0.1:",
            "127.0.0.1:x",   "::1:80",     "[127.0.0.1]:80", "[::1]",
            "[::1:80",       "[]:80",      "[:80",           "host:80",
            "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:80 ",    "1.2.3.4:99999999999999999999"};
        struct listen_address address;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!listen_address_parse(good[i], &address))
                        fail_msg("'%s' is refused", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (listen_address_parse(bad[i], &address))
                        fail_msg("'%s' is taken", bad[i]);
        check(HEAD "metrics: host:80\n", "a.yaml:3: .metrics: \"host:80\": not ADDRESS:PORT, "
                                         "[ADDRESS]:PORT, :PORT, or empty for none\n");
}

static void a_file_says_what_it_is(void **state)
{
        check("node: a\n", "a.yaml:1: .apiVersion: Required value: penstock.dev/v1alpha1\n"
                           "a.yaml:1: .kind: Required value: AgentConfiguration\n");
        check("apiVersion: v1\nkind: Pod\n",
              "a.yaml:1: .apiVersion: \"v1\": not penstock.dev/v1alpha1\n"
              "a.yaml:2: .kind: \"Pod\": not AgentConfiguration\n");
        check("apiVersion: penstock.dev/v1alpha1\nkind: null\n",
              "a.yaml:2: .kind: null: not AgentConfiguration\n");
}

static void one_document_and_no_more(void **state)
{
        check(HEAD "---\n" HEAD, "a.yaml:4: more than one document\n");
        check("", "a.yaml:0: no configuration in it\n");
        check("---\n# nothing\n", "a.yaml:0: no configuration in it\n");
        check(HEAD "---\n# nothing\n", DEFAULTS);
}

static void mistakes_in_syntax_are_told_with_their_line(void **state)
{
        check(HEAD "node: [\n", "a.yaml:4: did not find expected node content while "
                                "parsing a flow node\n");
        check(HEAD "node: a\nnode: b\n", "a.yaml:4: key \"node\" already set in map on line 3\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_field_is_read),
            cmocka_unit_test(what_is_absent_or_null_stays),
            cmocka_unit_test(what_it_does_not_know_is_refused),
            cmocka_unit_test(wrong_types_are_refused),
            cmocka_unit_test(wrong_values_are_refused_with_what_would_do),
            cmocka_unit_test(addresses_to_listen_at),
            cmocka_unit_test(a_file_says_what_it_is),
            cmocka_unit_test(one_document_and_no_more),
            cmocka_unit_test(mistakes_in_syntax_are_told_with_their_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
