#include "every_meaning.h"

struct node_meaning node_meaning_of(struct arena *arena, const struct cluster *cluster,
                                    const char *node, enum family family)
{
        struct node_meaning made = {.node = node, .family = family};
        struct policy_options options = {.node = node};
        struct splitter *splitter = splitter_new(arena, family);

        made.meaning = meaning_new(arena, cluster, &options, family, splitter);
        made.classes = splitter_split(arena, splitter);
        meaning_settle(made.meaning, made.classes);
        made.subjects = meaning_subjects(made.meaning);
        return made;
}

static void add_node(struct arena *arena, const struct cluster *cluster, enum family family,
                     const char *name, struct every_meaning *every)
{
        vec_foreach (const struct node_meaning, known, &every->nodes)
                if (known->node == name)
                        return;
        vec_push(arena, &every->nodes, node_meaning_of(arena, cluster, name, family));
}

struct every_meaning every_meaning_of(struct arena *arena, const struct cluster *cluster,
                                      enum family family)
{
        struct every_meaning every = {0};

        vec_foreach (const struct node, node, &cluster->nodes)
                add_node(arena, cluster, family, node->meta.name, &every);
        vec_foreach (const struct pod, pod, &cluster->pods)
                add_node(arena, cluster, family, pod->node, &every);
        return every;
}

const struct subject *node_meaning_subject(const struct node_meaning *node, const struct ip *ip)
{
        for (size_t i = 0; i < node->subjects.n; i++)
                if (ip_equal(&node->subjects.items[i].ip, ip))
                        return &node->subjects.items[i];
        return NULL;
}

static bool is_named_by_policies(enum protocol protocol)
{
        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
               protocol == PROTOCOL_ICMP;
}

bool node_meaning_allows(const struct node_meaning *node, const struct subject *subject,
                         enum direction direction, const struct packet *packet)
{
        const struct ip *other =
            direction == DIRECTION_INGRESS ? &packet->source : &packet->destination;
        enum protocol protocol =
            is_named_by_policies(packet->protocol) ? packet->protocol : PROTOCOL_ANY;

        return subject->isolated[direction] &&
               bits_get(meaning_allows(node->meaning, direction, subject->group[direction],
                                       protocol, packet->port),
                        address_class(node->classes, other));
}

static bool is_in(const struct node_meaning *node, const bits_word *classes, const struct ip *ip)
{
        return bits_get(classes, address_class(node->classes, ip));
}

static bool side_denies(const struct node_meaning *node, const struct subject *subject,
                        enum direction direction, bool own_node_egress, const struct packet *packet)
{
        bool ingress = direction == DIRECTION_INGRESS;
        const struct ip *other = ingress ? &packet->source : &packet->destination;

        if (!subject || !subject->isolated[direction] || ip_equal(other, &subject->ip))
                return false;
        if ((ingress || !own_node_egress) && is_in(node, meaning_own_node(node->meaning), other))
                return false;
        return !node_meaning_allows(node, subject, direction, packet);
}

static bool link_denies(const struct node_meaning *node, const struct subject *source,
                        const struct packet *packet)
{
        const bits_word *own = meaning_own_node(node->meaning);
        const bits_word *link_local = meaning_link_local(node->meaning);

        if (!meaning_any_isolated(node->meaning) || is_in(node, own, &packet->source) ||
            is_in(node, own, &packet->destination))
                return false;
        return is_in(node, link_local, &packet->source) ||
               is_in(node, link_local, &packet->destination) ||
               (source && is_in(node, meaning_many(node->meaning), &packet->destination));
}

bool every_meaning_allows(const struct every_meaning *every, bool own_node_egress,
                          const struct packet *packet)
{
        vec_foreach (const struct node_meaning, node, &every->nodes) {
                const struct subject *source = node_meaning_subject(node, &packet->source);
                const struct subject *destination =
                    node_meaning_subject(node, &packet->destination);
                if (link_denies(node, source, packet) ||
                    side_denies(node, source, DIRECTION_EGRESS, own_node_egress, packet) ||
                    side_denies(node, destination, DIRECTION_INGRESS, own_node_egress, packet))
                        return false;
        }
        return true;
}
