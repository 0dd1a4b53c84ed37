#include "every_node.h"

static void add_node(struct arena *arena, struct every_node *every, struct map *known,
                     const char *name)
{
        struct node_rules node = {.name = name};

        if (map_get(known, name))
                return;
        map_put(known, name, every);
        vec_push(arena, &every->nodes, node);
}

static void add_own_addresses(struct arena *arena, const struct cluster *cluster,
                              struct node_rules *node)
{
        const struct node *object = cluster_node(cluster, node->name);

        for (size_t i = 0; object && i < object->addresses.n; i++)
                vec_push(arena, &node->own, object->addresses.items[i]);
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; i < pod->ips.n; i++)
                        if (*node->name && pod->node == node->name && pod->host_network &&
                            !pod_finished(pod))
                                vec_push(arena, &node->own, pod->ips.items[i]);
}

struct every_node *every_node_compile(struct arena *arena, const struct cluster *cluster,
                                      bool own_node_egress, enum deny_action deny, struct err *err)
{
        struct every_node *every = arena_new_object(arena, struct every_node);
        struct map *known = map_new(arena);

        vec_foreach (const struct node, node, &cluster->nodes)
                add_node(arena, every, known, node->meta.name);
        vec_foreach (const struct pod, pod, &cluster->pods)
                add_node(arena, every, known, pod->node);
        vec_foreach (struct node_rules, node, &every->nodes) {
                struct compile_options options = {
                    .node = node->name, .own_node_egress = own_node_egress, .deny = deny};
                add_own_addresses(arena, cluster, node);
                node->ruleset = compile(arena, cluster, &options, err);
                if (!node->ruleset)
                        return NULL;
        }
        return every;
}

static bool owns(const struct node_rules *node, const struct ip *ip)
{
        vec_foreach (const struct ip, own, &node->own)
                if (ip_equal(own, ip))
                        return true;
        return false;
}

/* The kernel asks its local addresses first: what a node owns is never forwarded. */
static enum sim_hook hook_of(const struct node_rules *node, const struct sim_packet *packet)
{
        if (owns(node, &packet->destination))
                return HOOK_INPUT;
        return owns(node, &packet->source) ? HOOK_OUTPUT : HOOK_FORWARD;
}

enum outcome node_rules_judge(const struct node_rules *node, const struct packet *packet)
{
        struct sim_packet sim =
            sim_packet_new(&packet->source, &packet->destination, packet->protocol, packet->port);

        return simulate_ruleset(node->ruleset, hook_of(node, &sim), &sim).outcome;
}

enum outcome every_node_run(const struct every_node *every, const struct sim_packet *packet)
{
        vec_foreach (const struct node_rules, node, &every->nodes) {
                struct sim_result result =
                    simulate_ruleset(node->ruleset, hook_of(node, packet), packet);
                if (result.outcome != OUTCOME_PASS)
                        return result.outcome;
        }
        return OUTCOME_PASS;
}

enum outcome every_node_judge(const struct every_node *every, const struct packet *packet)
{
        struct sim_packet sim =
            sim_packet_new(&packet->source, &packet->destination, packet->protocol, packet->port);

        return every_node_run(every, &sim);
}
