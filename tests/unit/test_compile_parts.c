#include "unit.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "compile/blocks.h"
#include "compile/compile.h"
#include "compile/compiler.h"
#include "compile/ports.h"
#include "kube/load.h"

static struct prefix prefix(const char *text)
{
        struct prefix result;

        assert_true(prefix_parse(text, &result, NULL));
        return result;
}

/* "10.0.0.0/8-10.1.0.0/16-10.2.0.0/16 192.168.0.0/16" is two blocks, the first with two excepts. */
static struct policy_rule rule_of(struct arena *arena, const char *text)
{
        struct policy_rule rule = {0};
        VEC(struct policy_peer) peers = {0};
        char *blocks = arena_strdup(arena, text), *next_block;

        for (char *block = strtok_r(blocks, " ", &next_block); block;
             block = strtok_r(NULL, " ", &next_block)) {
                struct policy_peer peer = {0};
                VEC(struct prefix) except = {0};
                char *next;
                peer.cidr = prefix(strtok_r(block, "-", &next));
                for (char *e; (e = strtok_r(NULL, "-", &next));)
                        vec_push(arena, &except, prefix(e));
                peer.except.items = except.items;
                peer.except.n = except.n;
                vec_push(arena, &peers, peer);
        }
        rule.peers.items = peers.items;
        rule.peers.n = peers.n;
        return rule;
}

static void blocks_become_one_set(void **state)
{
        static const struct {
                const char *blocks, *elements;
        } cases[] = {
            {"10.0.0.0/8", "10.0.0.0/8"},
            {"10.0.0.0/8-10.1.0.0/16", "10.0.0.0/8 !10.1.0.0/16"},
            /* a sibling allows what an except cuts */
            {"10.0.0.0/8-10.1.0.0/16 10.1.2.0/24", "10.0.0.0/8 !10.1.0.0/16 10.1.2.0/24"},
            {"10.0.0.0/8-10.1.0.0/16 10.1.0.0/16", "10.0.0.0/8"},
            {"10.0.0.0/8-10.1.0.0/16 10.0.0.0/8", "10.0.0.0/8"},
            {"10.0.0.0/8-10.1.0.0/16 10.0.0.0/8-10.2.0.0/16", "10.0.0.0/8"},
            {"10.0.0.0/8-10.1.0.0/16 10.0.0.0/8-10.1.2.0/24", "10.0.0.0/8 !10.1.2.0/24"},
            {"10.0.0.0/8-10.1.0.0/16-10.1.2.0/24", "10.0.0.0/8 !10.1.0.0/16"},
            /* overlapping */
            {"10.0.0.0/8 10.1.0.0/16", "10.0.0.0/8"},
            {"10.1.0.0/16 10.0.0.0/8", "10.0.0.0/8"},
            {"10.0.0.0/24 10.0.1.0/24", "10.0.0.0/24 10.0.1.0/24"},
            /* a hash:net cannot hold /0 */
            {"0.0.0.0/0", "0.0.0.0/1 128.0.0.0/1"},
            {"0.0.0.0/0-128.0.0.0/1", "0.0.0.0/1"},
            {"0.0.0.0/0-10.0.0.0/8", "0.0.0.0/1 !10.0.0.0/8 128.0.0.0/1"},
            {"::/0", ""}, /* of the other family */
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf out = {0};
                struct policy_rule rule = rule_of(arena, cases[i].blocks);
                struct block_elements elements = blocks_elements(arena, &rule, FAMILY_IPV4);
                vec_foreach (struct set_element, element, &elements.list) {
                        char text[PREFIX_TEXT_SIZE];
                        strbuf_printf(&out, "%s%s%s", out.length ? " " : "",
                                      element->nomatch ? "!" : "",
                                      prefix_format(&element->prefix, text));
                }
                assert_string_equal(strbuf_text(&out), cases[i].elements);
        }
}

static void everything_is_known_as_such(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct policy_rule all = rule_of(arena, "0.0.0.0/0 ::/0"),
                           most = rule_of(arena, "0.0.0.0/0-10.0.0.0/8");
        struct block_elements elements = blocks_elements(arena, &all, FAMILY_IPV6);

        assert_true(blocks_are_everything(&elements));
        elements = blocks_elements(arena, &most, FAMILY_IPV4);
        assert_false(blocks_are_everything(&elements));
}

/* What the set says by its longest prefix is what the blocks say one by one. */
static void random_blocks_keep_their_meaning(void **state)
{
        unsigned seed = 1;

        for (int round = 0; round < 500; round++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf text = {0};
                for (int block = rand_r(&seed) % 4; block >= 0; block--) {
                        int length = rand_r(&seed) % 6;
                        struct ip ip = {.bytes = {(uint8_t)rand_r(&seed)}};
                        struct prefix outer = prefix_of(&ip, (uint8_t)length);
                        char one[PREFIX_TEXT_SIZE];
                        strbuf_printf(&text, " %s", prefix_format(&outer, one));
                        for (int except = rand_r(&seed) % 3; except > 0; except--) {
                                int longer = length + 1 + rand_r(&seed) % (8 - length);
                                struct ip inner = outer.ip;
                                inner.bytes[0] |= (uint8_t)(rand_r(&seed) % 256 >> length);
                                struct prefix cut = prefix_of(&inner, (uint8_t)longer);
                                strbuf_printf(&text, "-%s", prefix_format(&cut, one));
                        }
                }
                struct policy_rule rule = rule_of(arena, text.text);
                struct block_elements elements = blocks_elements(arena, &rule, FAMILY_IPV4);
                for (int first = 0; first < 256; first++) {
                        struct ip ip = {.bytes = {(uint8_t)first}};
                        bool wanted = false, said = false;
                        int longest = -1;
                        for (size_t i = 0; i < rule.peers.n; i++) {
                                bool in = prefix_contains(&rule.peers.items[i].cidr, &ip);
                                for (size_t j = 0; j < rule.peers.items[i].except.n; j++)
                                        in = in && !prefix_contains(
                                                       &rule.peers.items[i].except.items[j], &ip);
                                wanted = wanted || in;
                        }
                        vec_foreach (struct set_element, element, &elements.list)
                                if (prefix_contains(&element->prefix, &ip) &&
                                    element->prefix.length > longest) {
                                        longest = element->prefix.length;
                                        said = !element->nomatch;
                                }
                        if (said != wanted)
                                fail_msg("%d.0.0.0 of%s: set says %d, blocks say %d", first,
                                         text.text, said, wanted);
                }
        }
}

/* "TCP:80 UDP:53-60 TCP:http TCP:*" */
static struct policy_rule ports_of(struct arena *arena, const char *text)
{
        struct policy_rule rule = {0};
        VEC(struct policy_port) ports = {0};
        char *copy = arena_strdup(arena, text), *next;

        for (char *one = strtok_r(copy, " ", &next); one; one = strtok_r(NULL, " ", &next)) {
                struct policy_port port = {.range = PORT_RANGE_ALL};
                char *value = strchr(one, ':');
                *value++ = '\0';
                assert_true(protocol_parse(one, &port.protocol));
                if (*value >= '0' && *value <= '9') {
                        char *end;
                        port.range.first = port.range.last = (uint16_t)strtoul(value, &end, 10);
                        if (*end)
                                port.range.last = (uint16_t)strtoul(end + 1, NULL, 10);
                } else if (*value != '*') {
                        port.name = value;
                }
                vec_push(arena, &ports, port);
        }
        rule.ports.items = ports.items;
        rule.ports.n = ports.n;
        return rule;
}

static void ports_become_few_matches(void **state)
{
        static const struct {
                const char *ports, *matches;
        } cases[] = {
            {"", "any"},
            {"TCP:80", "6:80-80"},
            {"UDP:53 TCP:443 TCP:80", "6:80-80,443-443 17:53-53"},
            {"TCP:80 TCP:81 TCP:82-90 TCP:85", "6:80-90"},
            {"TCP:1-65535", "6:1-65535"},
            {"TCP:*", "6:*"},
            {"TCP:80 TCP:*", "6:*"},
            {"SCTP:7", "132:7-7"},
            {"TCP:http", "6:8080-8080"},
            {"UDP:http", ""}, /* the pod's http is TCP */
            {"TCP:1 TCP:3 TCP:5 TCP:7 TCP:9 TCP:11 TCP:13 TCP:15 TCP:17 TCP:19 TCP:21 TCP:23 "
             "TCP:25 TCP:27 TCP:29 TCP:31",
             "6:1-1,3-3,5-5,7-7,9-9,11-11,13-13,15-15,17-17,19-19,21-21,23-23,25-25,27-27,29-29 "
             "6:31-31"},
            /* a range takes two of the fifteen */
            {"TCP:1-2 TCP:4-5 TCP:7-8 TCP:10-11 TCP:13-14 TCP:16-17 TCP:19-20 TCP:22-23",
             "6:1-2,4-5,7-8,10-11,13-14,16-17,19-20 6:22-23"},
        };
        struct container_port http = {"http", PROTOCOL_TCP, 8080};
        struct pod subject = {.ports = {&http, 1}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf out = {0};
                struct intern *intern = intern_new(arena);
                struct policy_rule rule = ports_of(arena, cases[i].ports);
                http.name = intern_text(intern, "http");
                for (size_t j = 0; j < rule.ports.n; j++)
                        if (rule.ports.items[j].name)
                                rule.ports.items[j].name =
                                    intern_text(intern, rule.ports.items[j].name);
                struct port_matches matches = ports_compile(arena, &rule, &subject);
                vec_foreach (struct port_match, match, &matches.list) {
                        strbuf_add(&out, out.length ? " " : "");
                        if (match->n == 0)
                                strbuf_add(&out, "any");
                        else
                                strbuf_printf(&out, "%u:%s", match->items[0].number,
                                              match->n == 1 ? "*" : "");
                        for (size_t j = 0; match->n == 2 && j < match->items[1].ports.n; j++)
                                strbuf_printf(&out, "%s%u-%u", j ? "," : "",
                                              match->items[1].ports.items[j].first,
                                              match->items[1].ports.items[j].last);
                }
                assert_string_equal(strbuf_text(&out), cases[i].matches);
        }
}

/* 400 pods, and a policy whose 400 peers are all of them, each said in other words, or whose one
 * rule says a port's name 400 times. */
static void one_element_however_often_it_is_named(void **state)
{
        for (unsigned named = 0; named < 2; named++) {
                _cleanup_strbuf_ struct strbuf text = {0};
                _cleanup_cluster_ struct cluster *cluster = cluster_new();
                _cleanup_arena_ struct arena *arena = arena_new();
                struct problems problems = problems_in(arena);
                struct compile_options options = {.node = "n1"};
                struct load_stats stats = {0};
                struct err err;

                for (unsigned i = 0; i < 400; i++)
                        strbuf_printf(
                            &text,
                            "---\n{apiVersion: v1, kind: Pod, metadata: {name: p%u}, "
                            "spec: {nodeName: n1, containers: [{name: m, image: i, ports: "
                            "[{name: http, containerPort: 80}]}]}, "
                            "status: {podIPs: [{ip: 10.0.%u.%u}]}}\n",
                            i, i / 200, i % 200 + 1);
                strbuf_add(&text, "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, "
                                  "metadata: {name: p}, spec: {podSelector: {}, policyTypes: "
                                  "[Egress], egress: [{");
                strbuf_add(&text, named ? "ports: [" : "to: [");
                for (unsigned i = 0; i < 400; i++) {
                        if (named)
                                strbuf_add(&text, "{port: http},");
                        else
                                strbuf_printf(&text,
                                              "{podSelector: {matchExpressions: "
                                              "[{key: k%u, operator: DoesNotExist}]}},",
                                              i);
                }
                strbuf_add(&text, "]}]}}\n");
                load_text(cluster, text.text, text.length, "text", "default", &problems, &stats);
                assert_int_equal(problems.list.n, 0);
                cluster_seal(cluster);
                size_t before = arena_size(arena);
                const struct ruleset *ruleset = compile(arena, cluster, &options, &err);
                assert_non_null(ruleset);
                assert_true(arena_size(arena) - before < 4000000);
        }
}

/* Digests that meet can't be had; prefixes so long that nothing of them is left in the name can. */
static void two_things_of_one_name_are_told(void **state)
{
        static const char prefix[] = "penstock-and-all-that-fits-in-it";
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf one = {0}, other = {0};
        struct known *known = known_new();

        key_add(&one, "one");
        key_add(&other, "other");
        known_begin(known);
        assert_false(known_name_of(known, arena, prefix, &one)->shared);
        known_end(known);
        known_begin(known);
        assert_false(known_name_of(known, arena, prefix, &other)->shared);
        known_end(known);
        known_begin(known);
        assert_false(known_name_of(known, arena, prefix, &one)->shared);
        assert_true(known_name_of(known, arena, prefix, &other)->shared);
        known_end(known);
        known_free(known);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(one_element_however_often_it_is_named),
            cmocka_unit_test(blocks_become_one_set),
            cmocka_unit_test(everything_is_known_as_such),
            cmocka_unit_test(random_blocks_keep_their_meaning),
            cmocka_unit_test(ports_become_few_matches),
            cmocka_unit_test(two_things_of_one_name_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
