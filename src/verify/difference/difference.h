#pragma once

#include "kube/cluster.h"
#include "policy/verdict.h"
#include "verify/bits.h"

/* Which connections a change of the cluster opens and closes: the meaning of all policies before
 * against their meaning after, for every pair of ends, protocol and port, as policy_verdict() has
 * it, of all nodes together. No rule of any firewall is asked.
 *
 * Ends are pods that take part both before and after, by namespace and name, whatever their
 * addresses; and addresses that are no pod's. A pod that has no address yet may come to have any
 * but a node's or a link's, the same before and after where it lacks one at both times: what is
 * otherwise at one of these than at another is undecided. Pods of one time alone are listed, not
 * their connections.
 *
 * Each change is one end's doing: it now allows what it did not, or the other way about, and so
 * these connections open or close. Where both ends do, each has a change of its own: 250 isolated
 * sources and 1,000 isolated destinations are 1,250 lines to read, not 250,000.
 *
 * What a change says is true of every pair out of its two groups, but for a pod and itself and for
 * a pod and its own node, which reach each other whatever policies say. */

enum change_kind { CHANGE_CLOSED, CHANGE_OPENED };

struct traffic {
        enum protocol protocol; /* PROTOCOL_ANY: ICMP, and all others that have no ports here */
        struct port_range ports;
};

enum reason_kind {
        REASON_RULE,      /* allows it: after, where opened; before, where closed */
        REASON_ISOLATION, /* the policy isolates the pod: before, where opened; after, where closed
                           */
        REASON_OWN_NODE,  /* the two are a pod and its node, after or before */
};

struct reason {
        enum reason_kind kind;
        enum direction direction;            /* whose end: egress is the source's */
        const struct network_policy *policy; /* NULL for own node */
        size_t rule;
};

/* One end of a change. Names are what a person reads: "anywhere", "shop/backend-*", a block
 * "10.0.0.0/8 except 10.1.0.0/16"; together they are the group, whole. */
struct group {
        bits_word *pods;             /* of difference->pods */
        bits_word *blocks[FAMILIES]; /* of difference->blocks[family] */
        const char **names;
        size_t n_names;
};

struct change {
        enum change_kind kind;
        bool undecided; /* it may be so or not, as an address that a pod is to have will lie */
        bool families[FAMILIES]; /* in which both groups are meant */
        bool one_family;         /* its other family did not change alike, and says so by itself */
        struct group from, to;
        const struct traffic *traffic; /* by protocol and port, disjoint */
        size_t n_traffic;
        /* Of one direction. Each rule allows by itself; undecided, it may. Of policies that isolate
         * no one allows it. */
        const struct reason *reasons;
        size_t n_reasons;
};

/* Link-local addresses of IPv6, and what pods send to many (multicast, broadcast), no policy can
 * name: closed while there are isolated pods whom it may reach. node NULL: link-local, everywhere;
 * else what pods of that node send to many. */
struct link_change {
        enum change_kind kind;
        const char *node;
};

struct address_block {
        struct ip first, last;
        bool in_use; /* some address in it is no pod's, nor of a link alone */
};

struct difference {
        VEC(struct change) changes; /* sorted by what is read: to, from, traffic */
        VEC(struct link_change) links;
        VEC(const struct pod *) pods; /* compared, as they are after; by namespace and name */
        VEC(const struct pod *) gone; /* that take part before alone */
        VEC(const struct pod *) appeared;
        VEC(struct address_block) blocks[FAMILIES]; /* the whole number line */
        size_t without_address;                     /* pods compared that lack one */
        const struct ends *ends;                    /* of difference/ends.h */
};

struct difference_options {
        bool own_node_egress;
        /* Called now and then while it takes long; may be NULL. */
        void (*progress)(size_t done, size_t all, void *data);
        void *data;
};

/* Everything lives in arena, and points into both clusters, which are sealed. */
struct difference *difference_find(struct arena *arena, const struct cluster *before,
                                   const struct cluster *after,
                                   const struct difference_options *options);
bool difference_is_none(const struct difference *difference);

/* What becomes of a packet whose addresses are those after: the changes that it belongs to, all of
 * one kind, one for each end that is why; where nothing is decided, also of both kinds. None for
 * packets of link_changes. */
#define CHANGES_OF_MOST 4
struct changes_of {
        const struct change *items[CHANGES_OF_MOST];
        size_t n;
};
struct changes_of difference_of(const struct difference *difference, const struct packet *packet);
/* The same between ends of ->ends: of the packet its family, protocol and port count alone. */
struct changes_of difference_between(const struct difference *difference, size_t from, size_t to,
                                     const struct packet *packet);
