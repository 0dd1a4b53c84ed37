#include "unit.h"

#include "base/vec.h"
#include "kube/cluster.h"

static struct meta meta_of(struct cluster *cluster, const char *namespace, const char *name)
{
        static unsigned line;

        return (struct meta){
            .namespace = intern_text(cluster->intern, namespace),
            .name = intern_text(cluster->intern, name),
            .uid = "",
            .place = {"test.yaml", ++line},
        };
}

/* ip may be NULL. The pointer holds until the next pod is added. */
static struct pod *add_pod(struct cluster *cluster, const char *namespace, const char *name,
                           const char *ip)
{
        struct pod pod = {
            .meta = meta_of(cluster, namespace, name), .node = "", .phase = POD_RUNNING};

        if (ip) {
                pod.ips.items = arena_new_object(cluster->arena, struct ip);
                pod.ips.n = 1;
                assert_true(ip_parse(ip, pod.ips.items));
        }
        vec_push(cluster->arena, &cluster->pods, pod);
        return &cluster->pods.items[cluster->pods.n - 1];
}

static const char *name_at(const struct cluster *cluster, const char *address)
{
        struct ip ip;

        assert_true(ip_parse(address, &ip));
        const struct pod *pod = cluster_pod_at(cluster, &ip);
        return pod ? pod->meta.name : "nobody";
}

static void an_empty_cluster_is_sealed(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();

        cluster_seal(cluster);
        assert_null(cluster_namespace(cluster, "default"));
        assert_null(cluster_pod(cluster, "default", "a"));
        assert_string_equal(name_at(cluster, "10.0.0.1"), "nobody");
        assert_int_equal(cluster_pods_of(cluster, "default").n, 0);
}

static void lists_are_sorted_and_found(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        static const char *const given[][2] = {{"b", "z"}, {"a", "y"}, {"b", "a"},
                                               {"c", "x"}, {"a", "a"}, {"b", "m"}};

        for (size_t i = 0; i < ARRAY_SIZE(given); i++)
                add_pod(cluster, given[i][0], given[i][1], NULL);
        cluster_seal(cluster);
        for (size_t i = 0; i < ARRAY_SIZE(given); i++)
                assert_string_equal(cluster_pod(cluster, given[i][0], given[i][1])->meta.name,
                                    given[i][1]);
        assert_null(cluster_pod(cluster, "b", "b"));
        assert_null(cluster_pod(cluster, "z", "z"));
        struct span span = cluster_pods_of(cluster, "b");
        assert_int_equal(span.first, 2);
        assert_int_equal(span.n, 3);
        assert_string_equal(cluster->pods.items[span.first].meta.name, "a");
        assert_int_equal(cluster_pods_of(cluster, "aa").n, 0);
        assert_int_equal(cluster_policies_of(cluster, "b").n, 0);
}

static void the_later_of_doubles_counts(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();

        for (unsigned i = 0; i < 3; i++) {
                struct pod *pod = add_pod(cluster, "default", "web", NULL);
                pod->meta.created = i;
                pod->meta.place.line = i + 1;
        }
        cluster_seal(cluster);
        assert_int_equal(cluster->pods.n, 1);
        assert_int_equal(cluster->pods.items[0].meta.created, 2);
        assert_int_equal(cluster->notes.n, 2);
        assert_string_equal(
            cluster->notes.items[0],
            "Pod default/web is given twice: test.yaml:2 counts, test.yaml:1 does not");
}

/* Semantics 27. */
static void namespaces_carry_their_name(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        const char *key = intern_text(cluster->intern, "kubernetes.io/metadata.name");
        struct label wrong[] = {{intern_text(cluster->intern, "a"), "1"},
                                {key, "wrong"},
                                {intern_text(cluster->intern, "z"), "2"}};
        struct label others[] = {wrong[0], wrong[2]};
        struct namespace one = {.meta = meta_of(cluster, "", "one")};
        struct namespace two = {.meta = meta_of(cluster, "", "two")};

        one.meta.labels = (struct labels){wrong, 3};
        two.meta.labels = (struct labels){others, 2};
        vec_push(cluster->arena, &cluster->namespaces, one);
        vec_push(cluster->arena, &cluster->namespaces, two);
        cluster_seal(cluster);
        for (size_t i = 0; i < 2; i++) {
                const struct meta *meta = &cluster->namespaces.items[i].meta;

                assert_int_equal(meta->labels.n, 3);
                assert_string_equal(meta->labels.items[1].value, meta->name);
                assert_ptr_equal(labels_get(&meta->labels, key), meta->name);
                assert_string_equal(meta->labels.items[2].key, "z");
        }
}

/* Semantics 28. */
static void a_named_namespace_exists(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        struct namespace known = {.meta = meta_of(cluster, "", "known")};
        struct network_policy policy = {.meta = meta_of(cluster, "quiet", "deny")};

        vec_push(cluster->arena, &cluster->namespaces, known);
        vec_push(cluster->arena, &cluster->policies, policy);
        add_pod(cluster, "busy", "b", NULL);
        add_pod(cluster, "known", "a", NULL);
        add_pod(cluster, "busy", "a", NULL);
        cluster_seal(cluster);
        assert_int_equal(cluster->namespaces.n, 3);
        assert_string_equal(cluster->namespaces.items[0].meta.name, "busy");
        assert_int_equal(cluster_namespace(cluster, "busy")->meta.labels.n, 1);
        assert_non_null(cluster_namespace(cluster, "quiet"));
        assert_int_equal(cluster_policies_of(cluster, "quiet").n, 1);
        assert_int_equal(cluster->notes.n, 0);
}

/* Semantics 25. */
static void the_newer_pod_keeps_the_address(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();

        add_pod(cluster, "default", "old", "10.0.0.1")->meta.created = 100;
        add_pod(cluster, "default", "new", "10.0.0.1")->meta.created = 200;
        add_pod(cluster, "default", "other", "10.0.0.2")->meta.created = 300;
        cluster_seal(cluster);
        assert_string_equal(name_at(cluster, "10.0.0.1"), "new");
        assert_string_equal(name_at(cluster, "10.0.0.2"), "other");
        assert_null(pod_ip(cluster_pod(cluster, "default", "old"), FAMILY_IPV4));
        assert_int_equal(cluster->notes.n, 1);
        assert_string_equal(
            cluster->notes.items[0],
            "address 10.0.0.1 of Pod default/old is Pod default/new's, which is newer");
}

static void equal_age_is_decided_by_uid_then_name(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();

        add_pod(cluster, "default", "z", "10.0.0.1")->meta.uid = "1";
        add_pod(cluster, "default", "a", "10.0.0.1")->meta.uid = "2";
        add_pod(cluster, "default", "b", "10.0.0.2");
        add_pod(cluster, "default", "c", "10.0.0.2");
        cluster_seal(cluster);
        assert_string_equal(name_at(cluster, "10.0.0.1"), "a");
        assert_string_equal(name_at(cluster, "10.0.0.2"), "c");
}

/* Semantics 19, 24: neither loses nor takes an address. */
static void finished_and_host_pods_hold_no_address(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();

        add_pod(cluster, "default", "live", "10.0.0.1")->meta.created = 1;
        struct pod *done = add_pod(cluster, "default", "done", "10.0.0.1");
        done->phase = POD_SUCCEEDED;
        done->meta.created = 2;
        add_pod(cluster, "default", "failed", "10.0.0.2")->phase = POD_FAILED;
        add_pod(cluster, "default", "host", "10.0.0.3")->host_network = true;
        add_pod(cluster, "default", "leaving", "10.0.0.4")->meta.terminating = true;
        cluster_seal(cluster);
        assert_string_equal(name_at(cluster, "10.0.0.1"), "live");
        assert_string_equal(name_at(cluster, "10.0.0.2"), "nobody");
        assert_string_equal(name_at(cluster, "10.0.0.3"), "nobody");
        assert_string_equal(name_at(cluster, "10.0.0.4"), "leaving");
        assert_int_equal(cluster->notes.n, 0);
}

static void nodes_are_found_by_name_and_address(void **state)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_new();
        struct ip addresses[2];
        struct node node = {.meta = meta_of(cluster, "", "worker"), .addresses = {addresses, 2}};
        struct ip other;

        ip_parse("192.0.2.1", &addresses[0]);
        ip_parse("2001:db8::1", &addresses[1]);
        ip_parse("192.0.2.2", &other);
        vec_push(cluster->arena, &cluster->nodes, node);
        cluster_seal(cluster);
        assert_non_null(cluster_node(cluster, "worker"));
        assert_ptr_equal(cluster_node_at(cluster, &addresses[0]), cluster_node(cluster, "worker"));
        assert_ptr_equal(cluster_node_at(cluster, &addresses[1]), cluster_node(cluster, "worker"));
        assert_null(cluster_node_at(cluster, &other));
}

/* As FindPort: the first of that name and protocol; one name may stand for two protocols. */
static void named_ports(void **state)
{
        static const char dns[] = "dns", http[] = "http";
        struct container_port ports[] = {{NULL, PROTOCOL_TCP, 1},
                                         {dns, PROTOCOL_UDP, 53},
                                         {dns, PROTOCOL_TCP, 5353},
                                         {dns, PROTOCOL_TCP, 54}};
        struct pod pod = {.ports = {ports, ARRAY_SIZE(ports)}};
        uint16_t port = 7;

        assert_false(pod_named_port(&pod, http, PROTOCOL_TCP, &port));
        assert_false(pod_named_port(&pod, dns, PROTOCOL_SCTP, &port));
        assert_int_equal(port, 7);
        assert_true(pod_named_port(&pod, dns, PROTOCOL_TCP, &port));
        assert_int_equal(port, 5353);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(an_empty_cluster_is_sealed),
            cmocka_unit_test(lists_are_sorted_and_found),
            cmocka_unit_test(the_later_of_doubles_counts),
            cmocka_unit_test(namespaces_carry_their_name),
            cmocka_unit_test(a_named_namespace_exists),
            cmocka_unit_test(the_newer_pod_keeps_the_address),
            cmocka_unit_test(equal_age_is_decided_by_uid_then_name),
            cmocka_unit_test(finished_and_host_pods_hold_no_address),
            cmocka_unit_test(nodes_are_found_by_name_and_address),
            cmocka_unit_test(named_ports),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
