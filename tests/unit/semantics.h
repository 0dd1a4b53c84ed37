#pragma once

#include "unit.h"

#include "policy/verdict.h"

/* How the tests of meaning are written: manifests, packets, verdicts.
 *
 *     EXPECT(EVERYONE POLICY("p", "podSelector: {matchLabels: {app: b}}"),
 *            "a > b TCP:80 denied", "b > a TCP:80 allowed");
 *
 * Each packet is asked of the reference, of what all nodes' policies mean of address classes and of
 * the rulesets of all nodes, once with DROP and once with REJECT, in each family in which both its
 * ends have an address. An end is a pod ("a" in default, "other/x"), a node ("node/n1") or an
 * address; the protocol TCP, UDP, SCTP with a port, ICMP, or a number. */

#define NAMESPACE(name, labels)                                                                    \
        "---\n{apiVersion: v1, kind: Namespace, metadata: {name: " name ", labels: {" labels "}}}" \
        "\n"
#define NODE(name, addresses)                                                                      \
        "---\n{apiVersion: v1, kind: Node, metadata: {name: " name                                 \
        "}, status: {addresses: [" addresses "]}}\n"
/* spec and status are what else they hold. */
#define POD(namespace, name, labels, spec, status)                                                 \
        "---\n{apiVersion: v1, kind: Pod, metadata: {namespace: " namespace ", name: " name        \
                                                                            ", labels: {" labels   \
                                                                            "}}, spec: {" spec     \
                                                                            "}, status: {" status  \
                                                                            "}}\n"
#define RUNNING(v4, v6) "phase: Running, podIPs: [{ip: \"" v4 "\"}, {ip: \"" v6 "\"}]"
#define POLICY_IN(namespace, name, spec)                                                           \
        "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: "                  \
        "{namespace: " namespace ", name: " name "}, spec: {" spec "}}\n"
#define POLICY(name, spec) POLICY_IN("default", name, spec)

/* Nodes n1 and n2. In namespace default: a and b on n1, c on n2, each labelled app with its name.
 * other/x on n2, labelled app=a like a; its namespace has team=red. third/z on n1; nothing but the
 * pod names its namespace. b calls port 8080 http and 53/UDP dns, c calls 9090 http. */
#define EVERYONE                                                                                   \
        NODE("n1", "{type: InternalIP, address: 192.0.2.1}, "                                      \
                   "{type: InternalIP, address: \"2001:db8::1\"}")                                 \
        NODE("n2", "{type: InternalIP, address: 192.0.2.2}, "                                      \
                   "{type: InternalIP, address: \"2001:db8::2\"}")                                 \
        NAMESPACE("other", "team: red")                                                            \
        POD("default", "a", "app: a", "nodeName: n1", RUNNING("10.1.0.1", "fd00:1::1"))            \
        POD("default", "b", "app: b",                                                              \
            "nodeName: n1, containers: [{name: m, ports: ["                                        \
            "{name: http, containerPort: 8080},"                                                   \
            "{name: dns, containerPort: 53, protocol: UDP}]}]",                                    \
            RUNNING("10.1.0.2", "fd00:1::2"))                                                      \
        POD("default", "c", "app: c",                                                              \
            "nodeName: n2, containers: [{name: m, ports: [{name: http, containerPort: 9090}]}]",   \
            RUNNING("10.2.0.3", "fd00:2::3"))                                                      \
        POD("other", "x", "app: a", "nodeName: n2", RUNNING("10.2.0.4", "fd00:2::4"))              \
        POD("third", "z", "app: z", "nodeName: n1", RUNNING("10.1.0.5", "fd00:1::5"))

#define EXPECT_WITH(options, manifests, ...)                                                       \
        expect(__FILE__, __LINE__, (options), (manifests), (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT(manifests, ...) EXPECT_WITH((struct policy_options){0}, (manifests), __VA_ARGS__)

void expect(const char *file, int line, struct policy_options options, const char *manifests,
            const char *const *packets);

/* Reading the manifests names a problem whose line holds where. */
void expect_refused(const char *manifests, const char *where);

/* Sealed; the test fails where they hold a problem. */
struct cluster *cluster_of(const char *manifests);

/* The packet of "a > b TCP:80", in that family; false where an end has no address of it. */
bool packet_of(const struct cluster *cluster, const char *text, enum family family,
               struct packet *ret);
