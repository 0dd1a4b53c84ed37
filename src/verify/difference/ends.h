#pragma once

#include "base/map.h"
#include "base/strbuf.h"
#include "kube/cluster.h"
#include "policy/verdict.h"
#include "verify/bits.h"
#include "verify/difference/line.h"

/* Who can be at an end of a connection, before and after a change: pods that are in both, by
 * namespace and name, and addresses that are no pod's. Pods that nothing tells apart, neither
 * policies nor addresses nor nodes, are one end; so are the addresses of an interval. */

enum when { BEFORE, AFTER };
#define WHENS 2

struct pod_pair {
        const struct pod *pod[WHENS];
        size_t end;
};

#define INTERVAL_NONE SIZE_MAX       /* has no address of this family */
#define INTERVAL_ANY  (SIZE_MAX - 1) /* has no address at all yet */

struct end {
        const struct pod *pod[WHENS]; /* any one of its pods; NULL: an interval of addresses */
        VEC(size_t) members;          /* pairs; none for addresses */
        size_t intervals[WHENS][FAMILIES];
        bool family[FAMILIES]; /* that it has at both times */
        size_t ports;          /* the same for ends whose ports are the same; 0: of addresses */
        /* Whether rules that did not change themselves may now see it otherwise. */
        bool other_peer;
        bool other_ports;
        bool other_node; /* what its node's own addresses are */
};

struct node_address {
        struct ip ip;
        const char *node;
};

struct ends {
        struct arena *arena;
        const struct cluster *cluster[WHENS];
        bool own_node_egress;
        struct line lines[FAMILIES];
        VEC(struct pod_pair) pairs;          /* by namespace and name */
        VEC(const struct pod *) only[WHENS]; /* that take part at one time alone */
        VEC(struct end) list;                /* pods, then intervals of IPv4, then of IPv6 */
        size_t n_pods;                       /* of them pods */
        size_t first_interval[FAMILIES];     /* the first that is an interval of the family */
        bits_word
            *held[FAMILIES]; /* intervals whose every address is a pod's, or of a link alone */
        bits_word *of_link[FAMILIES];  /* intervals of a link alone */
        bits_word *of_nodes[FAMILIES]; /* intervals that are a node's address, at either time */
        bool by_node;                  /* a pod has a node's address: its node counts for any pod */
        bool nodes_matter;             /* for some pod it counts whose node the other end is */
        VEC(struct node_address) nodes[WHENS]; /* sorted by address, then node */
        size_t without_address;                /* pairs */
};

/* Both clusters are sealed. */
void ends_find(struct ends *ends, struct arena *arena, const struct cluster *before,
               const struct cluster *after, bool own_node_egress);
/* The end that holds the address at that time; SIZE_MAX: of a link, or a pod of one time alone. */
size_t ends_at(const struct ends *ends, enum when when, const struct ip *ip);

/* Is the peer an address of the pod's own node? */
bool ends_own_node(const struct ends *ends, enum when when, const struct pod *pod,
                   const struct end *peer, enum family family);
bool end_is_block(const struct end *end);
bool end_lacks_address(const struct end *end); /* before or after: where it lies is not known */
/* May a pod come to have an address in it? Not where all are of a link or a node's. */
bool ends_may_hold_a_pod(const struct ends *ends, enum family family, size_t interval);
/* May it be answered otherwise than all that the same policies take in, for its node's sake? */
bool ends_stands_alone(const struct ends *ends, size_t end);
/* Addresses of a link alone: IPv6 link-local, multicast, broadcast. NULL where i is past them. */
const struct prefix *link_prefix(size_t i);
bool labels_equal(const struct labels *a, const struct labels *b); /* of two clusters */
