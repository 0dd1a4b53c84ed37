#include "verify/peer_features.h"

#include <string.h>

#include "verify/address_key.h"

/* Uses are sorted by what their peers say, namespaces first: equal peers then lie side by side, and
 * so do those that ask of the same namespaces, which are found once for all of them. */

static int text_compare(const char *a, const char *b)
{
        return a == b ? 0 : strcmp(a, b);
}

static int number_compare(size_t a, size_t b)
{
        return (a > b) - (a < b);
}

static int requirement_compare(const struct requirement *a, const struct requirement *b)
{
        int order = text_compare(a->key, b->key);

        if (!order)
                order = number_compare(a->operator, b->operator);
        if (!order)
                order = number_compare(a->n_values, b->n_values);
        for (size_t i = 0; !order && i < a->n_values; i++)
                order = text_compare(a->values[i], b->values[i]);
        return order;
}

static int selector_compare(const struct selector *a, const struct selector *b)
{
        int order = number_compare(a->n, b->n);

        for (size_t i = 0; !order && i < a->n; i++)
                order = requirement_compare(&a->items[i], &b->items[i]);
        return order;
}

static const struct selector *pod_selector_of(const struct policy_peer *peer)
{
        static const struct selector every_pod;

        return peer->pod_selector ? peer->pod_selector : &every_pod;
}

static int blocks_compare(const struct policy_peer *a, const struct policy_peer *b)
{
        int order = prefix_compare(&a->cidr, &b->cidr);

        if (!order)
                order = number_compare(a->except.n, b->except.n);
        for (size_t i = 0; !order && i < a->except.n; i++)
                order = prefix_compare(&a->except.items[i], &b->except.items[i]);
        return order;
}

static int namespaces_compare(const struct peer_use *a, const struct peer_use *b)
{
        const struct selector *left = a->peer->namespace_selector;
        const struct selector *right = b->peer->namespace_selector;

        if (!left || !right)
                return left || right ? (left ? 1 : -1) : text_compare(a->namespace, b->namespace);
        return selector_compare(left, right);
}

static int uses_compare(const void *a, const void *b)
{
        const struct peer_use *left = a, *right = b;
        bool block = peer_is_ip_block(left->peer);
        int order = number_compare(block, peer_is_ip_block(right->peer));

        if (order)
                return order;
        if (block)
                return blocks_compare(left->peer, right->peer);
        order = namespaces_compare(left, right);
        return order ? order
                     : selector_compare(pod_selector_of(left->peer), pod_selector_of(right->peer));
}

void peers_add(struct arena *arena, struct peers *peers, const struct policy_peer *peer,
               const char *namespace, size_t *ret_feature)
{
        struct peer_use use = {peer, namespace, ret_feature};

        vec_push(arena, &peers->uses, use);
}

struct work {
        struct arena *arena;
        const struct cluster *cluster;
        struct pods_by_labels *pods;
        struct label_answers *answers;
        enum family family;
        struct splitter *splitter;
        VEC(size_t) namespaces; /* of the peer in hand */
};

static void find_namespaces(struct work *work, const struct peer_use *use)
{
        const struct cluster *cluster = work->cluster;
        const struct selector *selector = use->peer->namespace_selector;

        work->namespaces.n = 0;
        if (!selector) {
                const struct namespace *own = cluster_namespace(cluster, use->namespace);
                vec_push(work->arena, &work->namespaces, (size_t)(own - cluster->namespaces.items));
                return;
        }
        for (size_t i = 0; i < cluster->namespaces.n; i++)
                if (selector_matches(selector, &cluster->namespaces.items[i].meta.labels))
                        vec_push(work->arena, &work->namespaces, i);
}

static void add_group(struct work *work, size_t feature, const struct pod_group *group)
{
        for (size_t i = group->first_pod; i != NO_POD; i = pods_next(work->pods, i)) {
                const struct ip *ip = pod_ip(&work->cluster->pods.items[i], work->family);
                if (ip)
                        splitter_add_range(work->splitter, feature, ip, ip);
        }
}

static void add_pods(struct work *work, size_t feature, const struct policy_peer *peer)
{
        label_answers_begin(work->answers, pod_selector_of(peer));
        vec_foreach (const size_t, namespace, &work->namespaces) {
                struct pod_groups groups = pods_by_labels_of(work->pods, *namespace);
                for (size_t i = 0; i < groups.n; i++)
                        if (label_answers_match(work->answers, &groups.items[i]))
                                add_group(work, feature, &groups.items[i]);
        }
}

static int compare_prefixes(const void *a, const void *b)
{
        return prefix_compare(a, b);
}

static void add_range(struct work *work, size_t feature, address_key first, address_key last)
{
        struct ip from = address_key_ip(first, work->family);
        struct ip to = address_key_ip(last, work->family);

        splitter_add_range(work->splitter, feature, &from, &to);
}

/* What lies before, between and behind the exceptions, in order of where they begin. */
static void add_block(struct work *work, size_t feature, const struct policy_peer *block)
{
        size_t n = block->except.n;
        struct prefix *except =
            arena_copy(work->arena, block->except.items, n * sizeof(*block->except.items));
        address_key step = address_key_step(work->family);
        address_key first = address_key_of(&block->cidr.ip), last = address_key_last(&block->cidr);

        sort_items(except, n, sizeof(*except), compare_prefixes);
        for (size_t i = 0; i < n; i++) {
                address_key begin = address_key_of(&except[i].ip);
                address_key end = address_key_last(&except[i]);
                if (end < first || begin > last)
                        continue;
                if (begin > first)
                        add_range(work, feature, first, begin - step);
                if (end >= last)
                        return;
                first = end + step;
        }
        add_range(work, feature, first, last);
}

void peers_become_features(struct arena *arena, struct peers *peers, const struct cluster *cluster,
                           struct pods_by_labels *pods, enum family family,
                           struct splitter *splitter)
{
        struct work work = {.arena = arena,
                            .cluster = cluster,
                            .pods = pods,
                            .answers = label_answers_new(arena),
                            .family = family,
                            .splitter = splitter};
        const struct peer_use *last = NULL;
        size_t feature = 0;

        vec_sort(&peers->uses, uses_compare);
        vec_foreach (const struct peer_use, use, &peers->uses) {
                bool block = peer_is_ip_block(use->peer);
                if (!last || uses_compare(last, use) != 0) {
                        feature = splitter_add_feature(splitter);
                        if (!block && (!last || namespaces_compare(last, use) != 0))
                                find_namespaces(&work, use);
                        if (block)
                                add_block(&work, feature, use->peer);
                        else
                                add_pods(&work, feature, use->peer);
                        last = use;
                }
                *use->ret_feature = feature;
        }
}
