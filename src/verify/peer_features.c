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

static const struct selector *pod_selector_of(const struct policy_peer *peer)
{
        static const struct selector every_pod;

        return peer->pod_selector ? peer->pod_selector : &every_pod;
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
                return ip_block_compare(left->peer, right->peer);
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

/* Groups of pods with equal labels, of all namespaces that are asked of. */
struct alike {
        const struct labels *labels;
        size_t first, last; /* links */
};
struct link {
        const struct pod_group *group;
        size_t next; /* link + 1; 0: none */
};

struct work {
        struct arena *arena;
        const struct cluster *cluster;
        const struct pods_by_labels *pods;
        enum family family;
        struct splitter *splitter;
        /* In the namespaces of the peer in hand. */
        VEC(struct alike) alike;
        VEC(struct link) links;
        size_t *place; /* by label set: in alike, + 1; 0: none */
};

static void forget_namespaces(struct work *work)
{
        vec_foreach (const struct alike, alike, &work->alike)
                work->place[work->links.items[alike->first].group->label_set] = 0;
        work->alike.n = work->links.n = 0;
}

static void take_namespace(struct work *work, size_t namespace)
{
        struct pod_groups groups = pods_by_labels_of(work->pods, namespace);

        for (size_t i = 0; i < groups.n; i++) {
                struct link link = {&groups.items[i], 0};
                size_t *place = &work->place[link.group->label_set];
                struct alike alike = {link.group->labels, work->links.n, work->links.n};
                vec_push(work->arena, &work->links, link);
                if (*place == 0) {
                        vec_push(work->arena, &work->alike, alike);
                        *place = work->alike.n;
                        continue;
                }
                struct alike *known = &work->alike.items[*place - 1];
                work->links.items[known->last].next = work->links.n;
                known->last = work->links.n - 1;
        }
}

static void take_namespaces(struct work *work, const struct peer_use *use)
{
        const struct cluster *cluster = work->cluster;
        const struct selector *selector = use->peer->namespace_selector;

        forget_namespaces(work);
        if (!selector) {
                const struct namespace *own = cluster_namespace(cluster, use->namespace);
                take_namespace(work, (size_t)(own - cluster->namespaces.items));
                return;
        }
        for (size_t i = 0; i < cluster->namespaces.n; i++)
                if (selector_matches(selector, &cluster->namespaces.items[i].meta.labels))
                        take_namespace(work, i);
}

static void add_group(struct work *work, size_t feature, const struct pod_group *group)
{
        for (size_t i = group->first_pod; i != NO_POD; i = pods_next(work->pods, i)) {
                const struct ip *ip = pods_ip(work->pods, i);
                if (ip)
                        splitter_add_range(work->splitter, feature, ip, ip);
        }
}

static void add_pods(struct work *work, size_t feature, const struct policy_peer *peer)
{
        const struct selector *selector = pod_selector_of(peer);

        vec_foreach (const struct alike, alike, &work->alike) {
                if (!selector_matches(selector, alike->labels))
                        continue;
                for (size_t i = alike->first + 1; i != 0; i = work->links.items[i - 1].next)
                        add_group(work, feature, work->links.items[i - 1].group);
        }
}

static void add_range(struct work *work, size_t feature, address_key first, address_key last)
{
        struct ip from = address_key_ip(first, work->family);
        struct ip to = address_key_ip(last, work->family);

        splitter_add_range(work->splitter, feature, &from, &to);
}

static int compare_prefixes(const void *a, const void *b)
{
        return prefix_compare(a, b);
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
                           const struct pods_by_labels *pods, enum family family,
                           struct splitter *splitter)
{
        struct work work = {.arena = arena,
                            .cluster = cluster,
                            .pods = pods,
                            .family = family,
                            .splitter = splitter,
                            .place = arena_new_array(arena, size_t, pods_label_sets(pods))};
        const struct peer_use *last = NULL;
        size_t feature = 0;

        vec_sort(&peers->uses, uses_compare);
        vec_foreach (const struct peer_use, use, &peers->uses) {
                bool block = peer_is_ip_block(use->peer);
                if (!last || uses_compare(last, use) != 0) {
                        feature = splitter_add_feature(splitter);
                        if (!block && (!last || namespaces_compare(last, use) != 0))
                                take_namespaces(&work, use);
                        if (block)
                                add_block(&work, feature, use->peer);
                        else
                                add_pods(&work, feature, use->peer);
                        last = use;
                }
                *use->ret_feature = feature;
        }
}
