#pragma once

#include "base/err.h"
#include "policy/verdict.h"

/* Cuts connections that are no longer allowed (semantics 23): goes through the kernel's conntrack
 * entries of both families in this network namespace and deletes those for which keep() says no.
 * To be called when the new rules are in force and conntrack_await() has returned since: whatever
 * the old ones let through is then seen.
 *
 * keep sees a connection as the filter saw its first packet: source of the original direction,
 * destination and port of the reply's source, which is after DNAT. It may be asked once for many
 * connections that look the same to it. A connection that belongs to another (an FTP transfer to
 * its control connection) is kept as long as the other is.
 *
 * Protocols that policies don't speak of (GRE, ESP, UDP-Lite) are judged as well, without a port.
 * Kept are connections from an address of this namespace, and those to one unless to_node says
 * that rules judge them: what a node and its pods send each other is not forwarded and never
 * denied. */
struct conntrack_judge {
        bool (*keep)(const struct packet *packet, void *data);
        void *data;
        bool to_node;
};

/* keep() of a judge that asks the reference; data is one of these. */
struct conntrack_policies {
        const struct cluster *cluster;
        struct policy_options options;
};
bool conntrack_keep_allowed(const struct packet *packet, void *policies);

/* A packet that the old rules have let through enters its connection in the table only at the end
 * of its way. Returns when all that were on their way when it was called have come there, which
 * takes 10 to 20 ms; in any thread. Where the kernel can't tell (no membarrier(2), or CPUs without
 * ticks), it returns at once, and a gap of microseconds is left. */
void conntrack_await(void);

/* *ret_cut counts those that had been answered and were not over. An entry that cannot be deleted
 * is an error, after all others have been. */
int conntrack_cut(const struct conntrack_judge *judge, size_t *ret_cut, struct err *err);
/* The same, asked only of connections that have one of these addresses as the packet's source or
 * destination, of those that belong to another and of a link's own (policy_is_of_link()). */
int conntrack_cut_of(const struct conntrack_judge *judge, const struct ip *addresses, size_t n,
                     size_t *ret_cut, struct err *err);
/* Of all that a cut would delete now, those that it would count: nothing is changed. The packet is
 * what keep() was asked of, or its master's would have been; source_port is 0 where it has none. */
int conntrack_find(const struct conntrack_judge *judge,
                   void (*found_one)(const struct packet *packet, uint16_t source_port, void *data),
                   void *data, struct err *err);
