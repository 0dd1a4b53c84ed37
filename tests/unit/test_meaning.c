#include "semantics.h"

#include "every_meaning.h"

/* What verify/meaning.h promises besides what is allowed; that is held in test_semantics.c, line by
 * line, and by property/test_meaning_agreement.c. */

struct view {
        struct cluster *cluster;
        struct arena *arena;
        struct node_meaning node;
};

static struct view view_of(const char *manifests, const char *node)
{
        struct view view = {.cluster = cluster_of(manifests), .arena = arena_new()};

        view.node = node_meaning_of(view.arena, view.cluster, node, FAMILY_IPV4);
        return view;
}

static void view_done(struct view *view)
{
        arena_free(view->arena);
        cluster_free(view->cluster);
}
#define _cleanup_view_ __attribute__((cleanup(view_done)))

static const struct subject *subject_of(const struct view *view, const char *name)
{
        for (size_t i = 0; i < view->node.subjects.n; i++)
                if (strcmp(view->node.subjects.items[i].pod->meta.name, name) == 0)
                        return &view->node.subjects.items[i];
        fail_msg("%s is no subject", name);
        return NULL;
}

static size_t group_of(const struct view *view, const char *name, enum direction direction)
{
        return subject_of(view, name)->group[direction];
}

#define LOCAL_AT(namespace, name, labels, port, address)                                           \
        POD(namespace, name, labels,                                                               \
            "nodeName: n1, containers: [{name: m, ports: [{name: http, containerPort: " port       \
            "}]}]",                                                                                \
            "phase: Running, podIP: " address)

/* In default: a1 and a2 are alike, a3 calls another port http, b is none of them; other/a is
 * labelled like them. */
#define REPLICAS                                                                                   \
        LOCAL_AT("default", "a1", "app: a", "80", "10.0.0.1")                                      \
        LOCAL_AT("default", "a2", "app: a, replica: \"2\"", "80", "10.0.0.2")                      \
        LOCAL_AT("default", "a3", "app: a", "81", "10.0.0.3")                                      \
        LOCAL_AT("default", "b", "app: b", "80", "10.0.0.4")                                       \
        LOCAL_AT("other", "a", "app: a", "80", "10.0.0.5")
#define SELECT_A "podSelector: {matchLabels: {app: a}}"

static void subjects_are_the_nodes_pods(void **state)
{
        _cleanup_view_ struct view view = view_of(
            EVERYONE LOCAL_AT("default", "six", "", "80", "\"fd00::6\"")
                POD("default", "host", "", "nodeName: n1, hostNetwork: true",
                    "phase: Running, podIP: 192.0.2.1")
                    POD("default", "done", "", "nodeName: n1", "phase: Succeeded, podIP: 10.1.0.9"),
            "n1");
        static const char *const names[] = {"a", "b", "z"};

        assert_int_equal(view.node.subjects.n, ARRAY_SIZE(names));
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const struct subject *subject = &view.node.subjects.items[i];
                assert_string_equal(subject->pod->meta.name, names[i]);
                assert_int_equal(subject->class, address_class(view.node.classes, &subject->ip));
                assert_int_equal(subject->group[DIRECTION_INGRESS], SIZE_MAX);
        }
        assert_false(meaning_any_isolated(view.node.meaning));
}

static void same_policies_are_one_group(void **state)
{
        _cleanup_view_ struct view view =
            view_of(REPLICAS POLICY("p", SELECT_A ", ingress: [{ports: [{port: 80}]}]")
                        POLICY_IN("other", "p", SELECT_A ", ingress: [{ports: [{port: 80}]}]"),
                    "n1");

        assert_int_equal(view.node.subjects.n_groups[DIRECTION_INGRESS], 2);
        assert_int_equal(view.node.subjects.n_groups[DIRECTION_EGRESS], 0);
        assert_int_equal(group_of(&view, "a1", DIRECTION_INGRESS),
                         group_of(&view, "a2", DIRECTION_INGRESS));
        assert_int_equal(group_of(&view, "a1", DIRECTION_INGRESS),
                         group_of(&view, "a3", DIRECTION_INGRESS));
        assert_int_equal(group_of(&view, "b", DIRECTION_INGRESS), SIZE_MAX);
        assert_int_not_equal(group_of(&view, "a", DIRECTION_INGRESS),
                             group_of(&view, "a1", DIRECTION_INGRESS));
}

/* Names of ingress are the subject's own, names of egress the other end's. */
static void names_part_groups_of_ingress(void **state)
{
        _cleanup_view_ struct view view =
            view_of(REPLICAS POLICY("p", SELECT_A ", policyTypes: [Ingress, Egress], ingress: "
                                                  "[{ports: [{port: http}]}], egress: [{ports: "
                                                  "[{port: http}]}]"),
                    "n1");

        assert_int_equal(view.node.subjects.n_groups[DIRECTION_INGRESS], 2);
        assert_int_equal(view.node.subjects.n_groups[DIRECTION_EGRESS], 1);
        assert_int_equal(group_of(&view, "a1", DIRECTION_INGRESS),
                         group_of(&view, "a2", DIRECTION_INGRESS));
        assert_int_not_equal(group_of(&view, "a1", DIRECTION_INGRESS),
                             group_of(&view, "a3", DIRECTION_INGRESS));
}

static void expect_ports(const struct view *view, const char *name, enum direction direction,
                         enum protocol protocol, const uint16_t *ports, size_t n)
{
        struct port_starts starts =
            meaning_ports(view->node.meaning, direction, group_of(view, name, direction), protocol);

        assert_int_equal(starts.n, n);
        assert_memory_equal(starts.items, ports, n * sizeof(*ports));
}
#define EXPECT_PORTS(view, name, direction, protocol, ...)                                         \
        expect_ports((view), (name), (direction), (protocol), (const uint16_t[]){__VA_ARGS__},     \
                     ARRAY_SIZE(((const uint16_t[]){__VA_ARGS__})))

static void ports_begin_where_what_is_allowed_may_change(void **state)
{
        _cleanup_view_ struct view view =
            view_of(REPLICAS POLICY("p", SELECT_A
                                    ", policyTypes: [Ingress, Egress], ingress: [{ports: [{port: "
                                    "443}, {port: 60000, endPort: 65535}, {protocol: UDP}, {port: "
                                    "http}]}, {from: [{podSelector: {}}]}], egress: [{ports: "
                                    "[{port: http}, {port: 80}]}]"),
                    "n1");

        EXPECT_PORTS(&view, "a1", DIRECTION_INGRESS, PROTOCOL_TCP, 0, 80, 81, 443, 444, 60000);
        EXPECT_PORTS(&view, "a3", DIRECTION_INGRESS, PROTOCOL_TCP, 0, 81, 82, 443, 444, 60000);
        EXPECT_PORTS(&view, "a1", DIRECTION_EGRESS, PROTOCOL_TCP, 0, 80, 81, 82);
        EXPECT_PORTS(&view, "a1", DIRECTION_INGRESS, PROTOCOL_UDP, 0);
        EXPECT_PORTS(&view, "a1", DIRECTION_INGRESS, PROTOCOL_SCTP, 0);
        EXPECT_PORTS(&view, "a1", DIRECTION_INGRESS, PROTOCOL_ICMP, 0);
}

/* A number that no peer gives the name is no port of the rule. */
static void names_of_others_than_the_peers_are_no_ports(void **state)
{
        _cleanup_view_ struct view view =
            view_of(REPLICAS POLICY("p", SELECT_A ", policyTypes: [Egress], egress: [{to: "
                                                  "[{podSelector: {matchLabels: {app: b}}}], "
                                                  "ports: [{port: http}]}]"),
                    "n1");

        EXPECT_PORTS(&view, "a1", DIRECTION_EGRESS, PROTOCOL_TCP, 0, 80, 81);
}

static void answers_are_of_whole_intervals(void **state)
{
        _cleanup_view_ struct view view = view_of(
            REPLICAS POLICY("p", SELECT_A ", ingress: [{ports: [{port: 80, endPort: 90}]}]"), "n1");
        size_t group = group_of(&view, "a1", DIRECTION_INGRESS);
        struct meaning *meaning = view.node.meaning;
        const bits_word *inside =
            meaning_allows(meaning, DIRECTION_INGRESS, group, PROTOCOL_TCP, 80);

        assert_ptr_equal(inside,
                         meaning_allows(meaning, DIRECTION_INGRESS, group, PROTOCOL_TCP, 90));
        assert_int_equal(bits_count(inside, view.node.classes->n), view.node.classes->n);
        assert_true(
            bits_are_none(meaning_allows(meaning, DIRECTION_INGRESS, group, PROTOCOL_TCP, 91),
                          view.node.classes->n));
        assert_ptr_equal(meaning_allows(meaning, DIRECTION_INGRESS, group, PROTOCOL_ANY, 0),
                         meaning_allows(meaning, DIRECTION_INGRESS, group, PROTOCOL_ICMP, 0));
}

/* The same peer in other policies of the namespace, and blocks, whoever names them. */
static void equal_peers_are_one_feature(void **state)
{
#define PEERS                                                                                      \
        ", ingress: [{from: [{" SELECT_A "}, {ipBlock: {cidr: 10.0.0.0/8, except: "                \
        "[10.0.1.0/24]}}, {namespaceSelector: {}, " SELECT_A "}]}]"
        _cleanup_view_ struct view once =
            view_of(REPLICAS POLICY("p", "podSelector: {}" PEERS), "n1");
        _cleanup_view_ struct view often =
            view_of(REPLICAS POLICY("p", "podSelector: {}" PEERS) POLICY("q", SELECT_A PEERS)
                        POLICY_IN("other", "nobody", "podSelector: {matchLabels: {app: x}}" PEERS),
                    "n1");
        _cleanup_view_ struct view elsewhere = view_of(REPLICAS POLICY("p", "podSelector: {}" PEERS)
                                                           POLICY_IN("other", "p", SELECT_A PEERS),
                                                       "n1");

        assert_int_equal(often.node.classes->n_features, once.node.classes->n_features);
        assert_int_equal(elsewhere.node.classes->n_features, once.node.classes->n_features + 1);
}

/* Links reach it by addresses that no object names. */
static void a_pod_without_an_address_is_isolated_all_the_same(void **state)
{
        _cleanup_view_ struct view view =
            view_of(POD("default", "new", "", "nodeName: n1", "phase: Pending")
                        POLICY("p", "podSelector: {}"),
                    "n1");
        _cleanup_view_ struct view other =
            view_of(POD("default", "new", "", "nodeName: n2", "phase: Pending")
                        POLICY("p", "podSelector: {}"),
                    "n1");

        assert_int_equal(view.node.subjects.n, 0);
        assert_int_equal(view.node.subjects.n_groups[DIRECTION_INGRESS], 0);
        assert_true(meaning_any_isolated(view.node.meaning));
        assert_false(meaning_any_isolated(other.node.meaning));
}

static void expect_class(const struct node_meaning *node, const bits_word *classes,
                         const char *address, bool in)
{
        struct ip ip;

        assert_true(ip_parse(address, &ip));
        if (ip.family == node->family && bits_get(classes, address_class(node->classes, &ip)) != in)
                fail_msg("%s is %s", address, in ? "left out" : "taken in");
}

static void addresses_of_a_link_and_of_many(void **state)
{
        static const char *const link_local[] = {"fe80::", "fe80::1", "febf:ffff::1"};
        static const char *const many[] = {"224.0.0.0", "239.255.255.255", "255.255.255.255",
                                           "ff00::", "ffff:ffff::1"};
        static const char *const neither[] = {
            "223.255.255.255", "240.0.0.0", "255.255.255.254", "10.0.0.255",
            "fe7f::1",         "fec0::",    "feff:ffff::1"};
        _cleanup_cluster_ struct cluster *cluster = cluster_of(EVERYONE);
        _cleanup_arena_ struct arena *arena = arena_new();

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct node_meaning node = node_meaning_of(arena, cluster, "n1", family);
                for (size_t i = 0; i < ARRAY_SIZE(link_local); i++)
                        expect_class(&node, meaning_link_local(node.meaning), link_local[i], true);
                for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                        expect_class(&node, meaning_many(node.meaning), many[i], true);
                for (size_t i = 0; i < ARRAY_SIZE(neither); i++) {
                        expect_class(&node, meaning_link_local(node.meaning), neither[i], false);
                        expect_class(&node, meaning_many(node.meaning), neither[i], false);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(subjects_are_the_nodes_pods),
            cmocka_unit_test(same_policies_are_one_group),
            cmocka_unit_test(names_part_groups_of_ingress),
            cmocka_unit_test(ports_begin_where_what_is_allowed_may_change),
            cmocka_unit_test(names_of_others_than_the_peers_are_no_ports),
            cmocka_unit_test(answers_are_of_whole_intervals),
            cmocka_unit_test(equal_peers_are_one_feature),
            cmocka_unit_test(a_pod_without_an_address_is_isolated_all_the_same),
            cmocka_unit_test(addresses_of_a_link_and_of_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
