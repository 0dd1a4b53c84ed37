#include "unit.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/decode/decode.h"
#include "kube/read/document.h"
#include "kube/read/yaml.h"

/* What becomes of objects that an API server has stored although they are not valid. */

struct stored {
        struct decode_context context;
        struct problems problems;
        enum kind kind;
        bool is_named;
        struct object object;
        struct arena *arena;
};

static void visit(void *context, const struct value *document)
{
        struct stored *stored = context;

        assert_non_null(document);
        stored->is_named = decode_stored(&stored->context, stored->kind, document, &stored->object);
}

static struct stored *decode(enum kind kind, const char *text)
{
        struct arena *arena = arena_new();
        struct stored *stored = arena_new_object(arena, struct stored);
        const struct document_visitor visitor = {stored, NULL, visit};
        const struct document_reader reader = {&(struct input){0}, &stored->problems, &visitor};

        *stored = (struct stored){.arena = arena, .kind = kind, .problems = problems_in(arena)};
        stored->context =
            (struct decode_context){arena, intern_new(arena), &stored->problems, "api", ""};
        input_from_text(reader.input, text, strlen(text), "api");
        yaml_read(&reader);
        input_done(reader.input);
        return stored;
}

static void stored_freep(struct stored **stored)
{
        arena_free((*stored)->arena);
}
#define _cleanup_stored_ __attribute__((cleanup(stored_freep)))

static struct stored *decode_policy(const char *rest)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_printf(&text, "metadata: {name: p, namespace: ns}\n%s\n", rest);
        return decode(KIND_NETWORK_POLICY, strbuf_text(&text));
}

/* "ingress egress of app": its directions, each with its number of rules where there are any, and
 * which pods it selects. */
static void describe_policy(const struct network_policy *policy, struct strbuf *out)
{
        for (int i = 0; i < DIRECTIONS; i++) {
                if (policy->rules[i].isolates)
                        strbuf_printf(out, "%s ", direction_name((enum direction)i));
                if (policy->rules[i].n)
                        strbuf_printf(out, "(%zu) ", policy->rules[i].n);
        }
        strbuf_printf(out, "of %s",
                      policy->pod_selector.n ? policy->pod_selector.items[0].key : "all");
}

struct policy_row {
        const char *text, *expected;
        size_t problems;
};

static void check_policies(const struct policy_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_stored_ struct stored *stored = decode_policy(rows[i].text);
                _cleanup_strbuf_ struct strbuf out = {0};

                assert_true(stored->is_named);
                assert_int_equal(stored->object.kind, KIND_NETWORK_POLICY);
                assert_string_equal(stored->object.meta.name, "p");
                describe_policy(&stored->object.policy, &out);
                strbuf_printf(&out, ": %s", rows[i].text);
                assert_string_equal(
                    strbuf_text(&out),
                    arena_printf(stored->arena, "%s: %s", rows[i].expected, rows[i].text));
                assert_int_equal(stored->problems.list.n, rows[i].problems);
        }
}

#define APP "podSelector: {matchLabels: {app: a}}"

static void valid_policies_are_as_they_are(void **state)
{
        static const struct policy_row rows[] = {
            {"spec: {" APP "}", "ingress of app", 0},
            {"spec: {" APP ", ingress: [{}]}", "ingress (1) of app", 0},
            {"spec: {egress: [{}, {}]}", "ingress egress (2) of all", 0},
            {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
             "spec: {policyTypes: [Egress], egress: [{}]}",
             "egress (1) of all", 0},
            {"", "ingress of all", 0},
        };

        check_policies(rows, ARRAY_SIZE(rows));
}

/* Whatever is wrong with it, a policy allows nothing where it closes. */
static void any_problem_closes(void **state)
{
        static const struct policy_row rows[] = {
            {"spec: {" APP ", ingress: [{}, {ports: [{port: 0}]}]}", "ingress of app", 1},
            {"spec: {" APP ", ingress: [{}, {unknown: 1}]}", "ingress of app", 1},
            {"spec: {" APP ", ingress: [{from: [{ipBlock: {cidr: x}}]}]}", "ingress of app", 1},
            {"spec: {" APP ", ingress: [{}], egress: []}\nunknown: 1", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress], ingress: [{}]}\nunknown: 1", "ingress of app",
             1},
            {"kind: Pod\nspec: {" APP ", ingress: [{}]}", "ingress of app", 1},
            {"apiVersion: networking.k8s.io/v2\nspec: {" APP ", ingress: [{}]}", "ingress of app",
             1},
        };

        check_policies(rows, ARRAY_SIZE(rows));
}

/* A problem with one direction's rules closes that one; the other's have to go as well, because
 * nobody knows what else the object was to say, but nothing more is closed than it said. */
static void directions_are_told_where_they_can_be(void **state)
{
        static const struct policy_row rows[] = {
            {"spec: {" APP ", policyTypes: [Egress], egress: [{}, {to: x}]}", "egress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress], egress: {}}", "ingress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress], ingress: [{}], egress: [{to: x}]}",
             "ingress of app", 1},
            /* Derived: there is something of egress, or there may be. */
            {"spec: {" APP ", ingress: [{x: 1}]}", "ingress of app", 1},
            {"spec: {" APP ", egress: [{to: x}]}", "ingress egress of app", 1},
            {"spec: {" APP ", egress: {}}", "ingress egress of app", 1},
            {"spec: {" APP ", egress: \"\"}", "ingress egress of app", 1},
            {"spec: {" APP ", Egress: [{}]}", "ingress egress of app", 1},
            {"spec: {" APP ", PolicyTypes: [Egress]}", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: [], egress: {}}", "ingress egress of app", 1},
        };

        check_policies(rows, ARRAY_SIZE(rows));
}

static void types_that_cannot_be_told_are_both(void **state)
{
        static const struct policy_row rows[] = {
            {"spec: {" APP ", policyTypes: [ingress]}", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress, egress]}", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress, 1]}", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: Ingress}", "ingress egress of app", 1},
            {"spec: {" APP ", policyTypes: [Ingress, Ingress, Ingress]}", "ingress egress of app",
             1},
            {"spec: []", "ingress egress of all", 1},
            {"Spec: {" APP "}", "ingress egress of all", 1},
        };

        check_policies(rows, ARRAY_SIZE(rows));
}

static void a_selector_that_is_wrong_selects_all(void **state)
{
        static const struct policy_row rows[] = {
            {"spec: {podSelector: []}", "ingress of all", 1},
            {"spec: {podSelector: {matchLabels: {app: a, b: \"-\"}}}", "ingress of all", 1},
            {"spec: {podSelector: {matchLabels: {app: a}, unknown: 1}}", "ingress of all", 1},
            {"spec: {podSelector: {matchExpressions: [{key: app, operator: In}]}}",
             "ingress of all", 1},
            {"spec: {podSelector: {matchLabels: {app: a}, matchExpressions: [{key: app, operator: "
             "Is}]}}",
             "ingress of all", 1},
        };

        check_policies(rows, ARRAY_SIZE(rows));
}

/* What no reader of text hands over: the same member twice. */
static void a_member_given_twice_tells_nothing(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct decode_context context = {arena, intern_new(arena), &problems, "api", ""};
        struct value app = {.kind = VALUE_STRING, .key = "app", .text = "a"};
        struct value labels = {.kind = VALUE_MAP, .key = "matchLabels", .first = &app};
        struct value again = {.kind = VALUE_MAP, .key = "podSelector", .first = &labels};
        struct value selector = {
            .kind = VALUE_MAP, .key = "podSelector", .first = &labels, .next = &again};
        struct value spec = {.kind = VALUE_MAP, .key = "spec", .first = &selector};
        struct value namespace = {.kind = VALUE_STRING, .key = "namespace", .text = "ns"};
        struct value name = {.kind = VALUE_STRING, .key = "name", .text = "p", .next = &namespace};
        struct value metadata = {
            .kind = VALUE_MAP, .key = "metadata", .first = &name, .next = &spec};
        struct value object = {.kind = VALUE_MAP, .first = &metadata};
        struct object ret;

        assert_true(decode_stored(&context, KIND_NETWORK_POLICY, &object, &ret));
        assert_int_equal(ret.policy.pod_selector.n, 0);
        assert_true(ret.policy.rules[DIRECTION_EGRESS].isolates);
}

static void names_must_be_valid(void **state)
{
        static const struct {
                enum kind kind;
                const char *text;
                bool named;
        } rows[] = {
            {KIND_POD, "metadata: {name: a, namespace: ns}", true},
            {KIND_POD, "metadata: {name: A, namespace: ns}", false},
            {KIND_POD, "metadata: {name: a, namespace: N}", false},
            {KIND_POD, "metadata: {name: a}", false},
            {KIND_POD, "metadata: {generateName: a, namespace: ns}", false},
            {KIND_POD, "metadata: {name: 1, namespace: ns}", false},
            {KIND_POD, "metadata: []", false},
            {KIND_POD, "[]", false},
            {KIND_NODE, "metadata: {name: a.b}", true},
            {KIND_NAMESPACE, "metadata: {name: a}", true},
            {KIND_NAMESPACE, "metadata: {name: a.b}", false},
            {KIND_NETWORK_POLICY, "metadata: {namespace: ns}", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_stored_ struct stored *stored = decode(rows[i].kind, rows[i].text);

                assert_int_equal(stored->is_named, rows[i].named);
                assert_int_equal(stored->problems.list.n == 0, rows[i].named);
        }
}

/* "10.0.0.1 80/http on n Running host" of what is there. */
static void describe_pod(const struct pod *pod, struct strbuf *out)
{
        char text[IP_TEXT_SIZE];

        for (size_t i = 0; i < pod->ips.n; i++)
                strbuf_printf(out, "%s ", ip_format(&pod->ips.items[i], text));
        for (size_t i = 0; i < pod->ports.n; i++)
                strbuf_printf(out, ":%u ", pod->ports.items[i].port);
        for (size_t i = 0; i < pod->meta.labels.n; i++)
                strbuf_printf(out, "%s=%s ", pod->meta.labels.items[i].key,
                              pod->meta.labels.items[i].value);
        strbuf_printf(out, "on %s%s%s", pod->node, pod->host_network ? " host" : "",
                      pod_finished(pod) ? " finished" : "");
}

#define POD_META "metadata: {name: a, namespace: ns}\n"

static void pods_are_made_of_what_is_right(void **state)
{
        static const struct {
                const char *text, *expected;
                size_t problems;
        } rows[] = {
            {POD_META "spec: {nodeName: n1, containers: [{ports: [{containerPort: 80}]}]}\n"
                      "status: {phase: Running, podIP: 10.0.0.1}",
             "10.0.0.1 :80 on n1", 0},
            {POD_META
             "spec: {containers: [{ports: [{containerPort: 80}]}, {ports: [{containerPort: "
             "0}]}]}",
             "on ", 1},
            {POD_META "spec: {containers: [{ports: [{containerPort: 80}]}], initContainers: x}",
             "on ", 1},
            {POD_META
             "spec: {containers: [{ports: [{containerPort: 1, name: a}, {containerPort: 2, "
             "name: a}]}]}",
             "on ", 1},
            {POD_META "spec: {nodeName: N}", "on ", 1},
            {POD_META "spec: {hostNetwork: 1}", "on ", 1},
            {POD_META "status: {podIPs: [{ip: 10.0.0.x}, {ip: \"fd00::1\"}]}", "fd00::1 on ", 1},
            {POD_META "status: {podIPs: [{ip: 169.254.0.1}, {ip: \"fd00::1\"}]}", "fd00::1 on ", 1},
            {POD_META "status: {podIP: 127.0.0.1}", "on ", 1},
            {POD_META "status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}", "10.0.0.1 on ", 1},
            {POD_META "status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.1}]}", "10.0.0.1 on ", 1},
            {POD_META "status: {podIP: 10.0.0.2, podIPs: [{ip: x}]}", "on ", 1},
            {POD_META "status: {phase: running, podIP: 10.0.0.1}", "10.0.0.1 on ", 1},
            {POD_META "status: {phase: Failed, podIPs: [{ip: x}]}", "on  finished", 1},
            {"metadata: {name: a, namespace: ns, labels: {a: b, c: \"-\", -d: e, f: g, h: 1}}",
             "a=b f=g on ", 3},
            {"metadata: {name: a, namespace: ns, creationTimestamp: now, labels: {a: b}}",
             "a=b on ", 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_stored_ struct stored *stored = decode(KIND_POD, rows[i].text);
                _cleanup_strbuf_ struct strbuf out = {0};

                assert_true(stored->is_named);
                describe_pod(&stored->object.pod, &out);
                strbuf_printf(&out, ": %s", rows[i].text);
                assert_string_equal(
                    strbuf_text(&out),
                    arena_printf(stored->arena, "%s: %s", rows[i].expected, rows[i].text));
                assert_int_equal(stored->problems.list.n, rows[i].problems);
        }
}

static void nodes_are_made_of_what_is_right(void **state)
{
        _cleanup_stored_ struct stored *stored =
            decode(KIND_NODE, "metadata: {name: n1}\n"
                              "spec: {podCIDRs: [10.0.0.0/8, x, 11.0.0.0/8, \"fd00::/8\"]}\n"
                              "status: {addresses: [{type: InternalIP, address: x}, {type: "
                              "InternalIP, address: 192.0.2.1}]}\n");
        const struct node *node = &stored->object.node;
        char text[PREFIX_TEXT_SIZE];

        assert_true(stored->is_named);
        assert_int_equal(stored->problems.list.n, 3);
        assert_int_equal(node->addresses.n, 1);
        assert_string_equal(ip_format(&node->addresses.items[0], text), "192.0.2.1");
        assert_int_equal(node->pod_cidrs.n, 2);
        assert_string_equal(prefix_format(&node->pod_cidrs.items[0], text), "10.0.0.0/8");
        assert_string_equal(prefix_format(&node->pod_cidrs.items[1], text), "fd00::/8");
}

static void a_problem_names_object_and_field(void **state)
{
        _cleanup_stored_ struct stored *stored = decode_policy("spec: {policyTypes: [ingress]}");

        assert_int_equal(stored->problems.list.n, 1);
        assert_string_equal(stored->problems.list.items[0].text,
                            "NetworkPolicy ns/p: .spec.policyTypes[0]: Unsupported value: "
                            "\"ingress\": supported values: \"Ingress\", \"Egress\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(valid_policies_are_as_they_are),
            cmocka_unit_test(any_problem_closes),
            cmocka_unit_test(directions_are_told_where_they_can_be),
            cmocka_unit_test(types_that_cannot_be_told_are_both),
            cmocka_unit_test(a_selector_that_is_wrong_selects_all),
            cmocka_unit_test(a_member_given_twice_tells_nothing),
            cmocka_unit_test(names_must_be_valid),
            cmocka_unit_test(pods_are_made_of_what_is_right),
            cmocka_unit_test(nodes_are_made_of_what_is_right),
            cmocka_unit_test(a_problem_names_object_and_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
