#include "packets.h"

static void add_other(struct arena *arena, struct packet_pool *pool, struct ip ip)
{
        vec_push(arena, &pool->other[ip.family], ip);
}

/* One up or down; past the end it comes round, which is an address like any other. */
static struct ip neighbour(struct ip ip, bool up)
{
        for (unsigned i = family_bits(ip.family) / 8; i-- > 0;) {
                ip.bytes[i] = (uint8_t)(ip.bytes[i] + (up ? 1 : -1));
                if (ip.bytes[i] != (up ? 0 : 0xff))
                        break;
        }
        return ip;
}

static void add_edges(struct arena *arena, struct packet_pool *pool, const struct prefix *prefix)
{
        struct ip last = prefix->ip;

        for (unsigned bit = prefix->length; bit < family_bits(last.family); bit++)
                last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        add_other(arena, pool, prefix->ip);
        add_other(arena, pool, last);
        add_other(arena, pool, neighbour(prefix->ip, false));
        add_other(arena, pool, neighbour(last, true));
}

static void add_rule(struct arena *arena, struct packet_pool *pool, const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (!peer_is_ip_block(peer))
                        continue;
                add_edges(arena, pool, &peer->cidr);
                for (size_t j = 0; j < peer->except.n; j++)
                        add_edges(arena, pool, &peer->except.items[j]);
        }
        for (size_t i = 0; i < rule->ports.n; i++) {
                struct port_range range = rule->ports.items[i].range;
                const uint16_t edges[] = {(uint16_t)(range.first - 1), range.first, range.last,
                                          (uint16_t)(range.last + 1)};
                for (size_t j = 0; !rule->ports.items[i].name && j < ARRAY_SIZE(edges); j++)
                        vec_push(arena, &pool->ports, edges[j]);
        }
}

struct packet_pool packet_pool_of(struct arena *arena, const struct cluster *cluster)
{
        /* Strangers, and what every link has. */
        static const char *const outside[] = {"203.0.113.9", "224.0.0.251", "255.255.255.255",
                                              "2001:db8::9", "fe80::9",     "ff02::fb"};
        struct packet_pool pool = {.cluster = cluster};
        struct ip ip;

        for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
                if (ip_parse(outside[i], &ip))
                        add_other(arena, &pool, ip);
        vec_push(arena, &pool.ports, 0);
        vec_foreach (const struct pod, pod, &cluster->pods) {
                for (size_t i = 0; i < pod->ips.n; i++)
                        vec_push(arena, &pool.pods[pod->ips.items[i].family], pod->ips.items[i]);
                for (size_t i = 0; i < pod->ports.n; i++)
                        vec_push(arena, &pool.ports, pod->ports.items[i].port);
        }
        vec_foreach (const struct node, node, &cluster->nodes)
                for (size_t i = 0; i < node->addresses.n; i++)
                        add_other(arena, &pool, node->addresses.items[i]);
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        for (size_t i = 0; i < policy->rules[d].n; i++)
                                add_rule(arena, &pool, &policy->rules[d].items[i]);
        return pool;
}

static struct ip draw_address(const struct packet_pool *pool, struct bytes *bytes,
                              enum family family)
{
        size_t pods = pool->pods[family].n, other = pool->other[family].n;

        if (pods > 0 && bytes_chance(bytes, 70))
                return pool->pods[family].items[bytes_below(bytes, (unsigned)pods)];
        return pool->other[family].items[bytes_below(bytes, (unsigned)other)];
}

/* 47 is GRE: what has no ports and is not ICMP. */
#define PROTOCOL_GRE ((enum protocol)47)

static void draw_traffic(const struct packet_pool *pool, struct bytes *bytes, struct packet *packet)
{
        static const enum protocol protocols[] = {
            PROTOCOL_TCP, PROTOCOL_TCP,  PROTOCOL_TCP,  PROTOCOL_TCP,  PROTOCOL_UDP,
            PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_SCTP, PROTOCOL_ICMP, PROTOCOL_GRE,
        };

        packet->protocol = protocols[bytes_below(bytes, ARRAY_SIZE(protocols))];
        if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_GRE)
                packet->port = 0;
        else if (bytes_chance(bytes, 95))
                packet->port = pool->ports.items[bytes_below(bytes, (unsigned)pool->ports.n)];
        else
                packet->port = (uint16_t)bytes_below(bytes, 65536);
}

/* A pod of the namespace, one that the selector selects where a few draws find one. */
static const struct pod *draw_pod(const struct cluster *cluster, struct bytes *bytes,
                                  const char *namespace, const struct selector *selector)
{
        struct span span = cluster_pods_of(cluster, namespace);
        const struct pod *pod = NULL;

        for (unsigned tries = 0; span.n > 0 && tries < 4; tries++) {
                pod = &cluster->pods.items[span.first + bytes_below(bytes, (unsigned)span.n)];
                if (selector_matches(selector, &pod->meta.labels))
                        break;
        }
        return pod;
}

static void aim_at_port(struct bytes *bytes, const struct cluster *cluster,
                        const struct policy_rule *rule, struct packet *packet)
{
        const struct policy_port *port =
            &rule->ports.items[bytes_below(bytes, (unsigned)rule->ports.n)];
        const struct pod *destination = cluster_pod_at(cluster, &packet->destination);

        packet->protocol = port->protocol;
        if (!port->name)
                packet->port = bytes_chance(bytes, 50) ? port->range.first : port->range.last;
        else if (destination)
                pod_named_port(destination, port->name, port->protocol, &packet->port);
        if (bytes_chance(bytes, 20))
                packet->port = (uint16_t)(packet->port + (bytes_chance(bytes, 50) ? 1 : -1));
}

/* An address in or near one of the rule's peers; NULL where nothing suits. */
static const struct ip *aim_at_peer(const struct cluster *cluster, struct bytes *bytes,
                                    const struct policy_rule *rule, enum family family,
                                    struct ip *block)
{
        if (rule->peers.n == 0)
                return NULL;
        const struct policy_peer *peer =
            &rule->peers.items[bytes_below(bytes, (unsigned)rule->peers.n)];
        if (peer_is_ip_block(peer)) {
                *block = peer->cidr.ip;
                if (bytes_chance(bytes, 30) && peer->except.n > 0)
                        *block =
                            peer->except.items[bytes_below(bytes, (unsigned)peer->except.n)].ip;
                return block->family == family ? block : NULL;
        }
        const struct namespace *namespace =
            &cluster->namespaces.items[bytes_below(bytes, (unsigned)cluster->namespaces.n)];
        static const struct selector all;
        const struct pod *pod = draw_pod(cluster, bytes, namespace->meta.name,
                                         peer->pod_selector ? peer->pod_selector : &all);
        return pod ? pod_ip(pod, family) : NULL;
}

/* Leaves the packet as it is where the policy drawn has nothing to aim at. */
static void aim(const struct packet_pool *pool, struct bytes *bytes, enum family family,
                struct packet *packet)
{
        const struct cluster *cluster = pool->cluster;

        if (cluster->policies.n == 0)
                return;
        const struct network_policy *policy =
            &cluster->policies.items[bytes_below(bytes, (unsigned)cluster->policies.n)];
        const struct pod *pod =
            draw_pod(cluster, bytes, policy->meta.namespace, &policy->pod_selector);
        enum direction direction = bytes_chance(bytes, 50) ? DIRECTION_EGRESS : DIRECTION_INGRESS;
        const struct policy_rules *rules = &policy->rules[direction];
        const struct ip *ip = pod ? pod_ip(pod, family) : NULL;

        if (!ip)
                return;
        bool ingress = direction == DIRECTION_INGRESS;
        *(ingress ? &packet->destination : &packet->source) = *ip;
        if (rules->n == 0)
                return;
        const struct policy_rule *rule = &rules->items[bytes_below(bytes, (unsigned)rules->n)];
        struct ip block;
        if (bytes_chance(bytes, 60) && (ip = aim_at_peer(cluster, bytes, rule, family, &block)))
                *(ingress ? &packet->source : &packet->destination) = *ip;
        if (rule->ports.n > 0 && bytes_chance(bytes, 80))
                aim_at_port(bytes, cluster, rule, packet);
}

struct packet packet_pool_draw(const struct packet_pool *pool, struct bytes *bytes)
{
        enum family family = bytes_chance(bytes, 50) ? FAMILY_IPV6 : FAMILY_IPV4;
        struct packet packet = {
            .source = draw_address(pool, bytes, family),
            .destination = draw_address(pool, bytes, family),
        };

        draw_traffic(pool, bytes, &packet);
        if (bytes_chance(bytes, 50))
                aim(pool, bytes, family, &packet);
        return packet;
}

const char *packet_text(struct arena *arena, const struct packet *packet)
{
        char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];
        const char *protocol = protocol_name(packet->protocol);

        return arena_printf(arena, "%s > %s %s:%u", ip_format(&packet->source, source),
                            ip_format(&packet->destination, destination),
                            protocol ? protocol
                                     : arena_printf(arena, "protocol %u", packet->protocol),
                            packet->port);
}
