#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "kube/selector.h"

/* The cluster as plain objects: what of Kubernetes' own types decides a verdict, and nothing more.
 * Everything lives in the arena of the cluster that holds it; every text is interned there, so
 * equal texts are equal pointers; but for uids, which are never equal. An absent list has n == 0
 * and NULL items; where absent and empty differ in meaning, the type says so. */

struct place {
        const char *file; /* "-" is standard input */
        unsigned line;    /* from 1; 0 is the file as a whole */
};

struct meta {
        const char *namespace; /* "" for kinds without */
        const char *name;
        const char *uid; /* "" where absent */
        struct labels labels;
        int64_t created;  /* seconds since 1970; 0 where absent */
        bool terminating; /* deletionTimestamp is set */
        struct place place;
};

struct namespace
{
        struct meta meta; /* labels hold kubernetes.io/metadata.name always */
        bool implied;     /* it has no object, but objects are in it */
};

struct node {
        struct meta meta;
        struct {
                struct prefix *items;
                size_t n;
        } pod_cidrs;
        struct {
                struct ip *items;
                size_t n;
        } addresses; /* of types InternalIP and ExternalIP */
};

struct container_port {
        const char *name; /* NULL where absent */
        enum protocol protocol;
        uint16_t port;
};

enum pod_phase { POD_PENDING, POD_RUNNING, POD_SUCCEEDED, POD_FAILED, POD_UNKNOWN };
#define POD_PHASES 5
const char *pod_phase_name(enum pod_phase phase); /* "Pending" */

struct pod {
        struct meta meta;
        const char *node; /* "" where not scheduled */
        bool host_network;
        enum pod_phase phase;
        struct pod_ips {
                struct ip *items;
                size_t n;
        } ips; /* podIPs, podIP; at most one a family; once sealed, those that it holds */
        struct pod_ips given; /* once sealed: what ips were, also those that a newer pod holds */
        struct {
                struct container_port *items;
                size_t n;
        } ports; /* of containers, then of restartable init containers, in order */
};

/* ipBlock when selectors are both NULL. A NULL selector is absent; an empty one selects all. */
struct policy_peer {
        const struct selector *pod_selector;
        const struct selector *namespace_selector;
        struct prefix cidr;
        struct {
                struct prefix *items;
                size_t n;
        } except;
};

struct policy_port {
        enum protocol protocol;
        const char *name;        /* a named port, or NULL */
        struct port_range range; /* where name is NULL; PORT_RANGE_ALL for an entry without port */
};

/* No peers: anyone. No ports: all ports of all protocols. */
struct policy_rule {
        struct {
                struct policy_peer *items;
                size_t n;
        } peers;
        struct {
                struct policy_port *items;
                size_t n;
        } ports;
};

enum direction { DIRECTION_INGRESS, DIRECTION_EGRESS };
#define DIRECTIONS 2
const char *direction_name(enum direction direction); /* "ingress", "egress" */

struct policy_rules {
        bool isolates; /* this direction is among the policyTypes, given or derived */
        struct policy_rule *items;
        size_t n;
};

struct network_policy {
        struct meta meta;
        struct selector pod_selector;
        struct policy_rules rules[DIRECTIONS]; /* by enum direction */
};

enum kind { KIND_NAMESPACE, KIND_NODE, KIND_POD, KIND_NETWORK_POLICY };
#define OBJECT_KINDS 4

/* What the API calls a kind. */
struct api_kind {
        const char *kind;            /* "NetworkPolicy" */
        const char *group, *version; /* "networking.k8s.io", "v1"; the core's group is "" */
        const char *plural;          /* "networkpolicies" */
        bool namespaced;
};
extern const struct api_kind api_kinds[OBJECT_KINDS];

/* An object of any of the kinds. */
struct object {
        enum kind kind;
        union {
                struct meta meta; /* all begin with it */
                struct namespace namespace;
                struct node node;
                struct pod pod;
                struct network_policy policy;
        };
};

bool peer_is_ip_block(const struct policy_peer *peer);
bool ip_block_holds(const struct policy_peer *block, const struct ip *ip); /* in it, not excepted */
/* An order of what ipBlocks say; 0 where it is the same. */
int ip_block_compare(const struct policy_peer *a, const struct policy_peer *b);
/* Has it ended: Succeeded or Failed? Its address may be another pod's already. */
bool pod_finished(const struct pod *pod);
/* Does it take part: is it live (not finished) and not of the host's network? Only such pods are
 * isolated, are peers and are found by address. */
bool pod_takes_part(const struct pod *pod);
/* The first port of that name and protocol, as Kubernetes' FindPort; false where there is none. */
bool pod_named_port(const struct pod *pod, const char *name, enum protocol protocol, uint16_t *ret);
/* NULL where the pod has none of that family. */
const struct ip *pod_ip(const struct pod *pod, enum family family);
