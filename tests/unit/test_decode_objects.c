#include "decoding.h"

/* Kinds, metadata, and what is read of Namespace, Node and Pod. */

#define LIMIT_RANGE_IPS "may specify no more than one IP for each IP family"

/* The manifest's problems, each as "LINE: text". */
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

struct row {
        const char *text, *problems;
};

/* Each text stands behind "apiVersion: v1" and "kind: KIND", from line 3 on. */
static void check_rows(const char *kind, const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();

                assert_refused(
                    arena_printf(arena, "apiVersion: v1\nkind: %s\n%s\n", kind, rows[i].text),
                    rows[i].problems);
        }
}

static void names(void **state)
{
        static const struct row pods[] = {
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
        static const struct row namespaces[] = {
            {"metadata: {name: a.b}",
             "3: Namespace a.b: .metadata.name: Invalid value: \"a.b\": must not contain dots\n"},
        };

        check_rows("Pod", pods, ARRAY_SIZE(pods));
        check_rows("Namespace", namespaces, ARRAY_SIZE(namespaces));
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
        static const struct row rows[] = {
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

        check_rows("Pod", rows, ARRAY_SIZE(rows));
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

#define BAD_TIME "must be a time of RFC 3339, as 2006-01-02T15:04:05Z"

static void times(void **state)
{
        static const struct row rows[] = {
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

        check_rows("Pod", rows, ARRAY_SIZE(rows));
        assert_accepted(&decoded);
        assert_int_equal(pods[0].meta.created, 0);
        assert_false(pods[0].meta.terminating);
        assert_int_equal(pods[1].meta.created, 1714979289);
        assert_true(pods[1].meta.terminating);
        decoded_done(&decoded);
}

#define POD "metadata: {name: a}\n"

static void pods_refused(void **state)
{
        static const struct row rows[] = {
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

        check_rows("Pod", rows, ARRAY_SIZE(rows));
}

/* Semantics 29. */
static void pod_ips_refused(void **state)
{
        static const struct row rows[] = {
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

        check_rows("Pod", rows, ARRAY_SIZE(rows));
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
        static const struct row rows[] = {
            {"metadata: {name: node}\nspec: {podCIDR: 10.0.0.0}",
             "4: Node node: .spec.podCIDR: Invalid value: \"10.0.0.0\": " BAD_CIDR "\n"},
            {"metadata: {name: node}\nspec: {podCIDRs: [10.0.0.0/24, \"\"]}",
             "4: Node node: .spec.podCIDRs[1]: Invalid value: \"\": " BAD_CIDR "\n"},
            {"metadata: {name: node}\nspec: {podCIDRs: [10.0.0.0/24, 10.0.1.0/24]}",
             "4: Node node: .spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may "
             "specify no more than one CIDR for each IP family\n"},
            {"metadata: {name: node}\nspec: {podCIDR: 10.0.0.0/24, podCIDRs: [10.0.1.0/24]}",
             "4: Node node: .spec.podCIDR: Invalid value: \"10.0.0.0/24\": must be the first of "
             "`podCIDRs`\n"},
            {"metadata: {name: node}\nstatus:\n  addresses:\n  - {type: InternalIP, address: node}",
             "6: Node node: .status.addresses[0].address: Invalid value: \"node\": " BAD_IP "\n"},
        };

        check_rows("Node", rows, ARRAY_SIZE(rows));
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
            cmocka_unit_test(kinds),
            cmocka_unit_test(nearly_a_policy_is_refused),
            cmocka_unit_test(kinds_of_others_are_passed_over),
            cmocka_unit_test(items_of_lists),
            cmocka_unit_test(names),
            cmocka_unit_test(lengths),
            cmocka_unit_test(hostile_texts),
            cmocka_unit_test(labels),
            cmocka_unit_test(annotations_count_where_all_does),
            cmocka_unit_test(times),
            cmocka_unit_test(pods_refused),
            cmocka_unit_test(pod_ips_refused),
            cmocka_unit_test(special_ips),
            cmocka_unit_test(a_bare_pod),
            cmocka_unit_test(a_full_pod),
            cmocka_unit_test(phases),
            cmocka_unit_test(nodes_refused),
            cmocka_unit_test(a_node),
            cmocka_unit_test(a_namespace),
            cmocka_unit_test(objects_are_judged_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
