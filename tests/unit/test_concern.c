#include "unit.h"

#include "compile/memo.h"
#include "kube/copy.h"

/* Which changes may make another ruleset, and which can't, for node "here". */

struct subject {
        struct cluster *cluster;
        struct compile_memo *memo;
};

/* Of namespace ns; address NULL: none yet. */
static struct object pod(const char *name, const char *node, const char *address)
{
        static struct ip ips[8];
        static unsigned n;
        struct object object = {.kind = KIND_POD};

        object.meta = (struct meta){.namespace = "ns", .name = name, .uid = ""};
        object.pod.node = node;
        object.pod.phase = POD_PENDING;
        if (address) {
                struct ip *ip = &ips[n++ % 8];
                assert_true(ip_parse(address, ip));
                object.pod.ips = (struct pod_ips){ip, 1};
        }
        return object;
}

static struct object policy(const char *namespace)
{
        struct object object = {.kind = KIND_NETWORK_POLICY};

        object.meta = (struct meta){.namespace = namespace, .name = "p", .uid = ""};
        object.policy.rules[DIRECTION_INGRESS].isolates = true;
        return object;
}

static bool concerns(struct subject *subject, const struct object *object)
{
        cluster_changes changes = {0};

        cluster_put(subject->cluster, object, &changes);
        assert_true(changes.n > 0);
        return compile_memo_change(subject->memo, subject->cluster, &changes);
}

static bool goes(struct subject *subject, const char *name)
{
        cluster_changes changes = {0};

        cluster_remove(subject->cluster, KIND_POD, "ns", name, &changes);
        assert_int_equal(changes.n, 1);
        return compile_memo_change(subject->memo, subject->cluster, &changes);
}

static void compile_it(struct subject *subject)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        const struct compile_options options = {.node = "here"};
        struct err err;

        assert_non_null(compile_again(arena, subject->cluster, &options, subject->memo, &err));
}

/* Two namespaces, a pod of the node in one. */
static int set_up(void **state)
{
        static struct subject subject;
        const struct object local = pod("local", "here", "10.0.0.1");
        struct object other = {.kind = KIND_NAMESPACE, .meta = {.name = "other", .uid = ""}};

        other.meta.namespace = "";
        subject = (struct subject){cluster_new(), compile_memo_new()};
        cluster_seal(subject.cluster);
        assert_true(concerns(&subject, &other)); /* what node it is has not been said */
        assert_true(concerns(&subject, &local));
        compile_it(&subject);
        *state = &subject;
        return 0;
}

static int tear_down(void **state)
{
        struct subject *subject = *state;

        cluster_free(subject->cluster);
        compile_memo_free(subject->memo);
        return 0;
}

static void another_nodes_pod_does_with_its_address(void **state)
{
        struct object object = pod("remote", "", NULL);

        assert_false(concerns(*state, &object));
        object = pod("remote", "there", NULL);
        assert_false(concerns(*state, &object));
        object = pod("remote", "there", "10.0.1.1");
        assert_true(concerns(*state, &object));
        assert_true(goes(*state, "remote"));
        object = pod("remote", "there", NULL);
        assert_false(concerns(*state, &object));
        assert_false(goes(*state, "remote"));
}

/* It is isolated, and counted, before it has one. */
static void the_nodes_own_pod_does_without(void **state)
{
        const struct object object = pod("young", "here", NULL);

        assert_true(concerns(*state, &object));
        assert_true(goes(*state, "young"));
}

static void a_pods_status_does_when_it_ends(void **state)
{
        struct object object = pod("local", "here", "10.0.0.1");

        object.pod.phase = POD_RUNNING;
        assert_false(concerns(*state, &object));
        object.meta.terminating = true;
        assert_false(concerns(*state, &object));
        object.pod.phase = POD_FAILED;
        assert_true(concerns(*state, &object));
        object.meta.terminating = false;
        assert_false(concerns(*state, &object));
}

static void a_pods_labels_do(void **state)
{
        struct label label = {"app", "web"};
        struct object object = pod("local", "here", "10.0.0.1");

        object.meta.labels.items = &label;
        object.meta.labels.n = 1;
        assert_true(concerns(*state, &object));
}

static void a_policy_does_where_the_node_has_pods(void **state)
{
        const struct object ours = policy("ns"), others = policy("other");

        assert_false(concerns(*state, &others));
        assert_true(concerns(*state, &ours));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(another_nodes_pod_does_with_its_address, set_up,
                                            tear_down),
            cmocka_unit_test_setup_teardown(the_nodes_own_pod_does_without, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_pods_status_does_when_it_ends, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_pods_labels_do, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_policy_does_where_the_node_has_pods, set_up,
                                            tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
