#include "unit.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "compile/compile.h"
#include "compile/shortcut.h"
#include "kube/load.h"
#include "verify/simulate.h"

/* A pod "server" at 10.0.0.1, and policies p00, p01, …: policy k lets in the pods labelled
 * client-k. The pods labelled client-k are given in turn, at 10.0.0.2, 10.0.0.3, … */

static void add_pod(struct strbuf *text, const char *name, const char *label, unsigned number)
{
        strbuf_printf(
            text,
            "---\n{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {app: %s}}, spec: "
            "{nodeName: n1, containers: [{name: m, image: i}]}, status: {phase: Running, "
            "podIPs: [{ip: 10.0.%u.%u}]}}\n",
            name, label, number / 250, number % 250 + 1);
}

static void add_policy(struct strbuf *text, unsigned number, const char *ports)
{
        strbuf_printf(
            text,
            "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: "
            "{name: p%02u}, spec: {podSelector: {matchLabels: {app: server}}, ingress: [{from: "
            "[{podSelector: {matchLabels: {app: client-%u}}}], ports: [%s]}]}}\n",
            number, number, ports);
}

static void add_clients(struct strbuf *text, unsigned policy, unsigned first, unsigned n)
{
        char name[32], label[32];

        snprintf(label, sizeof(label), "client-%u", policy);
        for (unsigned i = first; i < first + n; i++) {
                snprintf(name, sizeof(name), "client-%u-%u", policy, i);
                add_pod(text, name, label, i);
        }
}

/* Policy k at TCP 8000, each with one client at 10.0.0.(k + 2). */
static void add_policies(struct strbuf *text, unsigned n)
{
        add_pod(text, "server", "server", 0);
        for (unsigned i = 0; i < n; i++) {
                add_policy(text, i, "{port: 8000}");
                add_clients(text, i, i + 1, 1);
        }
}

static struct ruleset *compile_text(struct arena *arena, const struct strbuf *text)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        struct problems problems = problems_in(arena);
        struct compile_options options = {.node = "n1"};
        struct load_stats stats = {0};
        struct err err;

        if (load_text(cluster, text->text, text->length, "text", "default", &problems, &stats) <
            0) {
                problems_print(&problems, stderr);
                fail_msg("the manifests are refused");
        }
        cluster_seal(cluster);
        struct ruleset *ruleset = compile(arena, cluster, &options, &err);
        assert_non_null(ruleset);
        return ruleset;
}

static struct chain *server_chain(const struct ruleset *ruleset)
{
        struct table *table = ruleset_table(ruleset, FAMILY_IPV4, "filter");

        vec_foreach (struct chain, chain, &table->chains)
                if (strncmp(chain->name, "PENSTOCK-I-", 11) == 0)
                        return chain;
        fail_msg("the server is not isolated");
        return NULL;
}

/* NULL where there is none. */
static struct set *shortcut_set(const struct ruleset *ruleset)
{
        const struct rule *first = &server_chain(ruleset)->rules.items[0];

        return strcmp(rule_comment(first), SHORTCUT_COMMENT) == 0
                   ? ruleset_set(ruleset, first->matches.items[0].set.name)
                   : NULL;
}

static struct sim_result send(const struct ruleset *ruleset, const char *from,
                              enum protocol protocol, uint16_t port)
{
        struct ip source, server;

        assert_true(ip_parse(from, &source));
        assert_true(ip_parse("10.0.0.1", &server));
        struct sim_packet packet = sim_packet_new(&source, &server, protocol, port);
        return simulate_ruleset(ruleset, HOOK_FORWARD, &packet);
}

static void few_rules_have_none(void **state)
{
        for (unsigned n = 1; n <= 8; n++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf text = {0};
                add_policies(&text, n);
                assert_int_equal(shortcut_set(compile_text(arena, &text)) != NULL, n >= 4);
        }
}

static void one_look_decides(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        add_policies(&text, 20);
        const struct ruleset *ruleset = compile_text(arena, &text);
        struct sim_result last = send(ruleset, "10.0.0.21", PROTOCOL_TCP, 8000);
        assert_int_equal(last.outcome, OUTCOME_PASS);
        assert_in_range(last.evaluated, 1, 12);
        assert_int_equal(send(ruleset, "10.0.0.21", PROTOCOL_UDP, 8000).outcome, OUTCOME_DROP);
        assert_int_equal(send(ruleset, "10.0.0.21", PROTOCOL_TCP, 8001).outcome, OUTCOME_DROP);
        assert_int_equal(send(ruleset, "10.0.0.22", PROTOCOL_TCP, 8000).outcome, OUTCOME_DROP);
}

/* Ports in a list and in a range are pairs; too wide a range, all ports, and blocks are left to
 * their rules, which stand below. */
static void what_does_not_fit_is_left_to_its_rule(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        add_policies(&text, 6);
        add_policy(&text, 6, "{port: 80}, {port: 90, endPort: 92}, {port: 53, protocol: UDP}");
        add_policy(&text, 7, "{port: 100, endPort: 200}");
        add_policy(&text, 8, "");
        add_policy(&text, 9, "{port: 70}");
        add_clients(&text, 6, 7, 1);
        add_clients(&text, 7, 8, 1);
        add_clients(&text, 8, 9, 1);
        add_clients(&text, 9, 500, 1025);
        strbuf_add(&text,
                   "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: "
                   "block}, spec: {podSelector: {matchLabels: {app: server}}, ingress: [{from: "
                   "[{ipBlock: {cidr: "
                   "192.0.2.0/24}}], ports: [{port: 60}]}]}}\n");
        const struct ruleset *ruleset = compile_text(arena, &text);
        assert_int_equal(shortcut_set(ruleset)->elements.n, 6 + 5);
        assert_int_equal(send(ruleset, "10.0.0.8", PROTOCOL_TCP, 92).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.8", PROTOCOL_TCP, 93).outcome, OUTCOME_DROP);
        assert_int_equal(send(ruleset, "10.0.0.8", PROTOCOL_UDP, 53).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.9", PROTOCOL_TCP, 150).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.10", PROTOCOL_UDP, 9).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.3.1", PROTOCOL_TCP, 70).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "192.0.2.1", PROTOCOL_TCP, 60).outcome, OUTCOME_PASS);
}

/* Without the shortcut every packet is judged alike. */
static void it_decides_nothing(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        bool passed[64][8];

        add_policies(&text, 12);
        const struct ruleset *ruleset = compile_text(arena, &text);
        struct chain *chain = server_chain(ruleset);
        for (unsigned round = 0; round < 2; round++) {
                for (unsigned i = 0; i < 64; i++)
                        for (unsigned j = 0; j < 8; j++) {
                                char from[32];
                                snprintf(from, sizeof(from), "10.0.0.%u", i + 2);
                                bool pass = send(ruleset, from, PROTOCOL_TCP, (uint16_t)(7996 + j))
                                                .outcome == OUTCOME_PASS;
                                if (round == 0)
                                        passed[i][j] = pass;
                                else
                                        assert_int_equal(pass, passed[i][j]);
                        }
                chain->rules.items++;
                chain->rules.n--;
        }
        chain->rules.items -= 2;
        chain->rules.n += 2;
}

static struct set_element *pair_of(struct set *set, const char *address)
{
        struct ip ip;

        assert_true(ip_parse(address, &ip));
        vec_foreach (struct set_element, pair, &set->elements)
                if (ip_compare(&pair->prefix.ip, &ip) == 0)
                        return pair;
        fail_msg("%s is no peer", address);
        return NULL;
}

static const struct counters *counters_of(const struct ruleset *ruleset, const char *comment)
{
        vec_foreach (const struct rule, rule, &server_chain(ruleset)->rules)
                if (strcmp(rule_comment(rule), comment) == 0)
                        return &rule->counters;
        fail_msg("there is no rule %s", comment);
        return NULL;
}

/* Rules without ports have one of their own, for every protocol; so do a class's two kinds of rules
 * together. */
static void rules_without_ports(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        add_policies(&text, 4);
        for (unsigned i = 4; i < 24; i++) {
                add_policy(&text, i, "");
                add_clients(&text, i, i + 1, 1);
        }
        struct ruleset *ruleset = compile_text(arena, &text);
        struct chain *chain = server_chain(ruleset);
        assert_string_equal(rule_comment(&chain->rules.items[1]), SHORTCUT_COMMENT);
        struct set *peers = shortcut_set(ruleset);
        assert_int_equal(peers->type, SET_HASH_IP);
        assert_int_equal(peers->elements.n, 20);
        assert_in_range(send(ruleset, "10.0.0.25", PROTOCOL_UDP, 1).evaluated, 1, 12);
        assert_int_equal(send(ruleset, "10.0.0.25", PROTOCOL_UDP, 1).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.25", PROTOCOL_ICMP, 0).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.5", PROTOCOL_TCP, 8000).outcome, OUTCOME_PASS);
        assert_int_equal(send(ruleset, "10.0.0.5", PROTOCOL_TCP, 8001).outcome, OUTCOME_DROP);
        assert_int_equal(send(ruleset, "10.0.0.26", PROTOCOL_TCP, 8000).outcome, OUTCOME_DROP);
        pair_of(peers, "10.0.0.25")->counters = (struct counters){3, 90};
        shortcut_spread(ruleset);
        assert_int_equal(counters_of(ruleset, "penstock: default/p23 ingress[0]")->packets, 3);
}

static void packets_are_given_back_to_policies(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        add_policies(&text, 7);
        struct ruleset *ruleset = compile_text(arena, &text);
        struct set *set = shortcut_set(ruleset);
        struct chain *chain = server_chain(ruleset);
        pair_of(set, "10.0.0.3")->counters = (struct counters){5, 300};
        pair_of(set, "10.0.0.7")->counters = (struct counters){2, 80};
        chain->rules.items[0].counters = (struct counters){7, 380};
        chain->rules.items[2].counters = (struct counters){1, 60};
        shortcut_spread(ruleset);
        assert_int_equal(chain->rules.items[0].counters.packets, 0);
        assert_int_equal(counters_of(ruleset, "penstock: default/p01 ingress[0]")->packets, 6);
        assert_int_equal(counters_of(ruleset, "penstock: default/p01 ingress[0]")->bytes, 360);
        assert_int_equal(counters_of(ruleset, "penstock: default/p05 ingress[0]")->packets, 2);
        assert_int_equal(counters_of(ruleset, "penstock: default/p00 ingress[0]")->packets, 0);
}

/* Of two rules that allow a pair the first has its packets, as if it had been asked. */
static void the_first_rule_has_the_packets(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        add_policies(&text, 5);
        strbuf_add(&text,
                   "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: "
                   "a-first}, spec: {podSelector: {matchLabels: {app: server}}, ingress: [{from: "
                   "[{podSelector: {}}], "
                   "ports: [{port: 8000}]}]}}\n");
        struct ruleset *ruleset = compile_text(arena, &text);
        pair_of(shortcut_set(ruleset), "10.0.0.3")->counters = (struct counters){5, 300};
        shortcut_spread(ruleset);
        vec_foreach (const struct chain, chain,
                     &ruleset_table(ruleset, FAMILY_IPV4, "filter")->chains)
                vec_foreach (const struct rule, rule, &chain->rules)
                        if (rule->counters.packets > 0)
                                assert_string_equal(rule_comment(rule),
                                                    "penstock: default/a-first ingress[0]");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(few_rules_have_none),
            cmocka_unit_test(one_look_decides),
            cmocka_unit_test(what_does_not_fit_is_left_to_its_rule),
            cmocka_unit_test(it_decides_nothing),
            cmocka_unit_test(rules_without_ports),
            cmocka_unit_test(packets_are_given_back_to_policies),
            cmocka_unit_test(the_first_rule_has_the_packets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
