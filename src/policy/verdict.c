#include "policy/verdict.h"

#include <string.h>

/* Every question is asked as the API puts it, of the two addresses of one packet: who holds them,
 * which policies select the holder, which of their rules take in the other end and the port.
 * Nothing is prepared or remembered, except that addresses are found through the cluster's index.
 *
 * An address means a pod only where a pod that takes part holds it: not finished, not of the host's
 * network. Any other address, a node's too, is just an address. */

const char *verdict_name(bool allowed)
{
        return allowed ? "Allowed" : "Denied";
}

/* One direction of one packet. The subject is the pod whose policies are asked. */
struct question {
        const struct cluster *cluster;
        const struct policy_options *options;
        const struct packet *packet;
        enum direction direction;
        const struct pod *subject;     /* NULL where no pod holds that end */
        const struct ip *peer_address; /* the other end */
        const struct pod *peer;        /* NULL where no pod holds it */
        const struct pod *destination; /* subject or peer */
};

static struct question ask(const struct cluster *cluster, const struct policy_options *options,
                           const struct packet *packet, enum direction direction)
{
        const struct pod *source = cluster_pod_at(cluster, &packet->source);
        const struct pod *destination = cluster_pod_at(cluster, &packet->destination);
        bool ingress = direction == DIRECTION_INGRESS;

        return (struct question){
            .cluster = cluster,
            .options = options,
            .packet = packet,
            .direction = direction,
            .subject = ingress ? destination : source,
            .peer_address = ingress ? &packet->source : &packet->destination,
            .peer = ingress ? source : destination,
            .destination = destination,
        };
}

/* A namespaceSelector that is absent means the policy's own namespace, a podSelector that is absent
 * every pod. */
static bool peer_takes_in(const struct question *question, const struct network_policy *policy,
                          const struct policy_peer *peer)
{
        const struct pod *pod = question->peer;

        if (peer_is_ip_block(peer))
                return ip_block_holds(peer, question->peer_address);
        if (!pod)
                return false;
        const struct namespace *namespace =
            cluster_namespace(question->cluster, pod->meta.namespace);
        if (peer->namespace_selector
                ? !selector_matches(peer->namespace_selector, &namespace->meta.labels)
                : namespace->meta.name != policy->meta.namespace)
                return false;
        return !peer->pod_selector || selector_matches(peer->pod_selector, &pod->meta.labels);
}

/* A name is the destination pod's, in both directions. */
static bool port_takes_in(const struct question *question, const struct policy_port *port)
{
        const struct packet *packet = question->packet;
        uint16_t number;

        if (port->protocol != packet->protocol)
                return false;
        if (!port->name)
                return port_range_contains(port->range, packet->port);
        return question->destination &&
               pod_named_port(question->destination, port->name, port->protocol, &number) &&
               number == packet->port;
}

static bool rule_allows(const struct question *question, const struct network_policy *policy,
                        const struct policy_rule *rule)
{
        bool from = rule->peers.n == 0, port = rule->ports.n == 0;

        for (size_t i = 0; i < rule->peers.n; i++)
                from = from || peer_takes_in(question, policy, &rule->peers.items[i]);
        for (size_t i = 0; i < rule->ports.n; i++)
                port = port || port_takes_in(question, &rule->ports.items[i]);
        return from && port;
}

/* The host's pods are their node, with whatever addresses they report. */
static bool is_address_of_node(const struct cluster *cluster, const char *name,
                               const struct ip *address)
{
        const struct node *node = cluster_node(cluster, name);

        for (size_t i = 0; node && i < node->addresses.n; i++)
                if (ip_equal(&node->addresses.items[i], address))
                        return true;
        vec_foreach (const struct pod, pod, &cluster->pods) {
                if (!pod->host_network || pod_finished(pod) || pod->node != name)
                        continue;
                for (size_t i = 0; i < pod->ips.n; i++)
                        if (ip_equal(&pod->ips.items[i], address))
                                return true;
        }
        return false;
}

static const char *why_exempt(const struct question *question)
{
        const struct pod *subject = question->subject;

        if (!subject)
                return NULL;
        if (subject == question->peer)
                return "itself";
        if (question->direction == DIRECTION_EGRESS && question->options->own_node_egress)
                return NULL;
        if (*subject->node &&
            is_address_of_node(question->cluster, subject->node, question->peer_address))
                return "own node";
        return NULL;
}

static void ask_policy(struct arena *arena, const struct question *question,
                       const struct network_policy *policy, struct side *side)
{
        const struct policy_rules *rules = &policy->rules[question->direction];

        if (!rules->isolates ||
            !selector_matches(&policy->pod_selector, &question->subject->meta.labels))
                return;
        side->isolated = true;
        if (arena)
                vec_push(arena, &side->policies, policy);
        for (size_t i = 0; i < rules->n; i++) {
                if (!rule_allows(question, policy, &rules->items[i]))
                        continue;
                struct policy_rule_ref ref = {policy, question->direction, i};
                side->allowed = true;
                if (!arena)
                        return;
                vec_push(arena, &side->allowed_by, ref);
        }
}

static bool judges(const struct policy_options *options, const char *node)
{
        return !options->node || strcmp(options->node, node) == 0;
}

/* arena is NULL where only the answer is wanted. */
static struct side judge(struct arena *arena, const struct question *question)
{
        const struct cluster *cluster = question->cluster;
        struct side side = {0};

        if (question->subject && judges(question->options, question->subject->node)) {
                struct span span = cluster_policies_of(cluster, question->subject->meta.namespace);
                for (size_t i = span.first; i < span.first + span.n; i++)
                        ask_policy(arena, question, &cluster->policies.items[i], &side);
        }
        if (!side.isolated)
                side.allowed = true;
        /* Looks at every pod of the cluster, so only where it matters. */
        if (arena || !side.allowed)
                side.exempt = why_exempt(question);
        if (side.exempt)
                side.allowed = true;
        return side;
}

static bool is_isolated(const struct cluster *cluster, const struct pod *pod)
{
        struct span span = cluster_policies_of(cluster, pod->meta.namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &cluster->policies.items[i];
                if ((policy->rules[DIRECTION_INGRESS].isolates ||
                     policy->rules[DIRECTION_EGRESS].isolates) &&
                    selector_matches(&policy->pod_selector, &pod->meta.labels))
                        return true;
        }
        return false;
}

static bool is_of_node(const struct cluster *cluster, const char *node, const struct packet *packet)
{
        return *node && (is_address_of_node(cluster, node, &packet->source) ||
                         is_address_of_node(cluster, node, &packet->destination));
}

/* node is NULL where any is meant. What a node sends or gets itself passes to no other. */
static bool may_meet_isolated_pod(const struct cluster *cluster, const char *node,
                                  const struct packet *packet)
{
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (pod_takes_part(pod) && (!node || strcmp(pod->node, node) == 0) &&
                    is_isolated(cluster, pod) && !is_of_node(cluster, pod->node, packet))
                        return true;
        return false;
}

static bool is_link_local(const struct ip *ip)
{
        return ip->family == FAMILY_IPV6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Which address is the broadcast of a link, no object says; 255.255.255.255 is everywhere. */
static bool means_many(const struct ip *ip)
{
        static const uint8_t broadcast[] = {255, 255, 255, 255};

        if (ip->family == FAMILY_IPV6)
                return ip->bytes[0] == 0xff;
        return (ip->bytes[0] & 0xf0) == 224 || memcmp(ip->bytes, broadcast, 4) == 0;
}

static bool has_link_local_end(const struct packet *packet)
{
        return is_link_local(&packet->source) || is_link_local(&packet->destination);
}

bool policy_is_of_link(const struct packet *packet)
{
        return has_link_local_end(packet) || means_many(&packet->destination);
}

static bool link_denies(const struct cluster *cluster, const struct policy_options *options,
                        const struct packet *packet)
{
        const struct pod *source;

        if (has_link_local_end(packet))
                return may_meet_isolated_pod(cluster, options->node, packet);
        if (!means_many(&packet->destination))
                return false;
        source = cluster_pod_at(cluster, &packet->source);
        return source && judges(options, source->node) &&
               may_meet_isolated_pod(cluster, source->node, packet);
}

static struct verdict judge_both(struct arena *arena, const struct cluster *cluster,
                                 const struct policy_options *options, const struct packet *packet)
{
        bool of_link = link_denies(cluster, options, packet);
        struct verdict verdict = {.allowed = !of_link, .of_link = of_link};

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                struct question question = ask(cluster, options, packet, d);
                verdict.sides[d] = judge(arena, &question);
                verdict.allowed = verdict.allowed && verdict.sides[d].allowed;
        }
        return verdict;
}

struct verdict policy_verdict(struct arena *arena, const struct cluster *cluster,
                              const struct policy_options *options, const struct packet *packet)
{
        return judge_both(arena, cluster, options, packet);
}

bool policy_allows(const struct cluster *cluster, const struct policy_options *options,
                   const struct packet *packet)
{
        return judge_both(NULL, cluster, options, packet).allowed;
}
