#include "unit.h"

#include "base/strbuf.h"
#include "kube/mirror.h"
#include "kube/read/document.h"
#include "kube/read/yaml.h"

/* What a mirror does with what it is told, object by object. */

struct told {
        struct mirror *mirror;
        enum kind kind;
        void (*tell)(struct mirror *mirror, enum kind kind, const struct value *object);
};

static void tell_document(void *context, const struct value *document)
{
        struct told *told = context;

        assert_non_null(document);
        told->tell(told->mirror, told->kind, document);
}

static void tell(struct told told, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct told told, const char *format, ...)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        const struct document_visitor visitor = {&told, NULL, tell_document};
        struct input input;
        va_list args;

        va_start(args, format);
        const char *text = arena_vprintf(arena, format, args);
        va_end(args);
        input_from_text(&input, text, strlen(text), "-");
        yaml_read(&(struct document_reader){&input, &problems, &visitor});
        input_done(&input);
}

#define object(mirror, kind, ...) tell((struct told){(mirror), (kind), mirror_object}, __VA_ARGS__)
#define deleted(mirror, kind, ...)                                                                 \
        tell((struct told){(mirror), (kind), mirror_deleted}, __VA_ARGS__)

static void pod(struct mirror *mirror, const char *name, const char *ip)
{
        object(mirror, KIND_POD, "metadata: {name: %s, namespace: ns}\nstatus: {podIP: %s}\n", name,
               ip);
}

static void mirror_freep(struct mirror **mirror)
{
        mirror_free(*mirror);
}
#define _cleanup_mirror_ __attribute__((cleanup(mirror_freep)))

static bool has_pod(const struct mirror *mirror, const char *name)
{
        return cluster_pod(mirror_cluster(mirror), "ns", name);
}

/* "+pod ns/a ~pod ns/b -namespace ns" */
static void assert_changes(struct mirror *mirror, const char *expected)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        vec_foreach (const struct cluster_change, change, mirror_changes(mirror)) {
                const struct meta *meta =
                    change->after ? &change->after->meta : &change->before->meta;
                char sign = !change->before ? '+' : change->after ? '~' : '-';

                strbuf_printf(&text, "%s%c%s %s", text.length ? ", " : "", sign,
                              api_kinds[change->kind].kind, meta->name);
        }
        assert_string_equal(strbuf_text(&text), expected);
        mirror_settle(mirror);
        assert_int_equal(mirror_changes(mirror)->n, 0);
}

static void it_is_whole_when_all_is_listed(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++) {
                assert_false(mirror_is_whole(mirror));
                mirror_begin(mirror, kind);
                mirror_abort(mirror, kind);
                mirror_end(mirror, kind);
                assert_false(mirror_is_whole(mirror));
                mirror_begin(mirror, kind);
                mirror_end(mirror, kind);
        }
        assert_true(mirror_is_whole(mirror));
        mirror_begin(mirror, KIND_POD);
        assert_true(mirror_is_whole(mirror));
}

static void a_list_changes_all_at_its_end(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        pod(mirror, "old", "10.0.0.1");
        pod(mirror, "kept", "10.0.0.2");
        assert_changes(mirror, "+Pod old, +Namespace ns, +Pod kept");
        mirror_begin(mirror, KIND_POD);
        pod(mirror, "new", "10.0.0.1");
        pod(mirror, "kept", "10.0.0.2");
        assert_true(has_pod(mirror, "old"));
        assert_false(has_pod(mirror, "new"));
        assert_changes(mirror, "");
        mirror_end(mirror, KIND_POD);
        assert_false(has_pod(mirror, "old"));
        assert_changes(mirror, "-Pod old, +Pod new");
        pod(mirror, "kept", "10.0.0.3");
        assert_changes(mirror, "~Pod kept");
}

static void a_list_that_is_given_up_changes_nothing(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        pod(mirror, "old", "10.0.0.1");
        mirror_settle(mirror);
        mirror_begin(mirror, KIND_POD);
        pod(mirror, "lost", "10.0.0.2");
        mirror_abort(mirror, KIND_POD);
        assert_changes(mirror, "");
        mirror_begin(mirror, KIND_POD);
        pod(mirror, "lost", "10.0.0.2");
        mirror_begin(mirror, KIND_POD);
        pod(mirror, "new", "10.0.0.3");
        mirror_end(mirror, KIND_POD);
        assert_changes(mirror, "-Pod old, -Namespace ns, +Pod new, +Namespace ns");
}

static void what_happens_within_a_list_is_in_it(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        mirror_begin(mirror, KIND_POD);
        pod(mirror, "a", "10.0.0.1");
        pod(mirror, "b", "10.0.0.2");
        pod(mirror, "a", "10.0.0.3");
        deleted(mirror, KIND_POD, "metadata: {name: b, namespace: ns}");
        mirror_end(mirror, KIND_POD);
        assert_changes(mirror, "+Pod a, +Namespace ns");
        assert_int_equal(cluster_pod(mirror_cluster(mirror), "ns", "a")->ips.items[0].bytes[3], 3);
}

static void other_kinds_go_on_while_one_is_listed(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        mirror_begin(mirror, KIND_POD);
        pod(mirror, "a", "10.0.0.1");
        object(mirror, KIND_NODE, "metadata: {name: node}");
        assert_changes(mirror, "+Node node");
        deleted(mirror, KIND_NODE, "metadata: {name: node}");
        assert_changes(mirror, "-Node node");
        mirror_end(mirror, KIND_POD);
        assert_changes(mirror, "+Pod a, +Namespace ns");
}

/* "Pod ns/a: why" of each. */
static void assert_refused(struct mirror *mirror, bool freshly, const char *expected)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        const struct refused *refused;
        size_t n =
            freshly ? mirror_refused_freshly(mirror, &refused) : mirror_refused(mirror, &refused);

        for (size_t i = 0; i < n; i++)
                strbuf_printf(&text, "%s%s %s/%s", i ? ", " : "", api_kinds[refused[i].kind].kind,
                              refused[i].namespace, refused[i].name);
        assert_string_equal(strbuf_text(&text), expected);
}

#define BAD "metadata: {name: bad, namespace: ns, uid: u1}\nspec: {policyTypes: [ingress]}\n"

static void what_is_refused_is_closed_and_told_once(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();
        const struct refused *refused;

        object(mirror, KIND_NETWORK_POLICY, BAD);
        object(mirror, KIND_POD, "metadata: {name: Pod, namespace: ns}");
        assert_refused(mirror, true, "NetworkPolicy ns/bad, Pod ns/Pod");
        assert_refused(mirror, false, "Pod ns/Pod, NetworkPolicy ns/bad");
        assert_int_equal(mirror_refused_freshly(mirror, &refused), 2);
        assert_string_equal(refused[0].uid, "u1");
        assert_string_equal(refused[0].why,
                            "NetworkPolicy ns/bad: .spec.policyTypes[0]: Unsupported value: "
                            "\"ingress\": supported values: \"Ingress\", \"Egress\"");
        assert_changes(mirror, "+NetworkPolicy bad, +Namespace ns");
        assert_true(mirror_cluster(mirror)->policies.items[0].rules[DIRECTION_EGRESS].isolates);

        object(mirror, KIND_NETWORK_POLICY, BAD);
        assert_refused(mirror, true, "");
        assert_refused(mirror, false, "Pod ns/Pod, NetworkPolicy ns/bad");
        object(mirror, KIND_NETWORK_POLICY, BAD "unknown: 1\n");
        assert_refused(mirror, true, "NetworkPolicy ns/bad");
        deleted(mirror, KIND_POD, "metadata: {name: Pod, namespace: ns}");
        assert_refused(mirror, false, "NetworkPolicy ns/bad");
        object(mirror, KIND_NETWORK_POLICY, "metadata: {name: bad, namespace: ns}");
        assert_refused(mirror, false, "");
}

static void a_list_says_what_is_refused(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();

        object(mirror, KIND_NETWORK_POLICY, "metadata: {name: gone, namespace: ns}\nx: 1");
        object(mirror, KIND_NETWORK_POLICY, "metadata: {name: mended, namespace: ns}\nx: 1");
        object(mirror, KIND_NETWORK_POLICY, BAD);
        object(mirror, KIND_POD, "metadata: {name: Pod, namespace: ns}");
        mirror_settle(mirror);
        mirror_begin(mirror, KIND_NETWORK_POLICY);
        object(mirror, KIND_NETWORK_POLICY, "metadata: {name: mended, namespace: ns}");
        object(mirror, KIND_NETWORK_POLICY, BAD);
        object(mirror, KIND_NETWORK_POLICY, "metadata: {name: new, namespace: ns}\nx: 1");
        assert_refused(mirror, true, "");
        mirror_end(mirror, KIND_NETWORK_POLICY);
        assert_refused(mirror, true, "NetworkPolicy ns/new");
        assert_refused(mirror, false, "Pod ns/Pod, NetworkPolicy ns/bad, NetworkPolicy ns/new");
}

static void reasons_have_an_end(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        const struct refused *refused;

        strbuf_add(&text, "metadata: {name: a, namespace: ns}\n");
        for (int i = 0; i < 2000; i++)
                strbuf_printf(&text, "unknown%d: 1\n", i);
        object(mirror, KIND_NETWORK_POLICY, "%s", text.text);
        assert_int_equal(mirror_refused(mirror, &refused), 1);
        assert_non_null(strstr(refused->why, "unknown9\""));
        assert_null(strstr(refused->why, "unknown10\""));
        assert_non_null(strstr(refused->why, "\nand 1990 more"));
}

/* Semantics 25, and back. */
static void the_older_pod_gets_its_address_back(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();
        static const char text[] =
            "metadata: {name: %s, namespace: ns, creationTimestamp: \"2026-01-0%dT00:00:00Z\"}\n"
            "status: {podIP: 10.0.0.1}\n";
        const char *const *notes;

        object(mirror, KIND_POD, text, "old", 1);
        assert_changes(mirror, "+Pod old, +Namespace ns");
        object(mirror, KIND_POD, text, "new", 2);
        assert_int_equal(mirror_notes(mirror, &notes), 1);
        assert_string_equal(notes[0],
                            "address 10.0.0.1 of Pod ns/old is Pod ns/new's, which is newer");
        assert_changes(mirror, "+Pod new, ~Pod old");
        assert_int_equal(mirror_notes(mirror, &notes), 0);
        object(mirror, KIND_POD, text, "old", 1);
        assert_changes(mirror, "");
        deleted(mirror, KIND_POD, "metadata: {name: new, namespace: ns}");
        assert_changes(mirror, "-Pod new, ~Pod old");
        assert_int_equal(mirror_notes(mirror, &notes), 0);
        assert_int_equal(cluster_pod(mirror_cluster(mirror), "ns", "old")->ips.n, 1);
}

/* Nothing is left of what came and went, nor of a list that brings nothing new. */
static void memory_does_not_grow(void **state)
{
        _cleanup_mirror_ struct mirror *mirror = mirror_new();
        unsigned moves = 0;

        object(mirror, KIND_NETWORK_POLICY, BAD);
        for (int i = 0; i < 20000; i++) {
                object(mirror, KIND_POD,
                       "metadata: {name: pod-%d, namespace: ns, uid: %0200d}\nstatus: {podIP: "
                       "10.0.0.1}\n",
                       i, i);
                deleted(mirror, KIND_POD, "metadata: {name: pod-%d, namespace: ns}", i);
                moves += mirror_settle(mirror);
                assert_in_range(cluster_size(mirror_cluster(mirror)), 1, 3 << 20);
        }
        assert_in_range(moves, 5, 100);
        assert_refused(mirror, false, "NetworkPolicy ns/bad");
        mirror_settle(mirror);
        size_t size = cluster_size(mirror_cluster(mirror));
        for (int i = 0; i < 1000; i++) {
                mirror_begin(mirror, KIND_NETWORK_POLICY);
                object(mirror, KIND_NETWORK_POLICY, BAD);
                mirror_end(mirror, KIND_NETWORK_POLICY);
        }
        assert_int_equal(cluster_size(mirror_cluster(mirror)), size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_is_whole_when_all_is_listed),
            cmocka_unit_test(a_list_changes_all_at_its_end),
            cmocka_unit_test(a_list_that_is_given_up_changes_nothing),
            cmocka_unit_test(what_happens_within_a_list_is_in_it),
            cmocka_unit_test(other_kinds_go_on_while_one_is_listed),
            cmocka_unit_test(what_is_refused_is_closed_and_told_once),
            cmocka_unit_test(a_list_says_what_is_refused),
            cmocka_unit_test(reasons_have_an_end),
            cmocka_unit_test(the_older_pod_gets_its_address_back),
            cmocka_unit_test(memory_does_not_grow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
