#include "semantics.h"

#include "every_node.h"

/* 18 to 30 of the rules that begin in test_semantics.c: what counts as a pod, a node, a connection,
 * a namespace. What only a live kernel shows is in tests/system. */

#define DENY_ALL POLICY("deny", "podSelector: {}, policyTypes: [Ingress, Egress]")
#define SELECT_B "podSelector: {matchLabels: {app: b}}"

static const struct policy_options own_node_egress = {.own_node_egress = true};

/* A pod and the node it runs on always reach each other, whatever addresses they use. Other nodes
 * are addresses like any other. With --own-node-egress=Policy egress rules count towards the node
 * too. */
static void line_18_own_node(void **state)
{
        EXPECT(EVERYONE DENY_ALL, "node/n1 > b TCP:80 allowed", "b > node/n1 TCP:10250 allowed",
               "b > node/n1 ICMP allowed", "node/n2 > b TCP:80 denied",
               "b > node/n2 TCP:10250 denied", "node/n2 > c TCP:80 allowed",
               "node/n1 > c TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{from: [{ipBlock: {cidr: 192.0.2.2/32}}, "
                                             "{ipBlock: {cidr: \"2001:db8::2/128\"}}]}]"),
               "node/n2 > b TCP:80 allowed");
        EXPECT_WITH(own_node_egress, EVERYONE DENY_ALL, "node/n1 > b TCP:80 allowed",
                    "b > node/n1 TCP:10250 denied", "b > node/n1 ICMP denied",
                    "b > node/n2 TCP:10250 denied");
        EXPECT_WITH(own_node_egress,
                    EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: [{to: "
                                                  "[{ipBlock: {cidr: 192.0.2.0/31}}], ports: "
                                                  "[{port: 53, protocol: UDP}]}]"),
                    "b > 192.0.2.1 UDP:53 allowed", "b > 192.0.2.1 TCP:53 denied",
                    "b > 192.0.2.2 UDP:53 denied", "a > node/n1 TCP:53 allowed");
}

/* Any address that the node or its own pods report, also of a node that is only named. */
static void line_18_any_address_of_the_node(void **state)
{
        EXPECT(NODE("n1", "{type: Hostname, address: n1}, {type: InternalIP, address: 192.0.2.1}, "
                          "{type: ExternalIP, address: 203.0.113.1}")
                   POD("default", "b", "app: b", "nodeName: n1", RUNNING("10.1.0.2", "fd00:1::2"))
                       DENY_ALL,
               "b > 203.0.113.1 TCP:80 allowed", "203.0.113.1 > b TCP:80 allowed",
               "203.0.113.2 > b TCP:80 denied");
        EXPECT(POD("default", "b", "app: b", "nodeName: n1", RUNNING("10.1.0.2", "fd00:1::2"))
                   POD("kube-system", "h", "", "nodeName: n1, hostNetwork: true",
                       RUNNING("192.0.2.1", "2001:db8::1"))
                       POD("kube-system", "i", "", "nodeName: n2, hostNetwork: true",
                           RUNNING("192.0.2.2", "2001:db8::2")) DENY_ALL,
               "b > kube-system/h TCP:80 allowed", "kube-system/h > b TCP:80 allowed",
               "b > kube-system/i TCP:80 denied", "kube-system/i > b TCP:80 denied");
}

/* Pods of the host's network are the node: no selector means them, as subject or as peer. */
static void line_19_host_network(void **state)
{
#define HOST                                                                                       \
        POD("default", "h", "app: b",                                                              \
            "nodeName: n2, hostNetwork: true, containers: [{name: m, "                             \
            "ports: [{name: http, containerPort: 8080}]}]",                                        \
            RUNNING("192.0.2.2", "2001:db8::2"))
        EXPECT(EVERYONE HOST DENY_ALL, "h > 203.0.113.9 TCP:80 allowed",
               "203.0.113.9 > h TCP:80 allowed", "h > c TCP:80 allowed", "h > a TCP:80 denied");
        EXPECT(EVERYONE HOST POLICY("p", "podSelector: {matchLabels: {app: a}}, ingress: [{from: "
                                         "[{" SELECT_B "}, {namespaceSelector: {}}]}]"),
               "b > a TCP:80 allowed", "h > a TCP:80 denied");
        EXPECT(EVERYONE HOST POLICY("p",
                                    "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], "
                                    "egress: [{to: [{" SELECT_B "}]}, {ports: [{port: http}]}]"),
               "a > b TCP:1 allowed", "a > h TCP:1 denied", "a > h TCP:8080 denied");
        EXPECT(EVERYONE HOST POLICY("p", "podSelector: {matchLabels: {app: a}}, ingress: [{from: "
                                         "[{ipBlock: {cidr: 192.0.2.2/32}}]}]"),
               "192.0.2.2 > a TCP:80 allowed", "10.2.0.4 > a TCP:80 denied");
}

/* A pod reaches itself by its own address, as it does through a Service that leads back to it. */
static void line_20_itself(void **state)
{
        EXPECT(EVERYONE DENY_ALL, "b > b TCP:80 allowed", "b > b ICMP allowed",
               "b > a TCP:80 denied", "a > b TCP:80 denied");
        EXPECT_WITH(own_node_egress, EVERYONE DENY_ALL, "b > b UDP:1 allowed",
                    "b > a UDP:1 denied");
}

/* Why policy had no say is told. */
static void line_20_exemptions_are_named(void **state)
{
        static const struct {
                const char *packet, *egress, *ingress;
        } cases[] = {
            {"b > b TCP:80", "itself", "itself"},
            {"b > node/n1 TCP:80", "own node", NULL},
            {"node/n1 > b TCP:80", NULL, "own node"},
            {"node/n2 > b TCP:80", NULL, NULL},
            {"a > b TCP:80", NULL, NULL},
        };
        _cleanup_cluster_ struct cluster *cluster = cluster_of(EVERYONE DENY_ALL);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct policy_options options = {0};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct packet packet;
                assert_true(packet_of(cluster, cases[i].packet, FAMILY_IPV6, &packet));
                struct verdict verdict = policy_verdict(arena, cluster, &options, &packet);
                const char *said[DIRECTIONS] = {verdict.sides[DIRECTION_INGRESS].exempt,
                                                verdict.sides[DIRECTION_EGRESS].exempt};
                const char *wanted[DIRECTIONS] = {cases[i].ingress, cases[i].egress};
                for (int d = 0; d < DIRECTIONS; d++) {
                        assert_int_equal(!said[d], !wanted[d]);
                        if (wanted[d])
                                assert_string_equal(said[d], wanted[d]);
                }
        }
}

/* What the rulesets of all nodes make of a packet that begins no connection. */
static enum outcome run(const char *manifests, const char *text, enum family family,
                        void (*change)(struct sim_packet *))
{
        _cleanup_cluster_ struct cluster *cluster = cluster_of(manifests);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct packet packet;
        struct err err;

        const struct every_node *every = every_node_compile(arena, cluster, false, DENY_DROP, &err);
        assert_non_null(every);
        assert_true(packet_of(cluster, text, family, &packet));
        struct sim_packet sim =
            sim_packet_new(&packet.source, &packet.destination, packet.protocol, packet.port);
        change(&sim);
        return every_node_run(every, &sim);
}

static void as_reply(struct sim_packet *packet)
{
        packet->state = CT_ESTABLISHED;
        packet->tcp_flags = 0x12;
}

static void as_related(struct sim_packet *packet) /* fragmentation needed, packet too big */
{
        packet->state = CT_RELATED;
        packet->icmp_type = packet->protocol == PROTOCOL_ICMPV6 ? 2 : 3;
        packet->icmp_code = packet->protocol == PROTOCOL_ICMPV6 ? 0 : 4;
}

static void as_solicitation(struct sim_packet *packet)
{
        packet->icmp_type = 135;
        packet->hop_limit = 255;
        packet->state = CT_UNTRACKED;
}

static void as_forged_solicitation(struct sim_packet *packet) /* it came through a router */
{
        as_solicitation(packet);
        packet->hop_limit = 254;
}

/* Replies of what was allowed pass, and what is related to it; so does neighbour discovery. */
static void line_21_replies_and_discovery(void **state)
{
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                assert_int_equal(run(EVERYONE DENY_ALL, "b > a TCP:40000", family, as_reply),
                                 OUTCOME_PASS);
                assert_int_equal(run(EVERYONE DENY_ALL, "c > a ICMP", family, as_related),
                                 OUTCOME_PASS);
        }
        assert_int_equal(run(EVERYONE DENY_ALL, "a > b ICMP", FAMILY_IPV6, as_solicitation),
                         OUTCOME_PASS);
        assert_int_equal(run(EVERYONE DENY_ALL, "a > b ICMP", FAMILY_IPV6, as_forged_solicitation),
                         OUTCOME_DROP);
}

/* Other ICMP is allowed from a peer exactly where a rule allows that peer without ports. So is
 * every protocol that has no ports in the API. */
static void line_22_icmp(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B
                               ", ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}, "
                               "{ports: [{port: 1, endPort: 65535}, {protocol: UDP}, {protocol: "
                               "SCTP}, {}]}]"),
               "a > b ICMP allowed", "a > b 47 allowed", "c > b ICMP denied", "c > b 47 denied",
               "c > b TCP:80 allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: [{to: [{ipBlock: "
                                             "{cidr: 203.0.113.0/24}}]}, {ports: [{port: http}]}]"),
               "b > 203.0.113.9 ICMP allowed", "b > c ICMP denied", "b > c TCP:9090 allowed");
}

static void as_midstream(struct sim_packet *packet)
{
        packet->tcp_flags = 0x18;
        packet->sctp_init = false; /* a heartbeat, say */
}

static void as_it_is(struct sim_packet *packet)
{
}

/* What a change forbids is cut, also where it is established: apply deletes such connections,
 * judged by the reference (test_conntrack.c), and TCP and SCTP that then come without a beginning
 * are dropped where an isolated pod is an end, from whichever end they come. */
static void line_23_changes_cut_connections(void **state)
{
#define ALLOW_ALL                                                                                  \
        POLICY("allow", SELECT_B ", policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]")
#define ALLOW_SCTP                                                                                 \
        POLICY("allow", SELECT_B ", policyTypes: [Ingress, Egress], "                              \
                                 "ingress: [{ports: [{protocol: SCTP}]}], egress: [{}]")
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                assert_int_equal(run(EVERYONE ALLOW_ALL, "b > c TCP:80", family, as_midstream),
                                 OUTCOME_DROP);
                assert_int_equal(run(EVERYONE ALLOW_ALL, "c > b TCP:80", family, as_midstream),
                                 OUTCOME_DROP);
                assert_int_equal(run(EVERYONE ALLOW_ALL, "a > c TCP:80", family, as_midstream),
                                 OUTCOME_PASS);
                assert_int_equal(run(EVERYONE ALLOW_SCTP, "b > c SCTP:80", family, as_midstream),
                                 OUTCOME_DROP);
                assert_int_equal(run(EVERYONE ALLOW_SCTP, "c > b SCTP:80", family, as_midstream),
                                 OUTCOME_DROP);
                assert_int_equal(run(EVERYONE ALLOW_SCTP, "c > b SCTP:80", family, as_it_is),
                                 OUTCOME_PASS);
        }
}

/* Succeeded and Failed pods are gone: what has their address now is another. Terminating ones
 * count. A pod is a peer from when it has an address. */
static void line_24_lives_of_pods(void **state)
{
#define FROM_D(app) POLICY("p", app ", ingress: [{from: [{podSelector: {matchLabels: {app: d}}}]}]")
#define D(status)   POD("default", "d", "app: d", "nodeName: n1", status)
        EXPECT(EVERYONE FROM_D(SELECT_B) D("phase: Running, podIP: 10.1.0.9"),
               "10.1.0.9 > b TCP:80 allowed");
        EXPECT(EVERYONE FROM_D(SELECT_B) D("phase: Succeeded, podIP: 10.1.0.9"),
               "10.1.0.9 > b TCP:80 denied");
        EXPECT(EVERYONE FROM_D(SELECT_B) D("phase: Failed, podIP: 10.1.0.9"),
               "10.1.0.9 > b TCP:80 denied");
        EXPECT(EVERYONE FROM_D(SELECT_B) D("phase: Pending"), "a > b TCP:80 denied",
               "10.1.0.9 > b TCP:80 denied");
        EXPECT(EVERYONE FROM_D(SELECT_B) "---\n{apiVersion: v1, kind: Pod, metadata: {name: d, "
                                         "labels: {app: d}, deletionTimestamp: "
                                         "\"2026-01-01T00:00:00Z\"}, spec: {nodeName: n1}, status: "
                                         "{phase: Running, podIP: 10.1.0.9}}\n",
               "10.1.0.9 > b TCP:80 allowed");
        /* d has ended and e has its address; neither is what d's policy isolates */
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: d}}")
                   D("phase: Succeeded, podIP: 10.1.0.9") POD(
                       "default", "e", "app: e", "nodeName: n1", "phase: Running, podIP: 10.1.0.9"),
               "a > 10.1.0.9 TCP:80 allowed");
}

/* Of two live pods with one address the newer has it. */
static void line_25_the_newer_pod_has_the_address(void **state)
{
#define BORN(name, time)                                                                           \
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: " name ", labels: {app: " name          \
        "}, creationTimestamp: \"2026-01-0" time "T00:00:00Z\"}, spec: {nodeName: n1}, status: "   \
        "{phase: Running, podIP: 10.1.0.9}}\n"
#define ONLY_D POLICY("p", SELECT_B ", ingress: [{from: [{podSelector: {matchLabels: {app: d}}}]}]")
        EXPECT(EVERYONE ONLY_D BORN("d", "2") BORN("e", "1"), "10.1.0.9 > b TCP:80 allowed");
        EXPECT(EVERYONE ONLY_D BORN("d", "1") BORN("e", "2"), "10.1.0.9 > b TCP:80 denied");
        EXPECT(EVERYONE ONLY_D BORN("e", "1") BORN("d", "2"), "10.1.0.9 > b TCP:80 allowed");
}

/* NotIn and DoesNotExist hold also where the key is absent. Everything in a selector must hold. */
static void line_26_operators(void **state)
{
#define LABELLED(name, labels, address)                                                            \
        POD("default", name, labels, "nodeName: n1", "phase: Running, podIP: " address)
#define FOUR                                                                                       \
        LABELLED("none", "", "10.1.1.0")                                                           \
        LABELLED("red", "colour: red", "10.1.1.1")                                                 \
        LABELLED("blue", "colour: blue", "10.1.1.2")                                               \
        LABELLED("empty", "colour: \"\"", "10.1.1.3")
#define FROM_THOSE(selector)                                                                       \
        EVERYONE FOUR POLICY("p", SELECT_B ", ingress: [{from: [{podSelector: {" selector "}}]}]")
#define EXPRESSION(key_and_operator) FROM_THOSE("matchExpressions: [{" key_and_operator "}]")
        EXPECT(EXPRESSION("key: colour, operator: In, values: [red, green]"),
               "red > b TCP:1 allowed", "blue > b TCP:1 denied", "none > b TCP:1 denied",
               "empty > b TCP:1 denied");
        EXPECT(EXPRESSION("key: colour, operator: NotIn, values: [red, green]"),
               "red > b TCP:1 denied", "blue > b TCP:1 allowed", "none > b TCP:1 allowed",
               "empty > b TCP:1 allowed");
        EXPECT(EXPRESSION("key: colour, operator: Exists"), "red > b TCP:1 allowed",
               "none > b TCP:1 denied", "empty > b TCP:1 allowed");
        EXPECT(EXPRESSION("key: colour, operator: DoesNotExist"), "red > b TCP:1 denied",
               "none > b TCP:1 allowed", "empty > b TCP:1 denied");
        EXPECT(FROM_THOSE("matchLabels: {colour: red}, matchExpressions: [{key: colour, operator: "
                          "NotIn, values: [red]}]"),
               "red > b TCP:1 denied", "blue > b TCP:1 denied", "none > b TCP:1 denied");
        EXPECT(FROM_THOSE("matchLabels: {colour: \"\"}"), "empty > b TCP:1 allowed",
               "none > b TCP:1 denied");
        expect_refused(EXPRESSION("key: colour, operator: In"),
                       ".spec.ingress[0].from[0].podSelector.matchExpressions[0].values");
        expect_refused(EXPRESSION("key: colour, operator: Like, values: [red]"),
                       ".spec.ingress[0].from[0].podSelector.matchExpressions[0].operator");
}

#define FROM_NAMESPACE(selector)                                                                   \
        POLICY("p", SELECT_B ", ingress: [{from: [{namespaceSelector: {" selector "}}]}]")

/* Every namespace has its name as a label, whatever the manifest says of it. */
static void line_27_name_is_a_label(void **state)
{
        EXPECT(EVERYONE FROM_NAMESPACE("matchLabels: {kubernetes.io/metadata.name: other}"),
               "other/x > b TCP:80 allowed", "a > b TCP:80 denied");
        EXPECT(EVERYONE NAMESPACE("liar", "kubernetes.io/metadata.name: other")
                   POD("liar", "l", "app: l", "nodeName: n1", "phase: Running, podIP: 10.1.0.9")
                       FROM_NAMESPACE("matchLabels: {kubernetes.io/metadata.name: other}"),
               "other/x > b TCP:80 allowed", "liar/l > b TCP:80 denied");
}

/* A namespace that is only named is one too, with that label alone. */
static void line_28_named_namespaces(void **state)
{
        EXPECT(EVERYONE FROM_NAMESPACE("matchLabels: {kubernetes.io/metadata.name: third}"),
               "third/z > b TCP:80 allowed", "other/x > b TCP:80 denied");
        EXPECT(EVERYONE FROM_NAMESPACE("matchExpressions: [{key: team, operator: DoesNotExist}]"),
               "third/z > b TCP:80 allowed", "a > b TCP:80 allowed", "other/x > b TCP:80 denied");
}

/* A pod is all its addresses; each family is enforced. */
static void line_29_dual_stack(void **state)
{
#define TWO                                                                                        \
        POD("default", "four", "app: d", "nodeName: n1", "phase: Running, podIP: 10.1.0.9")        \
        POD("default", "six", "app: d", "nodeName: n2", "phase: Running, podIP: \"fd00:2::9\"")
        EXPECT(EVERYONE TWO POLICY("p", SELECT_B
                                   ", ingress: [{from: [{podSelector: {matchLabels: {app: d}}}]}]"),
               "four > b TCP:80 allowed", "six > b TCP:80 allowed", "10.1.0.1 > b TCP:80 denied",
               "fd00:1::1 > b TCP:80 denied");
        EXPECT(EVERYONE TWO POLICY("p", "podSelector: {matchLabels: {app: d}}, ingress: [{from: "
                                        "[{ipBlock: {cidr: 0.0.0.0/0}}]}]"),
               "a > four TCP:80 allowed", "a > six TCP:80 denied");
        /* the addresses of one pod are its own, also between the families' policies */
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{from: [{ipBlock: {cidr: \"::/0\"}}]}]"),
               "10.1.0.1 > b TCP:80 denied", "fd00:1::1 > b TCP:80 allowed",
               "10.1.0.2 > b TCP:80 allowed");
}

/* A pod is isolated before its first container starts: from when it has an address, running or
 * not. */
static void line_30_isolated_from_the_start(void **state)
{
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: d}}, policyTypes: [Ingress, "
                                    "Egress]")
                   POD("default", "d", "app: d",
                       "nodeName: n1, initContainers: [{name: first}], containers: [{name: m}]",
                       "phase: Pending, podIP: 10.1.0.9"),
               "a > d TCP:80 denied", "d > a TCP:80 denied", "d > 203.0.113.9 UDP:53 denied");
}

/* They reach whoever shares a link: nobody's, and so nobody's to allow. */
static void addresses_of_a_link(void **state)
{
#define ONE_ISOLATED EVERYONE POLICY("p", SELECT_B ", policyTypes: [Ingress]")
        EXPECT(ONE_ISOLATED, "fe80::a > fe80::b TCP:80 denied", "a > fe80::b ICMP denied",
               "fe80::a > a UDP:80 denied", "a > ff02::1 UDP:80 denied",
               "a > 224.0.0.1 UDP:80 denied", "a > 255.255.255.255 UDP:80 denied",
               "b > 239.1.2.3 UDP:80 denied");
        /* nobody is isolated on the node of c; what others send to many is not a pod's */
        EXPECT(ONE_ISOLATED, "c > 224.0.0.1 UDP:80 allowed", "c > ff02::1 UDP:80 allowed",
               "203.0.113.9 > 224.0.0.1 UDP:80 allowed", "a > 240.0.0.1 UDP:80 allowed");
        /* a node and its link */
        EXPECT(ONE_ISOLATED, "node/n1 > fe80::b TCP:80 allowed",
               "fe80::b > node/n1 TCP:80 allowed");
        EXPECT(EVERYONE, "fe80::a > fe80::b TCP:80 allowed", "a > 224.0.0.1 UDP:80 allowed",
               "a > ff02::1 UDP:80 allowed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(line_18_own_node),
            cmocka_unit_test(line_18_any_address_of_the_node),
            cmocka_unit_test(line_19_host_network),
            cmocka_unit_test(line_20_itself),
            cmocka_unit_test(line_20_exemptions_are_named),
            cmocka_unit_test(line_21_replies_and_discovery),
            cmocka_unit_test(line_22_icmp),
            cmocka_unit_test(line_23_changes_cut_connections),
            cmocka_unit_test(line_24_lives_of_pods),
            cmocka_unit_test(line_25_the_newer_pod_has_the_address),
            cmocka_unit_test(line_26_operators),
            cmocka_unit_test(line_27_name_is_a_label),
            cmocka_unit_test(line_28_named_namespaces),
            cmocka_unit_test(line_29_dual_stack),
            cmocka_unit_test(line_30_isolated_from_the_start),
            cmocka_unit_test(addresses_of_a_link),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
