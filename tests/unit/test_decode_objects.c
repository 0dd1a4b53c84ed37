#include "decoding.h"

/* What is read of Namespace, Node and Pod. */

#define LIMIT_RANGE_IPS "may specify no more than one IP for each IP family"
#define POD             "metadata: {name: a}\n"

static void pods_refused(void **state)
{
        static const struct manifest_row rows[] = {
            {POD "spec: {nodeName: Node}",
             "4: Pod default/a: .spec.nodeName: Invalid value: \"Node\": " SUBDOMAIN "\n"},
            {POD "spec: {hostNetwork: \"true\"}",
             "4: Pod default/a: .spec.hostNetwork: cannot unmarshal string into a field of type "
             "bool\n"},
            {POD "spec: {containers: {}}",
             "4: Pod default/a: .spec.containers: cannot unmarshal object into a field of type "
             "array\n"},
            {POD "status: {phase: running}",
             "4: Pod default/a: .status.phase: Unsupported value: \"running\": supported values: "
             "\"Failed\", \"Pending\", \"Running\", \"Succeeded\", \"Unknown\"\n"},
            {POD "spec:\n  containers:\n  - ports:\n    - {name: web}\n"
                 "    - {containerPort: 0}\n    - {containerPort: 65536}\n"
                 "    - {containerPort: \"80\"}\n    - {containerPort: 1, protocol: tcp}\n"
                 "    - {containerPort: 1, name: Web}\n    - {containerPort: 1, name: web}",
             "7: Pod default/a: .spec.containers[0].ports[0].containerPort: Required value\n"
             "8: Pod default/a: .spec.containers[0].ports[1].containerPort: Required value\n"
             "9: Pod default/a: .spec.containers[0].ports[2].containerPort: Invalid value: "
             "65536: " BAD_RANGE "\n"
             "10: Pod default/a: .spec.containers[0].ports[3].containerPort: cannot unmarshal "
             "string "
             "into a field of type int32\n"
             "11: Pod default/a: .spec.containers[0].ports[4].protocol: Unsupported value: "
             "\"tcp\": "
             "supported values: \"SCTP\", \"TCP\", \"UDP\"\n"
             "12: Pod default/a: .spec.containers[0].ports[5].name: Invalid value: \"Web\": must "
             "contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)\n"
             "13: Pod default/a: .spec.containers[0].ports[6].name: Duplicate value: \"web\"\n"},
        };

        assert_rows_refused("Pod", rows, ARRAY_SIZE(rows));
}

/* Semantics 29. */
static void pod_ips_refused(void **state)
{
        static const struct manifest_row rows[] = {
            {POD "status: {podIP: 10.0.0.256}",
             "4: Pod default/a: .status.podIP: Invalid value: \"10.0.0.256\": " BAD_IP "\n"},
            {POD "status: {podIPs: [{ip: \"\"}]}",
             "4: Pod default/a: .status.podIPs[0].ip: Invalid value: \"\": " BAD_IP "\n"},
            {POD "status: {podIPs: [{}]}",
             "4: Pod default/a: .status.podIPs[0].ip: Required value\n"},
            {POD "status: {podIPs: [10.0.0.1]}",
             "4: Pod default/a: .status.podIPs[0]: cannot unmarshal string into a field of type "
             "object\n"},
            {POD "status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}",
             "4: Pod default/a: .status.podIPs: Invalid value: "
             "[{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"}]: " LIMIT_RANGE_IPS "\n"},
            {POD "status: {podIPs: [{ip: 10.0.0.1}, {ip: fd00::1}, {ip: fd00::2}]}",
             "4: Pod default/a: .status.podIPs: Invalid value: "
             "[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"},{\"ip\":\"fd00::2\"}]: " LIMIT_RANGE_IPS
             "\n"},
            {POD "status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.1}]}",
             "4: Pod default/a: .status.podIP: Invalid value: \"10.0.0.2\": must be the first of "
             "`podIPs`\n"},
        };

        assert_rows_refused("Pod", rows, ARRAY_SIZE(rows));
}

static void special_ips(void **state)
{
        static const char *const ips[][2] = {
            {"0.0.0.0", "may not be unspecified (0.0.0.0)"},
            {"::", "may not be unspecified (::)"},
            {"127.0.0.2", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
            {"::1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
            {"::ffff:127.0.0.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
            {"169.254.1.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
            {"fe80::1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
            {"239.0.0.1", "may not be in the multicast range (224.0.0.0/4, ff00::/8)"},
            {"ff02::1", "may not be in the multicast range (224.0.0.0/4, ff00::/8)"},
            {"255.255.255.255", "may not be the broadcast address"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct decoded decoded;

                assert_refused(
                    arena_printf(arena,
                                 "apiVersion: v1\nkind: Pod\n" POD
                                 "status: {podIPs: [{ip: \"%s\"}]}\n",
                                 ips[i][0]),
                    arena_printf(
                        arena,
                        "4: Pod default/a: .status.podIPs[0].ip: Invalid value: \"%s\": %s\n",
                        ips[i][0], ips[i][1]));
                assert_refused(
                    arena_printf(arena,
                                 "apiVersion: v1\nkind: Pod\n" POD "status: {podIP: \"%s\"}\n",
                                 ips[i][0]),
                    arena_printf(arena,
                                 "4: Pod default/a: .status.podIP: Invalid value: \"%s\": %s\n",
                                 ips[i][0], ips[i][1]));
                decoded = decode(arena_printf(arena,
                                              "apiVersion: v1\nkind: Pod\n" POD
                                              "spec: {hostNetwork: true}\n"
                                              "status: {podIP: \"%s\"}\n",
                                              ips[i][0]));
                assert_accepted(&decoded);
                decoded_done(&decoded);
        }
}

static const struct pod *only_pod(struct decoded *decoded)
{
        assert_accepted(decoded);
        assert_int_equal(decoded->cluster->pods.n, 1);
        return &decoded->cluster->pods.items[0];
}

static void a_bare_pod(void **state)
{
        struct decoded decoded = decode("apiVersion: v1\nkind: Pod\n" POD);
        const struct pod *pod = only_pod(&decoded);

        assert_string_equal(pod->meta.namespace, "default");
        assert_string_equal(pod->meta.uid, "");
        assert_string_equal(pod->node, "");
        assert_false(pod->host_network);
        assert_int_equal(pod->phase, POD_PENDING);
        assert_int_equal(pod->ips.n + pod->ports.n + pod->meta.labels.n, 0);
        decoded_done(&decoded);
}

static void a_full_pod(void **state)
{
        struct decoded decoded = decode(
            "apiVersion: v1\n"
            "kind: Pod\n"
            "metadata: {name: a, namespace: shop, uid: u, labels: {b: x, a: null}}\n"
            "spec:\n"
            "  nodeName: node-1\n"
            "  unknown: [{}]\n"
            "  initContainers:\n"
            "  - ports: [{name: init, containerPort: 1}]\n"
            "  - restartPolicy: Always\n"
            "    ports: [{name: side, containerPort: 2, hostPort: 99}]\n"
            "  containers:\n"
            "  - name: none\n"
            "  - ports: [{name: web, containerPort: 80}, {containerPort: 53, protocol: UDP},\n"
            "            {containerPort: 9, protocol: \"\", name: \"\"}]\n"
            "  - ports: [{name: web, containerPort: 65535, protocol: SCTP}]\n"
            "status:\n"
            "  phase: Succeeded\n"
            "  podIP: 10.0.0.1\n"
            "  podIPs: [{ip: 010.0.0.1}, {ip: \"FD00:0::1\"}]\n");
        const struct pod *pod = only_pod(&decoded);
        static const struct container_port expected[] = {
            {"web", PROTOCOL_TCP, 80},     {NULL, PROTOCOL_UDP, 53},  {NULL, PROTOCOL_TCP, 9},
            {"web", PROTOCOL_SCTP, 65535}, {"side", PROTOCOL_TCP, 2},
        };
        char text[IP_TEXT_SIZE];

        assert_string_equal(pod->node, "node-1");
        assert_int_equal(pod->phase, POD_SUCCEEDED);
        assert_int_equal(pod->meta.labels.n, 2);
        assert_string_equal(pod->meta.labels.items[0].key, "a");
        assert_string_equal(pod->meta.labels.items[0].value, "");
        assert_int_equal(pod->ips.n, 2);
        assert_string_equal(ip_format(&pod->ips.items[0], text), "10.0.0.1");
        assert_string_equal(ip_format(&pod->ips.items[1], text), "fd00::1");
        assert_int_equal(pod->ports.n, ARRAY_SIZE(expected));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                const struct container_port *port = &pod->ports.items[i];

                assert_int_equal(port->protocol, expected[i].protocol);
                assert_int_equal(port->port, expected[i].port);
                if (expected[i].name)
                        assert_ptr_equal(port->name,
                                         intern_text(decoded.cluster->intern, expected[i].name));
                else
                        assert_null(port->name);
        }
        decoded_done(&decoded);
}

static void phases(void **state)
{
        static const struct {
                const char *text;
                enum pod_phase phase;
        } rows[] = {
            {"Pending", POD_PENDING}, {"Running", POD_RUNNING}, {"Succeeded", POD_SUCCEEDED},
            {"Failed", POD_FAILED},   {"Unknown", POD_UNKNOWN}, {"\"\"", POD_PENDING},
            {"null", POD_PENDING},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct decoded decoded = decode(arena_printf(
                    arena,
                    "apiVersion: v1\nkind: Pod\n" POD "status: {phase: %s, podIP: 10.0.0.1}\n",
                    rows[i].text));

                assert_int_equal(only_pod(&decoded)->phase, rows[i].phase);
                assert_int_equal(only_pod(&decoded)->ips.n, 1);
                decoded_done(&decoded);
        }
}

static void nodes_refused(void **state)
{
        static const struct manifest_row rows[] = {
            {"metadata: {name: node}\nspec: {podCIDR: 10.0.0.0}",
             "4: Node node: .spec.podCIDR: Invalid value: \"10.0.0.0\": " BAD_CIDR "\n"},
            {"metadata: {name: node}\nspec: {podCIDRs: [10.0.0.0/24, \"\"]}",
             "4: Node node: .spec.podCIDRs[1]: Invalid value: \"\": " BAD_CIDR "\n"},
            {"metadata: {name: node}\nspec: {podCIDRs: [10.0.0.0/24, 10.0.1.0/24]}",
             "4: Node node: .spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may "
             "specify no more than one CIDR for each IP family\n"},
            {"metadata: {name: node}\nspec: {podCIDRs: [10.0.0.0/24, fd00::/64, fd01::/64]}",
             "4: Node node: .spec.podCIDRs: Invalid value: "
             "[\"10.0.0.0/24\",\"fd00::/64\",\"fd01::/64\"]: may specify no more than one CIDR for "
             "each "
             "IP family\n"},
            {"metadata: {name: node}\nspec: {podCIDR: 10.0.0.0/24, podCIDRs: [10.0.1.0/24]}",
             "4: Node node: .spec.podCIDR: Invalid value: \"10.0.0.0/24\": must be the first of "
             "`podCIDRs`\n"},
            {"metadata: {name: node}\nstatus:\n  addresses:\n  - {type: InternalIP, address: node}",
             "6: Node node: .status.addresses[0].address: Invalid value: \"node\": " BAD_IP "\n"},
        };

        assert_rows_refused("Node", rows, ARRAY_SIZE(rows));
}

static void a_node(void **state)
{
        struct decoded decoded =
            decode("apiVersion: v1\n"
                   "kind: Node\n"
                   "metadata: {name: n.example.com, namespace: ignored}\n"
                   "spec: {podCIDR: 10.0.1.1/24, podCIDRs: [10.0.1.0/24, \"fd00:1::/64\"]}\n"
                   "status:\n"
                   "  addresses:\n"
                   "  - {type: Hostname, address: node}\n"
                   "  - {type: InternalIP, address: 192.0.2.1}\n"
                   "  - {type: ExternalIP, address: \"\"}\n"
                   "  - {type: ExternalIP, address: 192.0.2.1}\n"
                   "  - {type: InternalDNS, address: 192.0.2.9}\n"
                   "  - {type: InternalIP, address: \"2001:db8::1\"}\n");
        const struct node *node = decoded.cluster->nodes.items;
        char text[PREFIX_TEXT_SIZE];

        assert_accepted(&decoded);
        assert_string_equal(node->meta.namespace, "");
        assert_int_equal(node->pod_cidrs.n, 2);
        assert_string_equal(prefix_format(&node->pod_cidrs.items[0], text), "10.0.1.0/24");
        assert_string_equal(prefix_format(&node->pod_cidrs.items[1], text), "fd00:1::/64");
        assert_int_equal(node->addresses.n, 2);
        assert_string_equal(ip_format(&node->addresses.items[0], text), "192.0.2.1");
        assert_string_equal(ip_format(&node->addresses.items[1], text), "2001:db8::1");
        decoded_done(&decoded);
        decoded = decode("apiVersion: v1\nkind: Node\nmetadata: {name: node}\n"
                         "spec: {podCIDR: 10.0.1.0/24}\n");
        assert_accepted(&decoded);
        assert_int_equal(decoded.cluster->nodes.items[0].pod_cidrs.n, 1);
        decoded_done(&decoded);
}

/* Semantics 27: what the manifest says of it does not count. */
static void a_namespace(void **state)
{
        struct decoded decoded = decode("apiVersion: v1\n"
                                        "kind: Namespace\n"
                                        "metadata:\n"
                                        "  name: shop\n"
                                        "  labels: {kubernetes.io/metadata.name: other, a: b}\n");
        const char *key = intern_text(decoded.cluster->intern, "kubernetes.io/metadata.name");

        assert_accepted(&decoded);
        cluster_seal(decoded.cluster);
        assert_string_equal(
            labels_get(&cluster_namespace(decoded.cluster, "shop")->meta.labels, key), "shop");
        decoded_done(&decoded);
}

/* One bad object keeps no good one out; the loader says that the whole is not to be used. */
static void objects_are_judged_apart(void **state)
{
        struct decoded decoded = decode("apiVersion: v1\n"
                                        "kind: PodList\n"
                                        "items:\n"
                                        "- metadata: {name: a}\n"
                                        "- metadata: {name: B}\n"
                                        "- metadata: {name: c}\n");

        assert_string_equal(problem_lines(&decoded), "5: Pod default/B: .metadata.name: Invalid "
                                                     "value: \"B\": " SUBDOMAIN "\n");
        assert_int_equal(decoded.cluster->pods.n, 2);
        decoded_done(&decoded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(pods_refused),  cmocka_unit_test(pod_ips_refused),
            cmocka_unit_test(special_ips),   cmocka_unit_test(a_bare_pod),
            cmocka_unit_test(a_full_pod),    cmocka_unit_test(phases),
            cmocka_unit_test(nodes_refused), cmocka_unit_test(a_node),
            cmocka_unit_test(a_namespace),   cmocka_unit_test(objects_are_judged_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
