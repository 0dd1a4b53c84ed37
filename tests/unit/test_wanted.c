#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/client/wanted_members.h"
#include "kube/decode/decode.h"
#include "kube/read/json.h"

/* What the client reads of an object is what the decoders look at, no less and no more. A decoder
 * looks at a field if it has something against another type there: so each field of an object that
 * has them all is spoilt in turn. */

#define METADATA(namespace)                                                                        \
        "\"metadata\":{\"name\":\"a\",\"generateName\":\"a-\"," namespace "\"uid\":\"u\","         \
                                                                          "\"resourceVersion\":"   \
                                                                          "\"5\",\"generation\":"  \
                                                                          "3,\"selfLink\":\"/x\"," \
                                                                          "\"creationTimestamp\":" \
                                                                          "\"2026-01-02T03:04:"    \
                                                                          "05Z\","                 \
                                                                          "\"deletionTimestamp\":" \
                                                                          "\"2026-01-02T03:04:"    \
                                                                          "05Z\","                 \
                                                                          "\"deletionGracePeriodS" \
                                                                          "econds\":30,"           \
                                                                          "\"labels\":{\"app\":"   \
                                                                          "\"x\"},"                \
                                                                          "\"annotations\":{"      \
                                                                          "\"a\":\"b\",\"k8s.io/"  \
                                                                          "initial-events-end\":"  \
                                                                          "\"true\"},"             \
                                                                          "\"finalizers\":["       \
                                                                          "\"x\"],"                \
                                                                          "\"ownerReferences\":[{" \
                                                                          "\"kind\":\"X\"}],"      \
                                                                          "\"managedFields\":[{"   \
                                                                          "\"manager\":\"x\","     \
                                                                          "\"fieldsV1\":{\"f:x\":" \
                                                                          "{}}}]}"

static const char *const objects[OBJECT_KINDS] = {
    [KIND_NAMESPACE] = "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"," METADATA(
        "") ",\"spec\":{"
            "\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}}",
    [KIND_NODE] = "{\"apiVersion\":\"v1\",\"kind\":\"Node\"," METADATA(
        "") ",\"spec\":{\"podCIDR\":"
            "\"10.0.0.0/24\",\"podCIDRs\":[\"10.0.0.0/"
            "24\"],\"providerID\":\"x\",\"taints\":[{\"key\":"
            "\"x\"}],\"unschedulable\":true},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
            "\"address\":\"10.1.0.1\"}],\"capacity\":{\"cpu\":\"1\"},\"conditions\":[{\"type\":"
            "\"Ready\"}],\"images\":[{\"names\":[\"x\"]}],\"nodeInfo\":{\"machineID\":\"x\"}}}",
    [KIND_POD] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," METADATA(
        "\"namespace\":\"d\",") ",\"spec\":{"
                                "\"nodeName\":\"n\",\"hostNetwork\":false,\"restartPolicy\":"
                                "\"Always\",\"volumes\":[{"
                                "\"name\":\"v\"}],\"containers\":[{\"name\":\"c\",\"image\":\"i\","
                                "\"args\":[\"x\"],\"env\":"
                                "[{\"name\":\"A\",\"value\":\"b\"}],\"ports\":[{\"name\":\"p\","
                                "\"containerPort\":80,"
                                "\"protocol\":\"TCP\",\"hostPort\":80,\"hostIP\":\"x\"}],"
                                "\"restartPolicy\":\"Always\"}],"
                                "\"initContainers\":[{\"name\":\"i\",\"ports\":[{\"name\":\"q\","
                                "\"containerPort\":81,"
                                "\"protocol\":\"UDP\"}],\"restartPolicy\":\"Always\"}]},\"status\":"
                                "{\"phase\":\"Running\","
                                "\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],"
                                "\"hostIP\":\"10.1.0.1\","
                                "\"containerStatuses\":[{\"name\":\"c\"}],\"conditions\":[{"
                                "\"type\":\"Ready\"}]}}",
    [KIND_NETWORK_POLICY] =
        "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\"," METADATA(
            "\"namespace\":\"d\",") ",\"spec\":{\"podSelector\":{\"matchLabels\":{\"a\":\"b\"}},"
                                    "\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":"
                                    "\"10.0.0.0/8\",\"except\":[\"10.1.0.0/16\"]}}],"
                                    "\"ports\":[{\"port\":80,\"endPort\":90,"
                                    "\"protocol\":\"TCP\"}]}],\"policyTypes\":["
                                    "\"Ingress\"]},\"new\":{\"field\":3}}",
};

struct place_in {
        const char *path;
        struct value *value;
};
typedef VEC(struct place_in) place_list;

static void gather(struct arena *arena, struct value *value, const char *path, place_list *ret)
{
        const struct place_in place = {path, value};
        unsigned i = 0;

        vec_push(arena, ret, place);
        for (struct value *child = value->first; child; child = child->next, i++)
                gather(arena, child,
                       value->kind == VALUE_MAP ? arena_printf(arena, "%s.%s", path, child->key)
                                                : arena_printf(arena, "%s[%u]", path, i),
                       ret);
}

static place_list read_object(struct arena *arena, enum kind kind, const struct wanted *wanted)
{
        struct json_objects reader = json_objects_new();
        size_t length = strlen(objects[kind]);
        char *bytes = arena_alloc(arena, length + INPUT_PAD);
        place_list places = {0};
        struct err err = {""};

        memcpy(bytes, objects[kind], length);
        const struct value *value = json_read_whole(&reader, bytes, length, wanted, &err);
        if (!value)
                fail_msg("%s: %s", api_kinds[kind].kind, err.text);
        gather(arena, value_copy(arena, value), "", &places);
        json_objects_done(&reader);
        return places;
}

static size_t problems_of(const struct value *object)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        const struct decode_context context = {
            .arena = arena,
            .intern = intern_new(arena),
            .problems = &problems,
            .file = "test",
            .default_namespace = "default",
        };
        struct object ret;

        decode_object(&context, object, &ret);
        return problems.list.n;
}

/* Does a decoder look there? */
static bool is_looked_at(const struct value *object, struct value *value)
{
        struct value before = *value;

        value->kind = value->kind == VALUE_NUMBER ? VALUE_STRING : VALUE_NUMBER;
        value->text = value->kind == VALUE_NUMBER ? "7" : "x";
        value->first = NULL;
        bool looked_at = problems_of(object) > 0;
        *value = before;
        return looked_at;
}

static bool is_in(const place_list *places, const char *path)
{
        vec_foreach (const struct place_in, place, places)
                if (strcmp(place->path, path) == 0)
                        return true;
        return false;
}

static bool begins_with(const char *text, const char *beginning)
{
        return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Of what the client itself wants to know. */
static bool is_clients_own(const char *path)
{
        return *path == '\0' || begins_with(path, ".metadata.resourceVersion") ||
               begins_with(path, ".metadata.annotations");
}

static void nothing_that_decoders_look_at_is_passed_over(void **state)
{
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const place_list all = read_object(arena, kind, NULL);
                const place_list kept = read_object(arena, kind, wanted_of_item(kind));
                bool policy = kind == KIND_NETWORK_POLICY;

                assert_int_equal(problems_of(kept.items[0].value), policy ? 1 : 0); /* .new */
                vec_foreach (const struct place_in, place, &all) {
                        bool looked_at = !policy && is_looked_at(all.items[0].value, place->value);

                        if (is_in(&kept, place->path))
                                continue;
                        if (policy && (begins_with(place->path, ".metadata.managedFields") ||
                                       begins_with(place->path, ".metadata.annotations")))
                                continue;
                        if (policy || looked_at)
                                fail_msg("%s: %s is passed over", api_kinds[kind].kind,
                                         place->path);
                }
        }
}

static void nothing_else_is_read(void **state)
{
        for (enum kind kind = 0; kind < KIND_NETWORK_POLICY; kind++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const place_list kept = read_object(arena, kind, wanted_of_item(kind));

                vec_foreach (const struct place_in, place, &kept)
                        if (!is_looked_at(kept.items[0].value, place->value) &&
                            !is_clients_own(place->path))
                                fail_msg("%s: %s is read, and nobody looks at it",
                                         api_kinds[kind].kind, place->path);
        }
}

/* Of what is passed over nothing can be wrong that would stop what is read. */
static void what_is_passed_over_is_anyones_text(void **state)
{
        static const struct {
                const char *text;
                bool good;
        } rows[] = {
            {"{\"x\":{\"a\":\"\\u0000\"},\"kind\":\"k\"}", true},
            {"{\"x\":\"\\u0000\\\"\",\"kind\":\"k\"}", true},
            {"{\"x\":[{\"a\":1,\"a\":2}],\"kind\":\"k\"}", true},
            {"{\"x\":\"\xff\",\"kind\":\"k\"}", true},
            {"{\"x\":-1.5e3,\"y\":null,\"z\":true,\"kind\":\"k\"}", true},
            {"{\"x\":,\"kind\":\"k\"}", false},
            {"{\"x\":{\"kind\":\"k\"}", false},
            {"{\"x\":\"kind\":\"k\"}", false},
            {"{\"kind\":\"\\u0000\"}", false},
            {"{\"kind\":\"k\",\"kind\":\"k\"}", false},
            {"{\"kind\":\"k\"}}", false},
        };
        struct json_objects reader = json_objects_new();
        struct err err;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t length = strlen(rows[i].text);
                char *bytes = calloc(1, length + INPUT_PAD);

                memcpy(bytes, rows[i].text, length);
                const struct value *value =
                    json_read_whole(&reader, bytes, length, wanted_of_item(KIND_POD), &err);
                if (!value != !rows[i].good)
                        fail_msg("%s", rows[i].text);
                if (value)
                        assert_string_equal(value_member_text(value, "kind"), "k");
                free(bytes);
        }
        json_objects_done(&reader);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_that_decoders_look_at_is_passed_over),
            cmocka_unit_test(nothing_else_is_read),
            cmocka_unit_test(what_is_passed_over_is_anyones_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
