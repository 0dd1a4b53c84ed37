#include "semantics.h"

#include "base/strbuf.h"

/* What NetworkPolicy means, rule by rule; where the API leaves something open, what penstock does.
 * 1 to 17 are about what policies say; 18 to 30, in test_semantics_pods.c, about whom. */

#define SELECT_B "podSelector: {matchLabels: {app: b}}"

/* A pod is isolated for a direction where a policy of its namespace selects it and has that
 * direction among its types; otherwise everything is allowed in that direction. */
static void line_01_isolated_where_a_policy_selects(void **state)
{
        EXPECT(EVERYONE, "a > b TCP:80 allowed", "203.0.113.9 > b UDP:1 allowed",
               "b > 203.0.113.9 ICMP allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Ingress]"), /* b, ingress only */
               "a > b TCP:80 denied", "b > a TCP:80 allowed", "a > c TCP:80 allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress]"), /* b, egress only */
               "a > b TCP:80 allowed", "b > a TCP:80 denied", "b > c TCP:80 denied",
               "b > 203.0.113.9 TCP:80 denied");
        EXPECT(EVERYONE POLICY_IN("other", "p", "podSelector: {matchLabels: {app: a}}"),
               "b > a TCP:80 allowed", "b > other/x TCP:80 denied");
}

/* Without policyTypes: ingress always, egress where there are egress rules. */
static void line_02_types_are_derived(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B), "a > b TCP:80 denied", "b > a TCP:80 allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [], egress: []"),
               "a > b TCP:80 denied", "b > a TCP:80 allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: null, egress: [{ports: [{port: 1}]}]"),
               "a > b TCP:80 denied", "b > a TCP:1 allowed", "b > a TCP:2 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: []"),
               "a > b TCP:80 allowed", "b > a TCP:80 denied");
}

/* spec.podSelector that is absent, null or {} selects every pod of the policy's namespace. */
static void line_03_empty_selector_selects_the_namespace(void **state)
{
        static const char *const specs[] = {"podSelector: {}", "policyTypes: [Ingress]",
                                            "podSelector: null", "podSelector: {matchLabels: {}}"};

        for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const char *manifests =
                    arena_printf(arena, "%s" POLICY("p", "%s"), EVERYONE, specs[i]);
                EXPECT(manifests, "b > a TCP:80 denied", "a > b TCP:80 denied",
                       "other/x > c TCP:80 denied", "a > other/x TCP:80 allowed",
                       "a > third/z TCP:80 allowed");
        }
}

/* In a peer, absent and {} differ. podSelector alone: of the policy's namespace. namespaceSelector
 * alone: all pods of those. Both in one element: both must hold. Two elements: either. */
static void line_04_peers(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B
                               ", ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}]"),
               "a > b TCP:80 allowed", "c > b TCP:80 denied", "other/x > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{from: [{podSelector: {}}]}]"),
               "a > b TCP:80 allowed", "c > b TCP:80 allowed", "other/x > b TCP:80 denied",
               "203.0.113.9 > b TCP:80 denied");
        EXPECT(EVERYONE POLICY(
                   "p", SELECT_B
                   ", ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]"),
               "other/x > b TCP:80 allowed", "a > b TCP:80 denied", "third/z > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{from: [{podSelector: {matchLabels: "
                                             "{app: z}}, namespaceSelector: {}}]}]"),
               "third/z > b TCP:80 allowed", "other/x > b TCP:80 denied", "a > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B
                               ", ingress: [{from: [{podSelector: {matchLabels: {app: b}}, "
                               "namespaceSelector: {matchLabels: {team: red}}}]}]"),
               "other/x > b TCP:80 denied", "a > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B
                               ", ingress: [{from: [{podSelector: {matchLabels: {app: c}}}, "
                               "{namespaceSelector: {matchLabels: {team: red}}}]}]"),
               "other/x > b TCP:80 allowed", "c > b TCP:80 allowed", "a > b TCP:80 denied");
}

/* One selector in policies of two namespaces means two lists of pods. */
static void line_04_own_namespace_of_each_policy(void **state)
{
#define FROM_A "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}]"
        EXPECT(EVERYONE POLICY("p", FROM_A) POLICY_IN("third", "p", FROM_A)
                   POLICY_IN("other", "p", FROM_A),
               "a > b TCP:80 allowed", "other/x > b TCP:80 denied", "a > third/z TCP:80 denied",
               "other/x > third/z TCP:80 denied", "a > other/x TCP:80 denied");
}

/* What a selector asks of namespaces and what of pods are two things, also where they read alike.
 */
static void line_04_selectors_of_namespaces_and_pods(void **state)
{
#define RED "matchLabels: {team: red}"
#define FROM(namespaces, pods)                                                                     \
        "ingress: [{from: [{namespaceSelector: {" namespaces "}, podSelector: {" pods "}}]}]"
        EXPECT(EVERYONE POD("default", "d", "team: red", "nodeName: n1",
                            RUNNING("10.1.0.9", "fd00:1::9"))
                   POLICY("p", SELECT_B ", " FROM(RED, ""))
                       POLICY("q", "podSelector: {matchLabels: {app: a}}, " FROM("", RED)),
               "other/x > b TCP:80 allowed", "d > b TCP:80 denied", "other/x > a TCP:80 denied",
               "d > a TCP:80 allowed");
}

/* The same towards peers. */
static void line_04_peers_of_egress(void **state)
{
        EXPECT(
            EVERYONE POLICY("p", SELECT_B
                            ", policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: "
                            "{app: a}}, namespaceSelector: {matchLabels: {team: red}}}]}]"),
            "b > other/x TCP:80 allowed", "b > a TCP:80 denied", "b > third/z TCP:80 denied",
            "b > 203.0.113.9 TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: [{to: "
                                             "[{podSelector: {}}]}]"),
               "b > a TCP:80 allowed", "b > c UDP:1 allowed", "b > other/x TCP:80 denied");
}

/* namespaceSelector {} is every pod of every namespace, never an address outside the cluster. */
static void line_05_every_namespace_is_not_everyone(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{from: [{namespaceSelector: {}}]}]"),
               "a > b TCP:80 allowed", "other/x > b TCP:80 allowed", "third/z > b TCP:80 allowed",
               "203.0.113.9 > b TCP:80 denied", "2001:db8:9::9 > b TCP:80 denied",
               "node/n2 > b TCP:80 denied");
}

/* from or to that is absent or [] is anyone, inside and outside. ingress that is absent or []
 * denies all; [{}] allows all. */
static void line_06_absent_lists(void **state)
{
        static const char *const anyone[] = {"[{}]", "[{from: []}]", "[{from: null, ports: []}]",
                                             "[{ports: [{port: 1}]}, {}]"};
        static const char *const nobody[] = {"[]", "null"};

        for (size_t i = 0; i < ARRAY_SIZE(anyone); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const char *manifests = arena_printf(
                    arena, "%s" POLICY("p", SELECT_B ", ingress: %s"), EVERYONE, anyone[i]);
                EXPECT(manifests, "a > b TCP:80 allowed", "203.0.113.9 > b UDP:80 allowed",
                       "2001:db8:9::9 > b ICMP allowed", "node/n2 > b SCTP:1 allowed");
        }
        for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const char *manifests = arena_printf(
                    arena, "%s" POLICY("p", SELECT_B ", ingress: %s"), EVERYONE, nobody[i]);
                EXPECT(manifests, "a > b TCP:80 denied", "203.0.113.9 > b ICMP denied");
        }
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: [{to: []}]"),
               "b > a TCP:80 allowed", "b > 203.0.113.9 UDP:5 allowed");
}

/* Rules of a direction that is not among the types mean nothing. A type may be given twice. */
static void line_07_rules_without_their_type(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], ingress: [{ports: [{port: "
                                             "1}]}], egress: [{ports: [{port: 2}]}]"),
               "a > b TCP:80 allowed", "b > a TCP:2 allowed", "b > a TCP:1 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Ingress, Ingress], egress: [{ports: "
                                             "[{port: 2}]}]"),
               "a > b TCP:80 denied", "b > a TCP:1 allowed");
        /* nor do they add to what another policy allows */
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], ingress: [{}]")
                   POLICY("q", SELECT_B ", policyTypes: [Ingress]"),
               "a > b TCP:80 denied");
}

/* Peers and ports of one rule must both hold; rules and policies add up. Nothing denies, and order
 * means nothing. */
static void line_08_union(void **state)
{
#define FROM_A_TO_1 "{from: [{podSelector: {matchLabels: {app: a}}}], ports: [{port: 1}]}"
#define FROM_C_TO_2 "{from: [{podSelector: {matchLabels: {app: c}}}], ports: [{port: 2}]}"
        static const char *const ways[] = {
            EVERYONE POLICY("p", SELECT_B ", ingress: [" FROM_A_TO_1 ", " FROM_C_TO_2 "]"),
            EVERYONE POLICY("p", SELECT_B ", ingress: [" FROM_C_TO_2 ", " FROM_A_TO_1 "]"),
            EVERYONE POLICY("p", SELECT_B ", ingress: [" FROM_A_TO_1 "]")
                POLICY("q", "podSelector: {}, ingress: [" FROM_C_TO_2 "]")
                    POLICY("r", "podSelector: {}"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
                EXPECT(ways[i], "a > b TCP:1 allowed", "a > b TCP:2 denied", "c > b TCP:1 denied",
                       "c > b TCP:2 allowed", "other/x > b TCP:1 denied");
}

/* The verdict names all policies that isolate and all rules that allow. */
static void line_08_verdict_names_who_allows(void **state)
{
        _cleanup_cluster_ struct cluster *cluster =
            cluster_of(EVERYONE POLICY("q", "podSelector: {}, ingress: [{ports: [{port: 7}]}, {}]")
                           POLICY("r", "podSelector: {}")
                               POLICY("p", SELECT_B ", ingress: [{ports: [{port: 80}]}]"));
        _cleanup_arena_ struct arena *arena = arena_new();
        struct policy_options options = {0};
        struct packet packet;

        assert_true(packet_of(cluster, "a > b TCP:80", FAMILY_IPV4, &packet));
        struct verdict verdict = policy_verdict(arena, cluster, &options, &packet);
        const struct side *ingress = &verdict.sides[DIRECTION_INGRESS];
        assert_true(verdict.allowed && ingress->allowed && ingress->isolated);
        assert_null(ingress->exempt);
        assert_int_equal(ingress->policies.n, 3);
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(ingress->policies.items[i]->meta.name,
                                    ((const char *const[]){"p", "q", "r"})[i]);
        assert_int_equal(ingress->allowed_by.n, 2);
        assert_string_equal(ingress->allowed_by.items[0].policy->meta.name, "p");
        assert_int_equal(ingress->allowed_by.items[0].rule, 0);
        assert_string_equal(ingress->allowed_by.items[1].policy->meta.name, "q");
        assert_int_equal(ingress->allowed_by.items[1].rule, 1);
        const struct side *egress = &verdict.sides[DIRECTION_EGRESS];
        assert_true(egress->allowed && !egress->isolated);
        assert_int_equal(egress->policies.n + egress->allowed_by.n, 0);
}

/* Also of two hundred policies that select one pod. */
static void line_08_many_policies(void **state)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_add(&text, EVERYONE);
        for (int i = 1; i <= 200; i++)
                strbuf_printf(&text,
                              POLICY("p%d", SELECT_B ", ingress: [{from: [{ipBlock: {cidr: "
                                                     "203.0.%d.0/24}}], ports: [{port: %d}]}]"),
                              i, i, i * 10);
        EXPECT(text.text, "203.0.1.1 > b TCP:10 allowed", "203.0.200.1 > b TCP:2000 allowed",
               "203.0.200.1 > b TCP:10 denied", "203.0.201.1 > b TCP:2010 denied",
               "a > b TCP:10 denied", "b > a TCP:10 allowed");
}

/* Both ends must allow: the source's egress and the destination's ingress. */
static void line_09_both_ends(void **state)
{
#define A_TO_B                                                                                     \
        POLICY("out", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: "      \
                      "[{to: [{" SELECT_B "}]}]")
#define B_FROM_A                                                                                   \
        POLICY("in", SELECT_B ", ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}]")
        EXPECT(EVERYONE A_TO_B B_FROM_A, "a > b TCP:80 allowed", "a > c TCP:80 denied",
               "c > b TCP:80 denied", "b > a TCP:80 allowed");
        EXPECT(EVERYONE A_TO_B POLICY("in", SELECT_B), "a > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("out", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress]")
                   B_FROM_A,
               "a > b TCP:80 denied");
        /* also where the ends are on two nodes */
        EXPECT(EVERYONE POLICY("out",
                               "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], "
                               "egress: [{to: [{podSelector: {matchLabels: {app: c}}}]}]")
                   POLICY("in", "podSelector: {matchLabels: {app: c}}, ingress: [{ports: [{port: "
                                "9090}]}]"),
               "a > c TCP:9090 allowed", "a > c TCP:80 denied", "a > b TCP:9090 denied");
}

/* except cuts its own block only: a sibling, another rule or another policy may allow it again.
 * Each except lies strictly inside its block. */
static void line_10_except(void **state)
{
#define CUT "{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.0.0/30]}}" /* a and b, not third/z */
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: c}}, ingress: [{from: [" CUT
                                    "]}]"),
               "10.1.0.4 > c TCP:80 allowed", "10.1.0.5 > c TCP:80 allowed",
               "10.1.0.1 > c TCP:80 denied", "10.1.0.3 > c TCP:80 denied",
               "10.2.0.4 > c TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: c}}, ingress: [{from: [" CUT
                                    ", {ipBlock: {cidr: 10.1.0.1/32}}]}]"),
               "10.1.0.1 > c TCP:80 allowed", "10.1.0.2 > c TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: c}}, ingress: [{from: [" CUT
                                    "]}, {from: [{" SELECT_B "}]}]"),
               "10.1.0.1 > c TCP:80 denied", "10.1.0.2 > c TCP:80 allowed");
        EXPECT(EVERYONE POLICY("p",
                               "podSelector: {matchLabels: {app: c}}, ingress: [{from: [" CUT "]}]")
                   POLICY("q", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, "
                               "except: [10.1.0.1/32]}}]}]"),
               "10.1.0.1 > c TCP:80 denied", "10.1.0.2 > c TCP:80 allowed");
        expect_refused(POLICY("p", "ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16, except: "
                                   "[10.2.0.0/24]}}]}]"),
                       ".spec.ingress[0].from[0].ipBlock.except[0]");
        expect_refused(POLICY("p", "ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16, except: "
                                   "[10.1.0.0/16]}}]}]"),
                       ".spec.ingress[0].from[0].ipBlock.except[0]");
}

/* ipBlock is compared with the address in the packet, be it a pod's or not. */
static void line_11_blocks_hold_pods_too(void **state)
{
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: c}}, ingress: [{from: "
                                    "[{ipBlock: {cidr: 10.1.0.0/24}}, {ipBlock: {cidr: "
                                    "\"fd00:1::/64\"}}]}]"),
               "a > c TCP:80 allowed", "third/z > c TCP:80 allowed", "10.1.0.77 > c TCP:80 allowed",
               "other/x > c TCP:80 denied", "node/n1 > c TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", policyTypes: [Egress], egress: [{to: [{ipBlock: "
                                             "{cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\", "
                                             "except: [\"fd00::/8\"]}}]}]"),
               "b > 10.2.0.3 TCP:80 allowed", "b > 203.0.113.9 TCP:80 allowed",
               "b > fd00:2::3 TCP:80 denied", "b > 2001:db8:9::9 TCP:80 allowed");
}

/* Five thousand blocks in one rule are no other than one; they may overlap. */
static void line_11_many_blocks(void **state)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_add(&text, EVERYONE "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, "
                                   "metadata: {name: p}, spec: {" SELECT_B ", ingress: [{from: [");
        for (int i = 0; i < 5000; i++)
                strbuf_printf(&text, "{ipBlock: {cidr: 203.%d.%d.0/%d}}, ", i / 250, i % 250,
                              i % 250 == 0 ? 23 : 25);
        strbuf_add(&text, "{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.7/32]}}]}]}}\n");
        EXPECT(text.text, "203.0.0.200 > b TCP:1 allowed", "203.0.1.200 > b TCP:1 allowed",
               "203.0.2.127 > b TCP:1 allowed", "203.0.2.128 > b TCP:1 denied",
               "203.19.249.127 > b UDP:1 allowed", "203.19.250.1 > b UDP:1 denied",
               "203.20.0.1 > b UDP:1 denied", "198.51.100.6 > b TCP:1 allowed",
               "198.51.100.7 > b TCP:1 denied", "a > b TCP:1 denied");
}

/* A stored block may have host bits and leading zeros; it is taken as the network it lies in. */
static void line_12_blocks_are_canonical(void **state)
{
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: c}}, ingress: [{from: "
                                    "[{ipBlock: {cidr: 010.1.0.9/29, except: [10.01.0.13/31]}}]}]"),
               "10.1.0.7 > c TCP:80 denied", "10.1.0.8 > c TCP:80 allowed",
               "10.1.0.12 > c TCP:80 denied", "10.1.0.13 > c TCP:80 denied",
               "10.1.0.15 > c TCP:80 allowed", "10.1.0.16 > c TCP:80 denied");
}

/* ports absent or []: all ports of all protocols. An entry without port: all ports of its protocol.
 * Without protocol: TCP. */
static void line_13_ports(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: []}]"), "a > b TCP:80 allowed",
               "a > b UDP:0 allowed", "a > b SCTP:65535 allowed", "a > b ICMP allowed",
               "a > b 47 allowed");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{protocol: UDP}]}]"),
               "a > b UDP:0 allowed", "a > b UDP:65535 allowed", "a > b TCP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{}]}]"), "a > b TCP:80 allowed",
               "a > b UDP:80 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{port: 80}, {port: 53, "
                                             "protocol: UDP}]}]"),
               "a > b TCP:80 allowed", "a > b TCP:53 denied", "a > b UDP:53 allowed",
               "a > b UDP:80 denied", "a > b SCTP:80 denied", "a > b TCP:79 denied",
               "a > b TCP:81 denied");
}

/* endPort wants a number for port, and not a greater one. */
static void line_14_ranges(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{port: 80, endPort: 90}, {port: "
                                             "443, endPort: 443}]}]"),
               "a > b TCP:79 denied", "a > b TCP:80 allowed", "a > b TCP:85 allowed",
               "a > b TCP:90 allowed", "a > b TCP:91 denied", "a > b TCP:443 allowed",
               "a > b TCP:444 denied", "a > b UDP:85 denied");
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{port: 1, endPort: 65535}]}]"),
               "a > b TCP:1 allowed", "a > b TCP:65535 allowed", "a > b TCP:0 denied",
               "a > b UDP:1 denied");
        expect_refused(POLICY("p", "ingress: [{ports: [{port: 80, endPort: 79}]}]"),
                       ".spec.ingress[0].ports[0].endPort");
        expect_refused(POLICY("p", "ingress: [{ports: [{port: http, endPort: 90}]}]"),
                       ".spec.ingress[0].ports[0].endPort");
        expect_refused(POLICY("p", "ingress: [{ports: [{endPort: 90}]}]"),
                       ".spec.ingress[0].ports[0].endPort");
}

/* A named port is the destination pod's, by name and protocol: two pods may give it two numbers,
 * and a pod without that name matches nothing. */
static void line_15_named_ports_of_ingress(void **state)
{
        EXPECT(EVERYONE POLICY("p", "podSelector: {}, ingress: [{ports: [{port: http}]}]"),
               "a > b TCP:8080 allowed", "a > b TCP:9090 denied", "a > c TCP:9090 allowed",
               "a > c TCP:8080 denied", "b > a TCP:8080 denied", "b > a TCP:0 denied",
               "a > b UDP:8080 denied");
        EXPECT(EVERYONE POLICY("p", "podSelector: {}, ingress: [{ports: [{port: dns}]}]"),
               "a > b TCP:53 denied", "a > b UDP:53 denied"); /* dns is UDP, the entry TCP */
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{port: dns, protocol: UDP}]}]"),
               "a > b UDP:53 allowed", "a > b TCP:53 denied");
}

/* In egress it is each peer's own; without to, that of every pod of the cluster; and that of pods
 * in a block. What is not a pod has no names. */
static void line_15_named_ports_of_egress(void **state)
{
#define EGRESS_OF_A(to)                                                                            \
        POLICY("p", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{" to   \
                    "ports: [{port: http}]}]")
        EXPECT(EVERYONE EGRESS_OF_A("to: [{podSelector: {}}], "), "a > b TCP:8080 allowed",
               "a > b TCP:9090 denied", "a > c TCP:9090 allowed", "a > c TCP:8080 denied",
               "a > b UDP:8080 denied", "a > other/x TCP:8080 denied");
        EXPECT(EVERYONE EGRESS_OF_A("to: [{podSelector: {matchLabels: {app: c}}}], "),
               "a > c TCP:9090 allowed", "a > b TCP:8080 denied");
        EXPECT(EVERYONE EGRESS_OF_A(""), "a > b TCP:8080 allowed", "a > c TCP:9090 allowed",
               "a > c TCP:8080 denied", "a > 203.0.113.9 TCP:8080 denied",
               "a > node/n2 TCP:8080 denied");
        EXPECT(EVERYONE EGRESS_OF_A("to: [{ipBlock: {cidr: 10.1.0.0/16}}], "),
               "a > 10.1.0.2 TCP:8080 allowed", "a > c TCP:9090 denied",
               "a > 10.1.0.77 TCP:8080 denied", "a > fd00:1::2 TCP:8080 denied");
        EXPECT(EVERYONE EGRESS_OF_A("to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.2/32]}}], "),
               "a > 10.1.0.2 TCP:8080 denied", "a > 10.2.0.3 TCP:9090 allowed");
        /* the same name of two protocols, in two rules with the same peers */
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], "
                                    "egress: [{to: [{podSelector: {}}], ports: [{port: dns}]}, "
                                    "{to: [{podSelector: {}}], ports: [{port: dns, protocol: "
                                    "UDP}]}]"),
               "a > b UDP:53 allowed", "a > b TCP:53 denied");
}

/* Ports of egress are the pod's, not the Service's: a packet is judged as it is after DNAT. */
static void line_16_ports_behind_a_service(void **state)
{
        EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], "
                                    "egress: [{to: [{" SELECT_B "}], ports: [{port: 8080}]}]"),
               "a > b TCP:8080 allowed", /* from the Service's 10.96.0.10:80 */
               "a > b TCP:80 denied", "a > 10.96.0.10 TCP:80 denied");
}

/* A policy that names only SCTP or UDP isolates from TCP just as well. */
static void line_17_protocols_isolate_from_others(void **state)
{
        EXPECT(EVERYONE POLICY("p", SELECT_B ", ingress: [{ports: [{protocol: SCTP, port: 80}]}]"),
               "a > b SCTP:80 allowed", "a > b SCTP:81 denied", "a > b TCP:80 denied",
               "a > b UDP:80 denied", "a > b ICMP denied");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(line_01_isolated_where_a_policy_selects),
            cmocka_unit_test(line_02_types_are_derived),
            cmocka_unit_test(line_03_empty_selector_selects_the_namespace),
            cmocka_unit_test(line_04_peers),
            cmocka_unit_test(line_04_own_namespace_of_each_policy),
            cmocka_unit_test(line_04_selectors_of_namespaces_and_pods),
            cmocka_unit_test(line_04_peers_of_egress),
            cmocka_unit_test(line_05_every_namespace_is_not_everyone),
            cmocka_unit_test(line_06_absent_lists),
            cmocka_unit_test(line_07_rules_without_their_type),
            cmocka_unit_test(line_08_union),
            cmocka_unit_test(line_08_verdict_names_who_allows),
            cmocka_unit_test(line_08_many_policies),
            cmocka_unit_test(line_09_both_ends),
            cmocka_unit_test(line_10_except),
            cmocka_unit_test(line_11_blocks_hold_pods_too),
            cmocka_unit_test(line_11_many_blocks),
            cmocka_unit_test(line_12_blocks_are_canonical),
            cmocka_unit_test(line_13_ports),
            cmocka_unit_test(line_14_ranges),
            cmocka_unit_test(line_15_named_ports_of_ingress),
            cmocka_unit_test(line_15_named_ports_of_egress),
            cmocka_unit_test(line_16_ports_behind_a_service),
            cmocka_unit_test(line_17_protocols_isolate_from_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
