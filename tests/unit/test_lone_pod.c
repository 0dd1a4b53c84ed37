#include "unit.h"

#include <arpa/inet.h>

#include "agent/lone_pod.h"

/* Changes one after the other: is it one pod? */

struct step {
        enum kind kind;
        const char *name;
        const char *before, *after; /* its address; NULL: it was not there, "": it has none */
};

static struct object object(struct arena *arena, const struct step *step, const char *address)
{
        struct object object = {.kind = step->kind};

        object.meta.namespace = "default";
        object.meta.name = step->name;
        if (step->kind == KIND_POD && *address) {
                struct ip *ip = arena_new_object(arena, struct ip);
                assert_int_equal(inet_pton(AF_INET, address, ip->bytes), 1);
                object.pod.ips = (struct pod_ips){.items = ip, .n = 1};
        }
        return object;
}

static bool is_one_pod(const struct step *steps, size_t n)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct lone_pod lone = {0};

        for (size_t i = 0; i < n; i++) {
                struct object before = object(arena, &steps[i], steps[i].before ?: "");
                struct object after = object(arena, &steps[i], steps[i].after ?: "");
                const struct cluster_change change = {.kind = steps[i].kind,
                                                      .before = steps[i].before ? &before : NULL,
                                                      .after = steps[i].after ? &after : NULL};
                cluster_changes changes = {0};

                vec_push(arena, &changes, change);
                lone_pod_add(&lone, &changes);
        }
        return lone_pod_is_all(&lone);
}

#define is_one_pod_of(...)                                                                         \
        is_one_pod((const struct step[]){__VA_ARGS__},                                             \
                   sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void one_pod_comes_in_several_steps(void **state)
{
        assert_true(is_one_pod_of({KIND_POD, "web", NULL, ""}, {KIND_POD, "web", "", "10.0.0.1"},
                                  {KIND_POD, "web", "10.0.0.1", "10.0.0.1"}));
        assert_true(is_one_pod_of({KIND_POD, "web", "10.0.0.1", NULL}));
        assert_true(is_one_pod_of({KIND_POD, "web", "10.0.0.1", NULL},
                                  {KIND_POD, "web", NULL, "10.0.0.2"}));
}

static void pods_without_address_are_nobody(void **state)
{
        assert_true(is_one_pod_of({KIND_POD, "db", NULL, ""}, {KIND_POD, "web", "10.0.0.1", NULL},
                                  {KIND_POD, "db", "", NULL}));
        assert_false(is_one_pod_of({KIND_POD, "db", NULL, ""}));
}

static void two_pods_are_not_one(void **state)
{
        assert_false(
            is_one_pod_of({KIND_POD, "web", "10.0.0.1", NULL}, {KIND_POD, "db", NULL, "10.0.0.1"}));
        assert_false(
            is_one_pod_of({KIND_POD, "web", "10.0.0.1", NULL}, {KIND_POD, "db", "10.0.0.2", ""}));
}

static void nothing_else_may_have_changed(void **state)
{
        static const enum kind kinds[] = {KIND_NAMESPACE, KIND_NODE, KIND_NETWORK_POLICY};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                assert_false(is_one_pod_of({KIND_POD, "web", NULL, "10.0.0.1"},
                                           {kinds[i], "default", NULL, ""}));
        assert_false(is_one_pod_of({KIND_NODE, "node-1", "", ""}));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(one_pod_comes_in_several_steps),
            cmocka_unit_test(pods_without_address_are_nobody),
            cmocka_unit_test(two_pods_are_not_one),
            cmocka_unit_test(nothing_else_may_have_changed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
