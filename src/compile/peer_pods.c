#include "compile/peer_pods.h"

#include <string.h>

#include "base/memory.h"

/* A set is found by a walk over the pods of namespaces that peers select, or, where the last
 * compile knew it, by asking again of the suspects alone: what is at such an address now, and does
 * a peer name it? Both ask the same of a pod. */

typedef VEC(struct set_element) element_list;

/* One set, while it is filled. */
struct filling {
        struct compiler *compiler;
        struct peers *peers;
        enum peer_elements which;
        enum family family;
        element_list list;
};

struct peers peers_of(const struct network_policy *policy, const struct policy_rule *rule)
{
        return (struct peers){.namespace = policy->meta.namespace, .rule = rule};
}

static bool selects_namespace(const struct peers *peers, const struct policy_peer *peer,
                              const struct meta *namespace)
{
        if (peer_is_ip_block(peer))
                return false;
        if (peer->namespace_selector)
                return selector_matches(peer->namespace_selector, &namespace->labels);
        return strcmp(peers->namespace, namespace->name) == 0;
}

static bool selects_pod(const struct policy_peer *peer, const struct pod *pod)
{
        return !peer->pod_selector || selector_matches(peer->pod_selector, &pod->meta.labels);
}

/* The pods of one namespace that any of these peers selects. */
static void add_selected(struct compiler *compiler, struct peers *peers, struct span span,
                         const struct policy_peer *const *among, size_t n)
{
        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct pod *pod = &compiler->cluster->pods.items[i];
                bool selected = false;
                for (size_t j = 0; pod_takes_part(pod) && j < n && !selected; j++)
                        selected = selects_pod(among[j], pod);
                if (selected)
                        vec_push(compiler->scratch, &peers->selected, pod);
        }
}

static bool only_own_namespace(const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->peers.n; i++)
                if (rule->peers.items[i].namespace_selector)
                        return false;
        return true;
}

static void select_in(struct compiler *compiler, struct peers *peers, const struct meta *namespace,
                      struct span span, const struct policy_peer **among)
{
        size_t n = 0;

        for (size_t i = 0; i < peers->rule->peers.n; i++)
                if (selects_namespace(peers, &peers->rule->peers.items[i], namespace))
                        among[n++] = &peers->rule->peers.items[i];
        if (n > 0)
                add_selected(compiler, peers, span, among, n);
}

static void select_pods(struct compiler *compiler, struct peers *peers)
{
        const struct cluster *cluster = compiler->cluster;

        if (peers->selected_known)
                return;
        peers->selected_known = true;
        const struct policy_peer **among =
            arena_new_array(compiler->scratch, const struct policy_peer *, peers->rule->peers.n);
        if (only_own_namespace(peers->rule)) {
                const struct namespace *own = cluster_namespace(cluster, peers->namespace);
                select_in(compiler, peers, &own->meta, cluster_pods_of(cluster, peers->namespace),
                          among);
                return;
        }
        for (size_t i = 0; i < cluster->namespaces.n; i++)
                select_in(compiler, peers, &cluster->namespaces.items[i].meta,
                          compiler_pods_of(compiler, i), among);
}

/* Two names of a rule, or one given twice, may be one number of the pod. */
static void add_named_port(struct filling *filling, size_t first, const struct set_element *element)
{
        for (size_t i = first; i < filling->list.n; i++)
                if (set_element_compare(&filling->list.items[i], element) == 0)
                        return;
        vec_push(filling->compiler->scratch, &filling->list, *element);
}

/* The pod's ports that the rule names. */
static void add_named_ports(struct filling *filling, const struct pod *pod, const struct ip *ip)
{
        const struct policy_rule *rule = filling->peers->rule;
        size_t first = filling->list.n;

        for (size_t i = 0; pod->ports.n > 0 && i < rule->ports.n; i++) {
                const struct policy_port *port = &rule->ports.items[i];
                struct set_element element = {.prefix = prefix_host(ip),
                                              .protocol = (uint8_t)port->protocol};
                if (port->name && pod_named_port(pod, port->name, port->protocol, &element.port))
                        add_named_port(filling, first, &element);
        }
}

static void add_pod(struct filling *filling, const struct pod *pod)
{
        const struct ip *ip = pod_ip(pod, filling->family);

        if (!ip)
                return;
        if (filling->which == PEER_NAMED_PORTS) {
                add_named_ports(filling, pod, ip);
                return;
        }
        struct set_element element = {.prefix = prefix_host(ip)};
        vec_push(filling->compiler->scratch, &filling->list, element);
}

/* Does the walk below come by this pod? */
static bool is_peer(const struct filling *filling, const struct pod *pod,
                    const struct meta *namespace)
{
        const struct policy_rule *rule = filling->peers->rule;
        const struct ip *ip = pod_ip(pod, filling->family);

        if (filling->which == PEER_NAMED_PORTS && rule->peers.n == 0)
                return true;
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (peer_is_ip_block(peer)
                        ? filling->which == PEER_NAMED_PORTS && ip && ip_block_holds(peer, ip)
                        : selects_namespace(filling->peers, peer, namespace) &&
                              selects_pod(peer, pod))
                        return true;
        }
        return false;
}

/* A block's addresses have named ports where they are pods'; without peers every pod is one. */
static bool any_pod_may_be(const struct filling *filling)
{
        const struct policy_rule *rule = filling->peers->rule;
        bool any = rule->peers.n == 0;

        for (size_t i = 0; i < rule->peers.n; i++)
                any |= peer_is_ip_block(&rule->peers.items[i]);
        return any && filling->which == PEER_NAMED_PORTS;
}

static void find_all(struct filling *filling)
{
        struct compiler *compiler = filling->compiler;
        const struct cluster *cluster = compiler->cluster;

        if (!any_pod_may_be(filling)) {
                select_pods(compiler, filling->peers);
                vec_foreach (const struct pod *, pod, &filling->peers->selected)
                        add_pod(filling, *pod);
                return;
        }
        for (size_t i = 0; i < cluster->namespaces.n; i++) {
                struct span span = compiler_pods_of(compiler, i);
                for (size_t j = span.first; j < span.first + span.n; j++) {
                        const struct pod *pod = &cluster->pods.items[j];
                        if (pod_takes_part(pod) &&
                            is_peer(filling, pod, &cluster->namespaces.items[i].meta))
                                add_pod(filling, pod);
                }
        }
}

static void find_suspects(struct filling *filling)
{
        vec_foreach (const struct suspect, suspect, &filling->compiler->suspects[filling->family])
                if (suspect->pod && is_peer(filling, suspect->pod, suspect->namespace))
                        add_pod(filling, suspect->pod);
}

static int compare_elements(const void *a, const void *b)
{
        return set_element_compare(a, b);
}

static int compare_address(const void *ip, const void *element)
{
        return ip_compare(ip, &((const struct set_element *)element)->prefix.ip);
}

static bool holds_suspects(const struct contents *contents, const suspect_list *suspects)
{
        vec_foreach (const struct suspect, suspect, suspects)
                if (find_sorted(&suspect->ip, contents->items, contents->n,
                                sizeof(*contents->items), compare_address))
                        return true;
        return false;
}

/* What was known of others, and what was found of suspects. */
static element_list merge(struct arena *arena, const struct contents *old,
                          const suspect_list *suspects, const element_list *found)
{
        element_list list = {0};
        size_t s = 0, f = 0;

        for (size_t i = 0; i < old->n; i++) {
                const struct set_element *element = &old->items[i];
                while (s < suspects->n &&
                       ip_compare(&suspects->items[s].ip, &element->prefix.ip) < 0)
                        s++;
                if (s < suspects->n && ip_equal(&suspects->items[s].ip, &element->prefix.ip))
                        continue;
                while (f < found->n && set_element_compare(&found->items[f], element) < 0)
                        vec_push(arena, &list, found->items[f++]);
                vec_push(arena, &list, *element);
        }
        while (f < found->n)
                vec_push(arena, &list, found->items[f++]);
        return list;
}

static void remember(struct contents *contents, const element_list *list)
{
        size_t size = list->n * sizeof(*list->items);

        if (list->n > contents->cap || list->n < contents->cap / 2) {
                contents->items = memory_grow(contents->items, size);
                contents->cap = list->n;
        }
        if (size)
                memcpy(contents->items, list->items, size);
        contents->n = list->n;
        contents->known = true;
}

static void renew(struct filling *filling, struct contents *contents)
{
        const suspect_list *suspects = &filling->compiler->suspects[filling->family];

        if (!contents->known) {
                find_all(filling);
                vec_sort(&filling->list, compare_elements);
                remember(contents, &filling->list);
                return;
        }
        find_suspects(filling);
        vec_sort(&filling->list, compare_elements);
        if (filling->list.n == 0 && !holds_suspects(contents, suspects))
                return;
        filling->list = merge(filling->compiler->scratch, contents, suspects, &filling->list);
        remember(contents, &filling->list);
}

void peer_pods_fill(struct compiler *compiler, struct peers *peers, enum peer_elements which,
                    struct known_name *name, struct set *set)
{
        struct filling filling = {compiler, peers, which, set->family, {0}};
        struct contents *contents = &name->contents;

        renew(&filling, contents);
        set->elements.items =
            arena_copy(compiler->arena, contents->items, contents->n * sizeof(*contents->items));
        set->elements.n = set->elements.cap = contents->n;
}
