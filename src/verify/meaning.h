#pragma once

#include "kube/cluster.h"
#include "policy/verdict.h"
#include "verify/classes.h"

/* What the policies say, of whole address classes at once: for one local pod, direction, protocol
 * and port, which classes of the other end its rules take in. Written from the text of the API
 * with selectors and blocks, beside policy_verdict() (which tests hold it against) and beside the
 * compiler, of which it shares nothing.
 *
 * First it names its features to a family's splitter, then it is asked:
 *
 *     struct meaning *meaning = meaning_new(arena, cluster, options, family, splitter);
 *     classes = splitter_split(arena, splitter);
 *     meaning_settle(meaning, classes);
 *     meaning_allows(meaning, subject, DIRECTION_INGRESS, PROTOCOL_TCP, 80)
 */
struct meaning;

/* options->node: whose pods are subjects; never NULL here. The cluster is sealed. Each local pod's
 * address that takes part is a feature of its own, hence a class of its own. */
struct meaning *meaning_new(struct arena *arena, const struct cluster *cluster,
                            const struct policy_options *options, enum family family,
                            struct splitter *splitter);
void meaning_settle(struct meaning *meaning, const struct address_classes *classes);

/* A pod of the node that takes part and has an address of this family. */
struct subject {
        const struct pod *pod;
        struct ip ip;
        size_t class; /* holds its address alone */
        bool isolated[DIRECTIONS];
        /* Subjects of one group in a direction are allowed the same, whatever is asked; numbered
         * from 0, n_groups in all. Not isolated: SIZE_MAX. */
        size_t group[DIRECTIONS];
};
struct subjects {
        const struct subject *items; /* by namespace and name */
        size_t n;
        size_t n_groups[DIRECTIONS];
};
struct subjects meaning_subjects(const struct meaning *meaning);

/* The ports at which what is allowed can change, for this group: the first port of each interval,
 * sorted, each once, beginning with 0. Only TCP, UDP and SCTP have any but 0. */
struct port_starts {
        const uint16_t *items;
        size_t n;
};
struct port_starts meaning_ports(const struct meaning *meaning, enum direction direction,
                                 size_t group, enum protocol protocol);

/* Classes of the other end (sources of ingress, destinations of egress) whose packets to that
 * protocol and destination port (0 where it has none) the group's rules allow, without exemptions.
 * PROTOCOL_ICMP for either ICMP; PROTOCOL_ANY for a protocol that no policy can name. The bits are
 * the meaning's own and live as long as it; asked again, they are remembered. Answering for ports
 * of one interval is one answer. */
const bits_word *meaning_allows(struct meaning *meaning, enum direction direction, size_t group,
                                enum protocol protocol, uint16_t port);

/* Classes that are addresses of the node itself, as far as the objects say: semantics 18. */
const bits_word *meaning_own_node(const struct meaning *meaning);
/* Classes that hold nothing but addresses of a link alone (IPv6 link-local); of many at once
 * (multicast, 255.255.255.255): see policy/verdict.h. */
const bits_word *meaning_link_local(const struct meaning *meaning);
const bits_word *meaning_many(const struct meaning *meaning);
/* Is any pod of the node isolated, in any direction? Also one that has no address of this family:
 * its link-local one, no object names. */
bool meaning_any_isolated(const struct meaning *meaning);
