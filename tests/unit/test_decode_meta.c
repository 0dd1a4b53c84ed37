#include "decoding.h"

#include "kube/decode/decode.h"

/* What all objects share: their kind and their metadata. */

static void kinds(void **state)
{
        assert_refused("metadata: {name: a}\n", "1: object default/a: kind not set\n"
                                                "1: object default/a: apiVersion not set\n");
        assert_refused("kind: Pod\nmetadata: {name: a}\n",
                       "1: Pod default/a: apiVersion not set\n");
        assert_refused("apiVersion: v1\nkind: 1\nmetadata: {name: a}\n",
                       "2: object default/a: .kind: cannot unmarshal number 1 into a field of type "
                       "string " QUOTES "\n");
        assert_refused("apiVersion: 1\nkind: Pod\nmetadata: {name: a}\n",
                       "1: Pod default/a: .apiVersion: cannot unmarshal number 1 into a field of "
                       "type string " QUOTES "\n");
}

/* A policy that is passed over opens what it was to close. */
static void nearly_a_policy_is_refused(void **state)
{
        static const char *const nearly[][2] = {
            {"extensions/v1beta1", "NetworkPolicy"},
            {"networking.k8s.io/v1beta1", "NetworkPolicy"},
            {"networking.k8s.io/v2", "NetworkPolicy"},
            {"networking.k8s.io", "NetworkPolicy"},
            {"v1", "NetworkPolicy"},
            {"policy.k8s.io/v1", "NetworkPolicy"},
            {"networking.k8s.io/v1", "networkpolicy"},
            {"networking.k8s.io/v1", "NetworkPolcy"},
            {"networking.k8s.io/v1", "NetworkPolicies"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(nearly); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();

                assert_refused(
                    arena_printf(arena, "\napiVersion: %s\nkind: %s\nmetadata: {name: p}\n",
                                 nearly[i][0], nearly[i][1]),
                    arena_printf(arena,
                                 "2: %s default/p: no matches for kind \"%s\" in version "
                                 "\"%s\"; is NetworkPolicy of networking.k8s.io/v1 "
                                 "meant?\n",
                                 nearly[i][1], nearly[i][1], nearly[i][0]));
        }
        assert_refused(
            "apiVersion: v2\nkind: Pod\nmetadata: {name: a}\n",
            "1: Pod default/a: no matches for kind \"Pod\" in version \"v2\"; is Pod of v1 "
            "meant?\n");
}

static void kinds_of_others_are_passed_over(void **state)
{
        static const char manifests[] = "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy}\n"
                                        "---\n"
                                        "{apiVersion: longhorn.io/v1beta2, kind: Node}\n"
                                        "---\n"
                                        "{apiVersion: apps/v1, kind: Deployment}\n"
                                        "---\n"
                                        "{apiVersion: networking.k8s.io/v1, kind: Ingress}\n";
        _cleanup_arena_ struct arena *arena = arena_new();
        struct decoded decoded = decode(arena_printf(arena, "---\n%s", manifests));

        assert_accepted(&decoded);
        assert_int_equal(decoded.cluster->policies.n + decoded.cluster->nodes.n, 0);
        assert_int_equal(decoded.stats.skipped_kinds.n, 4);
        decoded_done(&decoded);
}

/* Items of a typed list may leave out what the list says. */
static void items_of_lists(void **state)
{
        struct decoded decoded = decode("apiVersion: v1\n"
                                        "kind: PodList\n"
                                        "items:\n"
                                        "- metadata: {name: a}\n"
                                        "- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n");

        assert_accepted(&decoded);
        assert_int_equal(decoded.cluster->pods.n, 2);
        assert_int_equal(decoded.cluster->pods.items[1].meta.place.line, 5);
        decoded_done(&decoded);
        assert_refused("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: A}\n",
                       "4: Pod default/A: .metadata.name: Invalid value: \"A\": " SUBDOMAIN "\n");
}

/* What a reader of text would not hand over, handed over. */
static void values_made_by_hand(void **state)
{
        struct cluster *cluster = cluster_new();
        struct problems problems = problems_in(cluster->arena);
        struct decode_context context = {cluster->arena, cluster->intern, &problems, "t.yaml",
                                         "default"};
        struct object ret = {.kind = KIND_NODE};
        struct value again = {.kind = VALUE_STRING, .text = "b", .key = "name", .line = 3};
        struct value name = {
            .kind = VALUE_STRING, .text = "a", .key = "name", .line = 2, .next = &again};
        struct value metadata = {.kind = VALUE_MAP, .key = "metadata", .line = 1, .first = &name};
        struct value version = {
            .kind = VALUE_STRING, .text = "v1", .key = "apiVersion", .line = 1, .next = &metadata};
        struct value kind = {
            .kind = VALUE_STRING, .text = "Pod", .key = "kind", .line = 1, .next = &version};
        struct value object = {.kind = VALUE_MAP, .line = 1, .first = &kind};

        assert_int_equal(decode_object(&context, &object, &ret), DECODE_INVALID);
        assert_int_equal(ret.kind, KIND_NODE);
        assert_int_equal(problems.list.n, 1);
        assert_int_equal(problems.list.items[0].place.line, 3);
        assert_string_equal(problems.list.items[0].text,
                            "Pod default/a: duplicate field \"metadata.name\"");
        name.next = NULL;
        assert_int_equal(decode_object(&context, &object, &ret), DECODE_DONE);
        assert_int_equal(ret.kind, KIND_POD);
        assert_string_equal(ret.meta.name, "a");
        kind.text = "Deployment";
        assert_int_equal(decode_object(&context, &object, &ret), DECODE_SKIPPED_KIND);
        assert_int_equal(decode_object(&context, &name, &ret), DECODE_INVALID);
        assert_string_equal(problems.list.items[1].text,
                            "object default/(unnamed): cannot unmarshal string into an object");
        cluster_free(cluster);
}

static void names(void **state)
{
        static const struct manifest_row pods[] = {
            {"",
             "1: Pod default/(unnamed): .metadata.name: Required value: name or generateName is "
             "required\n"},
            {"name: a",
             "1: Pod default/(unnamed): .metadata.name: Required value: name or generateName is "
             "required\n"},
            {"metadata: {name: \"\"}",
             "3: Pod default/(unnamed): .metadata.name: Required value: name or generateName is "
             "required\n"},
            {"metadata:\n  generateName: a-", "3: Pod default/(unnamed): .metadata.name: Required "
                                              "value: only the API server can make "
                                              "a name of generateName\n"},
            {"metadata:\n  name: a\n  generateName: A-",
             "5: Pod default/a: .metadata.generateName: Invalid value: \"A-\": " SUBDOMAIN "\n"},
            {"metadata: {name: a_b}",
             "3: Pod default/a_b: .metadata.name: Invalid value: \"a_b\": " SUBDOMAIN "\n"},
            {"metadata: {name: a..b}",
             "3: Pod default/a..b: .metadata.name: Invalid value: \"a..b\": " SUBDOMAIN "\n"},
            {"metadata:\n  name: a\n  namespace: a.b",
             "5: Pod a.b/a: .metadata.namespace: Invalid value: \"a.b\": must not contain dots\n"},
            {"metadata:\n  name: a\n  namespace: A",
             "5: Pod A/a: .metadata.namespace: Invalid value: \"A\": " DNS_LABEL "\n"},
            {"metadata: {name: 1}",
             "3: Pod default/(unnamed): .metadata.name: cannot unmarshal number 1 into a field of "
             "type string " QUOTES "\n"},
            {"metadata: []",
             "3: Pod default/(unnamed): .metadata: cannot unmarshal array into a field of type "
             "object\n"},
        };
        static const struct manifest_row namespaces[] = {
            {"metadata: {name: a.b}",
             "3: Namespace a.b: .metadata.name: Invalid value: \"a.b\": must not contain dots\n"},
        };

        assert_rows_refused("Pod", pods, ARRAY_SIZE(pods));
        assert_rows_refused("Namespace", namespaces, ARRAY_SIZE(namespaces));
}

static void lengths(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char *name = memset(arena_alloc(arena, 255), 'a', 254);
        struct decoded decoded;

        assert_refused(
            arena_printf(arena, "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\n", name),
            arena_printf(arena,
                         "3: Node \"%.80s\"… (254 bytes): .metadata.name: Invalid value: "
                         "\"%.80s\"… (254 bytes): must be no more than 253 characters\n",
                         name, name));
        assert_refused(
            arena_printf(arena,
                         "apiVersion: v1\nkind: Pod\n"
                         "metadata: {name: a, namespace: %.64s}\n",
                         name),
            arena_printf(arena,
                         "3: Pod %.64s/a: .metadata.namespace: Invalid value: \"%.64s\": "
                         "must be no more than 63 characters\n",
                         name, name));
        decoded = decode(arena_printf(arena,
                                      "apiVersion: v1\nkind: Pod\n"
                                      "metadata: {name: %.253s, namespace: %.63s}\n",
                                      name, name));
        assert_accepted(&decoded);
        decoded_done(&decoded);
}

/* Whatever stands in a manifest, messages are short and steer no terminal. */
static void hostile_texts(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        size_t length = 1000000;
        char *name = memset(arena_alloc(arena, length + 1), 'A', length);
        struct decoded decoded =
            decode(arena_printf(arena, "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n", name));

        assert_int_equal(decoded.problems.list.n, 2);
        for (size_t i = 0; i < decoded.problems.list.n; i++)
                assert_in_range(strlen(decoded.problems.list.items[i].text), 1, 1000);
        decoded_done(&decoded);
        assert_refused(
            "apiVersion: v1\nkind: Pod\n"
            "metadata: {name: \"a\\e[2J\\n\\\"\\u202e\"}\n",
            "3: Pod default/\"a\\x1b[2J\\n\\\"\\xe2\\x80\\xae\": .metadata.name: Invalid "
            "value: \"a\\x1b[2J\\n\\\"\\xe2\\x80\\xae\": " SUBDOMAIN "\n");
}

static void labels(void **state)
{
        static const struct manifest_row rows[] = {
            {"metadata:\n  name: a\n  labels:\n    ok: fine\n    /x: z\n    a/b/c: z\n    A/b: z",
             "7: Pod default/a: .metadata.labels: Invalid value: \"/x\": prefix part must be "
             "non-empty\n"
             "8: Pod default/a: .metadata.labels: Invalid value: \"a/b/c\": a valid label "
             "key " LABEL_NAME
             " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')\n"
             "9: Pod default/a: .metadata.labels: Invalid value: \"A/b\": prefix part " SUBDOMAIN
             "\n"},
            {"metadata:\n  name: a\n  labels: {a.b/c: 1.10, on: x}",
             "5: Pod default/a: .metadata.labels[\"a.b/c\"]: cannot unmarshal number 1.10 into a "
             "field of type string " QUOTES "\n"},
            {"metadata:\n  name: a\n  labels: [a]",
             "5: Pod default/a: .metadata.labels: cannot unmarshal array into a field of type "
             "object\n"},
        };

        assert_rows_refused("Pod", rows, ARRAY_SIZE(rows));
}

static void annotations_count_where_all_does(void **state)
{
        struct decoded decoded =
            decode("{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\", "
                   "\"annotations\": {\"a b\": 1}}}");

        assert_accepted(&decoded);
        decoded_done(&decoded);
        assert_refused(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            "metadata:\n  name: p\n  annotations:\n    a b: x\n    c: 1\n    D/E: ok\n"
            "  clusterName: x\n",
            "6: NetworkPolicy default/p: .metadata.annotations: Invalid value: \"a b\": "
            "name part " LABEL_NAME "\n"
            "7: NetworkPolicy default/p: .metadata.annotations.c: cannot unmarshal number "
            "1 into a field of type string " QUOTES "\n"
            "9: NetworkPolicy default/p: unknown field \"metadata.clusterName\"\n");
}

static void annotations_have_a_limit(void **state)
{
        for (int over = 0; over < 2; over++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                int length = 256 * 1024 - 1 + over; /* and the key's one */
                char *text = memset(arena_alloc(arena, (size_t)length + 1), 'a', (size_t)length);
                struct decoded decoded = decode(arena_printf(
                    arena,
                    "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\",\n"
                    "\"metadata\": {\"name\": \"p\", \"annotations\": {\"a\": \"%s\"}}}",
                    text));

                assert_string_equal(problem_lines(&decoded),
                                    over ? "2: NetworkPolicy default/p: .metadata.annotations: Too "
                                           "long: may not be more than 262144 bytes\n"
                                         : "");
                decoded_done(&decoded);
        }
}

#define BAD_TIME "must be a time of RFC 3339, as 2006-01-02T15:04:05Z"

static void times(void **state)
{
        static const struct manifest_row rows[] = {
            {"metadata: {name: a, creationTimestamp: yesterday}",
             "3: Pod default/a: .metadata.creationTimestamp: Invalid value: "
             "\"yesterday\": " BAD_TIME "\n"},
            {"metadata: {name: a, deletionTimestamp: 1714979289}",
             "3: Pod default/a: .metadata.deletionTimestamp: cannot unmarshal number 1714979289 "
             "into "
             "a field of type string " QUOTES "\n"},
        };
        struct decoded decoded = decode("apiVersion: v1\n"
                                        "kind: PodList\n"
                                        "items:\n"
                                        "- metadata: {name: a, creationTimestamp: null}\n"
                                        "- metadata: {name: b, creationTimestamp: "
                                        "2024-05-06T09:08:09.5+02:00, deletionTimestamp: "
                                        "2024-05-06T09:08:09Z}\n");
        const struct pod *pods = decoded.cluster->pods.items;

        assert_rows_refused("Pod", rows, ARRAY_SIZE(rows));
        assert_accepted(&decoded);
        assert_int_equal(pods[0].meta.created, 0);
        assert_false(pods[0].meta.terminating);
        assert_int_equal(pods[1].meta.created, 1714979289);
        assert_true(pods[1].meta.terminating);
        decoded_done(&decoded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(kinds),
            cmocka_unit_test(nearly_a_policy_is_refused),
            cmocka_unit_test(kinds_of_others_are_passed_over),
            cmocka_unit_test(items_of_lists),
            cmocka_unit_test(values_made_by_hand),
            cmocka_unit_test(names),
            cmocka_unit_test(lengths),
            cmocka_unit_test(hostile_texts),
            cmocka_unit_test(labels),
            cmocka_unit_test(annotations_count_where_all_does),
            cmocka_unit_test(annotations_have_a_limit),
            cmocka_unit_test(times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
