#include <string.h>

#include "kube/cluster_parts.h"
#include "kube/copy.h"

/* Who holds which address: of all that claim it the newest (semantics 25). */

static bool is_newer(const struct meta *a, const struct meta *b)
{
        if (a->created != b->created)
                return a->created > b->created;
        int order = strcmp(a->uid, b->uid);
        return order ? order > 0 : meta_compare(a, b) > 0;
}

static bool has_ip(const struct ip *ips, size_t n, const struct ip *ip)
{
        for (size_t i = 0; i < n; i++)
                if (ip_equal(&ips[i], ip))
                        return true;
        return false;
}

const struct pod *cluster_pod_at(const struct cluster *cluster, const struct ip *ip)
{
        struct claimants claimants = claimants_of(&cluster->index->pods, ip);
        const struct pod *newest = NULL;
        size_t place;

        while (claimants_next(&claimants, &place)) {
                const struct pod *pod = &cluster->pods.items[place];

                if (has_ip(pod->given.items, pod->given.n, ip) &&
                    (!newest || is_newer(&pod->meta, &newest->meta)))
                        newest = pod;
        }
        return newest;
}

const struct node *cluster_node_at(const struct cluster *cluster, const struct ip *ip)
{
        struct claimants claimants = claimants_of(&cluster->index->nodes, ip);
        const struct node *newest = NULL;
        size_t place;

        while (claimants_next(&claimants, &place)) {
                const struct node *node = &cluster->nodes.items[place];

                if (has_ip(node->addresses.items, node->addresses.n, ip) &&
                    (!newest || is_newer(&node->meta, &newest->meta)))
                        newest = node;
        }
        return newest;
}

static void note_address(struct cluster *cluster, const struct ip *ip, const struct meta *winner,
                         const struct meta *loser)
{
        char text[IP_TEXT_SIZE];

        if (cluster->notes.n == CLUSTER_MAX_NOTES)
                return;
        const char *note = arena_printf(
            cluster->arena, "address %s of Pod %s is Pod %s's, which is newer", ip_format(ip, text),
            cluster_full_name(cluster, loser), cluster_full_name(cluster, winner));
        vec_push(cluster->arena, &cluster->notes, note);
}

static bool had_lost(const struct pod *before, const struct ip *ip)
{
        return before && has_ip(before->given.items, before->given.n, ip) &&
               !has_ip(before->ips.items, before->ips.n, ip);
}

void cluster_hold(struct cluster *cluster, struct pod *pod, const struct pod *before)
{
        struct pod_ips held = {.n = 0};

        pod->ips = pod->given;
        if (!pod_takes_part(pod))
                return;
        for (size_t i = 0; i < pod->given.n; i++) {
                const struct ip *ip = &pod->given.items[i];
                const struct pod *holder = cluster_pod_at(cluster, ip);

                if (holder != pod && !held.items) {
                        held.items = arena_new_array(cluster->arena, struct ip, pod->given.n);
                        memcpy(held.items, pod->given.items, i * sizeof(*ip));
                        held.n = i;
                }
                if (holder != pod && !had_lost(before, ip))
                        note_address(cluster, ip, &holder->meta, &pod->meta);
                if (holder == pod && held.items)
                        held.items[held.n++] = *ip;
        }
        if (held.items)
                pod->ips = held;
}

typedef void claims_change(struct claims *claims, const struct ip *ip, size_t place);

static void change_claims(struct cluster *cluster, const struct object *object, size_t place,
                          claims_change *change)
{
        if (object->kind == KIND_NODE)
                for (size_t i = 0; i < object->node.addresses.n; i++)
                        change(&cluster->index->nodes, &object->node.addresses.items[i], place);
        if (object->kind == KIND_POD && pod_takes_part(&object->pod))
                for (size_t i = 0; i < object->pod.given.n; i++)
                        change(&cluster->index->pods, &object->pod.given.items[i], place);
}

void cluster_claim(struct cluster *cluster, const struct object *object, size_t place)
{
        change_claims(cluster, object, place, claims_add);
}

void cluster_unclaim(struct cluster *cluster, const struct object *object, size_t place)
{
        change_claims(cluster, object, place, claims_drop);
}

void cluster_index_addresses(struct cluster *cluster)
{
        cluster->index = arena_new_object(cluster->arena, struct cluster_index);
        cluster->index->pods = claims_in(cluster->arena);
        cluster->index->nodes = claims_in(cluster->arena);
        for (enum kind kind = KIND_NODE; kind <= KIND_POD; kind++) {
                struct object_list list = cluster_list(cluster, kind);

                for (size_t place = 0; place < *list.n; place++) {
                        struct object object = object_of(kind, list_item(&list, place));

                        cluster_claim(cluster, &object, place);
                }
        }
}
