#include "compile/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compile/blocks.h"

/* A selector's key: requirements are sorted, so equal selectors have equal keys. */
static void key_add_selector(struct strbuf *key, const struct selector *selector)
{
        static const char *const operators[] = {
            [SELECTOR_IN] = "in",
            [SELECTOR_NOT_IN] = "notin",
            [SELECTOR_EXISTS] = "exists",
            [SELECTOR_DOES_NOT_EXIST] = "absent",
        };

        if (!selector) {
                key_add(key, "nil");
                return;
        }
        for (size_t i = 0; i < selector->n; i++) {
                const struct requirement *requirement = &selector->items[i];
                key_add(key, operators[requirement->operator]);
                key_add(key, requirement->key);
                for (size_t j = 0; j < requirement->n_values; j++) {
                        key_add(key, "value");
                        key_add(key, requirement->values[j]);
                }
        }
        key_add(key, "end");
}

static void key_add_peer(struct strbuf *key, const char *namespace, const struct policy_peer *peer)
{
        char text[PREFIX_TEXT_SIZE];

        if (peer_is_ip_block(peer)) {
                key_add(key, "block");
                key_add(key, prefix_format(&peer->cidr, text));
                for (size_t i = 0; i < peer->except.n; i++)
                        key_add(key, prefix_format(&peer->except.items[i], text));
                return;
        }
        key_add(key, "pods");
        key_add(key, peer->namespace_selector ? "" : namespace);
        key_add_selector(key, peer->namespace_selector);
        key_add_selector(key, peer->pod_selector);
}

static void key_add_family(struct strbuf *key, enum family family)
{
        key_add(key, family == FAMILY_IPV4 ? "4" : "6");
}

struct peer_key {
        const char *bytes;
        size_t length;
};

static int peer_key_compare(const void *a, const void *b)
{
        const struct peer_key *x = a, *y = b;
        size_t shorter = x->length < y->length ? x->length : y->length;
        int order = memcmp(x->bytes, y->bytes, shorter);

        return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Peers in any order are the same peers: their keys are sorted. */
static void key_add_peers(struct strbuf *key, struct arena *arena, const char *namespace,
                          const struct policy_rule *rule, bool with_blocks)
{
        VEC(struct peer_key) keys = {0};

        for (size_t i = 0; i < rule->peers.n; i++) {
                _cleanup_strbuf_ struct strbuf one = {0};
                if (peer_is_ip_block(&rule->peers.items[i]) && !with_blocks)
                        continue;
                key_add_peer(&one, namespace, &rule->peers.items[i]);
                struct peer_key held = {arena_copy(arena, one.text, one.length), one.length};
                vec_push(arena, &keys, held);
        }
        vec_sort(&keys, peer_key_compare);
        vec_foreach (struct peer_key, one, &keys)
                strbuf_add_bytes(key, one->bytes, one->length);
}

/* What a walk over pods fills. */
struct visit {
        struct compiler *compiler;
        struct set *set;
        enum family family;
        const struct policy_rule *rule; /* for named ports */
        bool *visited;                  /* by position in the cluster's list */
};

/* A rule may name a pod with each of thousands of peers; it is one element all the same. */
static bool visit_first(struct visit *visit, const struct pod *pod)
{
        bool *visited = &visit->visited[pod - visit->compiler->cluster->pods.items];
        bool first = !*visited;

        *visited = true;
        return first;
}

static struct visit visit_begin(struct compiler *compiler, struct set *set, enum family family,
                                const struct policy_rule *rule)
{
        bool *visited = memory_alloc(compiler->cluster->pods.n * sizeof(*visited));

        return (struct visit){compiler, set, family, rule, visited};
}

static void visit_end(struct visit *visit)
{
        free(visit->visited);
}

static void each_pod_of(struct visit *visit, const char *namespace, const struct selector *selector,
                        void (*call)(struct visit *, const struct pod *))
{
        const struct cluster *cluster = visit->compiler->cluster;
        struct span span = cluster_pods_of(cluster, namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct pod *pod = &cluster->pods.items[i];
                if (pod_takes_part(pod) &&
                    (!selector || selector_matches(selector, &pod->meta.labels)))
                        call(visit, pod);
        }
}

static void each_pod_of_peer(struct visit *visit, const char *policy_namespace,
                             const struct policy_peer *peer,
                             void (*call)(struct visit *, const struct pod *))
{
        const struct cluster *cluster = visit->compiler->cluster;

        if (!peer->namespace_selector) {
                each_pod_of(visit, policy_namespace, peer->pod_selector, call);
                return;
        }
        vec_foreach (const struct namespace, namespace, &cluster->namespaces)
                if (selector_matches(peer->namespace_selector, &namespace->meta.labels))
                        each_pod_of(visit, namespace->meta.name, peer->pod_selector, call);
}

static void add_address(struct visit *visit, const struct pod *pod)
{
        const struct ip *ip = pod_ip(pod, visit->family);

        if (!ip || !visit_first(visit, pod))
                return;
        struct set_element element = {.prefix = prefix_host(ip)};
        vec_push(visit->compiler->arena, &visit->set->elements, element);
}

static const char *pods_set(struct compiler *compiler, const char *namespace,
                            const struct policy_rule *rule, enum family family)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        key_add(&key, "peers");
        key_add_family(&key, family);
        key_add_peers(&key, compiler->arena, namespace, rule, false);
        const char *name = compiler_name(compiler, SET_PREFIX, &key);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_IP, family);
        if (!set)
                return name;
        struct visit visit = visit_begin(compiler, set, family, rule);
        for (size_t i = 0; i < rule->peers.n; i++)
                if (!peer_is_ip_block(&rule->peers.items[i]))
                        each_pod_of_peer(&visit, namespace, &rule->peers.items[i], add_address);
        visit_end(&visit);
        return name;
}

static struct match blocks_match(struct compiler *compiler, const struct block_elements *elements,
                                 enum direction direction, enum family family)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        if (elements->list.n == 1)
                return (struct match){.kind = peer_match(direction),
                                      .prefix = elements->list.items[0].prefix};
        key_add(&key, "blocks");
        key_add_family(&key, family);
        vec_foreach (const struct set_element, element, &elements->list) {
                char text[PREFIX_TEXT_SIZE];
                key_add(&key, element->nomatch ? "nomatch" : "");
                key_add(&key, prefix_format(&element->prefix, text));
        }
        const char *name = compiler_name(compiler, SET_PREFIX, &key);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_NET, family);
        if (set)
                vec_foreach (const struct set_element, element, &elements->list)
                        vec_push(compiler->arena, &set->elements, *element);
        return match_set(name, peer_end(direction));
}

static bool has_pod_peers(const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->peers.n; i++)
                if (!peer_is_ip_block(&rule->peers.items[i]))
                        return true;
        return false;
}

struct peer_matches peers_compile(struct compiler *compiler, const struct network_policy *policy,
                                  const struct policy_rule *rule, enum direction direction,
                                  enum family family)
{
        struct peer_matches matches = {.anyone = rule->peers.n == 0};

        if (matches.anyone)
                return matches;
        struct block_elements blocks = blocks_elements(compiler->arena, rule, family);
        matches.anyone = blocks_are_everything(&blocks);
        if (matches.anyone)
                return matches;
        if (has_pod_peers(rule)) {
                const char *name = pods_set(compiler, policy->meta.namespace, rule, family);
                matches.items[matches.n++] = match_set(name, peer_end(direction));
        }
        if (blocks.list.n > 0)
                matches.items[matches.n++] = blocks_match(compiler, &blocks, direction, family);
        return matches;
}

/* Two names of a rule, or one given twice, may be one number of the pod. */
static void add_named_port(struct visit *visit, size_t first, const struct set_element *element)
{
        struct set *set = visit->set;

        for (size_t i = first; i < set->elements.n; i++)
                if (set_element_compare(&set->elements.items[i], element) == 0)
                        return;
        vec_push(visit->compiler->arena, &set->elements, *element);
}

/* The pod's ports that the rule names. */
static void add_named_ports(struct visit *visit, const struct pod *pod)
{
        const struct ip *ip = pod_ip(pod, visit->family);
        size_t first = visit->set->elements.n;

        if (!ip || pod->ports.n == 0 || !visit_first(visit, pod))
                return;
        for (size_t i = 0; i < visit->rule->ports.n; i++) {
                const struct policy_port *port = &visit->rule->ports.items[i];
                struct set_element element = {.prefix = prefix_host(ip),
                                              .protocol = (uint8_t)port->protocol};
                if (port->name && pod_named_port(pod, port->name, port->protocol, &element.port))
                        add_named_port(visit, first, &element);
        }
}

/* A block's addresses have named ports where they are pods'. */
static void add_named_ports_in_block(struct visit *visit, const struct policy_peer *peer)
{
        vec_foreach (const struct pod, pod, &visit->compiler->cluster->pods) {
                const struct ip *ip = pod_takes_part(pod) ? pod_ip(pod, visit->family) : NULL;
                if (ip && ip_block_holds(peer, ip))
                        add_named_ports(visit, pod);
        }
}

static void add_named_ports_of_all(struct visit *visit)
{
        vec_foreach (const struct pod, pod, &visit->compiler->cluster->pods)
                if (pod_takes_part(pod))
                        add_named_ports(visit, pod);
}

static bool key_add_port_names(struct strbuf *key, const struct policy_rule *rule)
{
        bool any = false;

        for (size_t i = 0; i < rule->ports.n; i++) {
                if (!rule->ports.items[i].name)
                        continue;
                key_add(key, protocol_name(rule->ports.items[i].protocol));
                key_add(key, rule->ports.items[i].name);
                any = true;
        }
        return any;
}

bool peers_compile_named(struct compiler *compiler, const struct network_policy *policy,
                         const struct policy_rule *rule, enum family family, struct match *ret)
{
        _cleanup_strbuf_ struct strbuf key = {0};
        const char *namespace = policy->meta.namespace;

        key_add(&key, "named");
        key_add_family(&key, family);
        if (!key_add_port_names(&key, rule))
                return false;
        key_add(&key, "of");
        key_add_peers(&key, compiler->arena, namespace, rule, true);
        const char *name = compiler_name(compiler, SET_PREFIX, &key);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_IP_PORT, family);
        *ret = match_set_port(name, SET_DESTINATION);
        if (!set)
                return true;
        struct visit visit = visit_begin(compiler, set, family, rule);
        if (rule->peers.n == 0)
                add_named_ports_of_all(&visit);
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (peer_is_ip_block(peer))
                        add_named_ports_in_block(&visit, peer);
                else
                        each_pod_of_peer(&visit, namespace, peer, add_named_ports);
        }
        visit_end(&visit);
        return true;
}
