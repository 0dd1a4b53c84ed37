#include "verify/difference/ends.h"

#include <string.h>

/* Pods become one end where they are equal in everything that anybody may ask about: namespace,
 * labels, named ports and addresses (up to the interval), before and after. Texts are interned in
 * each cluster, so pointers say enough. The node counts only where it can matter: where a pod
 * changed its node, a node its addresses, or a pod holds an address of a node. */

bool end_is_block(const struct end *end)
{
        return !end->pod[BEFORE];
}

bool end_lacks_address(const struct end *end)
{
        return end->intervals[BEFORE][FAMILY_IPV4] == INTERVAL_ANY ||
               end->intervals[AFTER][FAMILY_IPV4] == INTERVAL_ANY;
}

bool ends_may_hold_a_pod(const struct ends *ends, enum family family, size_t interval)
{
        return !bits_get(ends->of_link[family], interval) &&
               !bits_get(ends->of_nodes[family], interval);
}

static bool is_at_a_node(const struct ends *ends, const struct end *end)
{
        for (enum when when = BEFORE; when <= AFTER; when++)
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                        size_t interval = end->intervals[when][family];
                        if (interval < INTERVAL_ANY && bits_get(ends->of_nodes[family], interval))
                                return true;
                }
        return false;
}

bool ends_stands_alone(const struct ends *ends, size_t end)
{
        const struct end *one = &ends->list.items[end];

        return ends->nodes_matter && ((!end_is_block(one) && (ends->by_node || one->other_node)) ||
                                      is_at_a_node(ends, one));
}

const struct prefix *link_prefix(size_t i)
{
        static const struct prefix prefixes[] = {
            {{FAMILY_IPV4, {224}}, 4},
            {{FAMILY_IPV4, {255, 255, 255, 255}}, 32},
            {{FAMILY_IPV6, {0xfe, 0x80}}, 10},
            {{FAMILY_IPV6, {0xff}}, 8},
        };

        return i < ARRAY_SIZE(prefixes) ? &prefixes[i] : NULL;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
                    strcmp(a->items[i].value, b->items[i].value) != 0)
                        return false;
        return true;
}

static int compare_pods(const struct pod *a, const struct pod *b)
{
        int order = strcmp(a->meta.namespace, b->meta.namespace);

        return order ? order : strcmp(a->meta.name, b->meta.name);
}

static const struct pod *next_pod(const struct cluster *cluster, size_t *at)
{
        while (*at < cluster->pods.n && !pod_takes_part(&cluster->pods.items[*at]))
                ++*at;
        return *at < cluster->pods.n ? &cluster->pods.items[*at] : NULL;
}

static void pair_pods(struct ends *ends)
{
        size_t at[WHENS] = {0};

        for (;;) {
                const struct pod *before = next_pod(ends->cluster[BEFORE], &at[BEFORE]);
                const struct pod *after = next_pod(ends->cluster[AFTER], &at[AFTER]);
                if (!before && !after)
                        return;
                int order = !before ? 1 : !after ? -1 : compare_pods(before, after);
                at[BEFORE] += order <= 0;
                at[AFTER] += order >= 0;
                if (order < 0)
                        vec_push(ends->arena, &ends->only[BEFORE], before);
                if (order > 0)
                        vec_push(ends->arena, &ends->only[AFTER], after);
                if (order != 0)
                        continue;
                struct pod_pair pair = {.pod = {before, after}};
                vec_push(ends->arena, &ends->pairs, pair);
                ends->without_address += before->ips.n == 0 || after->ips.n == 0;
        }
}

static int compare_node_addresses(const void *a, const void *b)
{
        const struct node_address *left = a, *right = b;
        int order = ip_compare(&left->ip, &right->ip);

        return order ? order : strcmp(left->node, right->node);
}

static void add_node_address(struct ends *ends, enum when when, const struct ip *ip,
                             const char *node)
{
        struct node_address address = {*ip, node};
        struct prefix host = prefix_host(ip);

        vec_push(ends->arena, &ends->nodes[when], address);
        line_cut(&ends->lines[ip->family], ends->arena, &host);
}

static void cut_at_nodes(struct ends *ends, enum when when)
{
        const struct cluster *cluster = ends->cluster[when];

        vec_foreach (const struct node, node, &cluster->nodes)
                for (size_t i = 0; i < node->addresses.n; i++)
                        add_node_address(ends, when, &node->addresses.items[i], node->meta.name);
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; pod->host_network && !pod_finished(pod) && i < pod->ips.n; i++)
                        add_node_address(ends, when, &pod->ips.items[i], pod->node);
        vec_sort(&ends->nodes[when], compare_node_addresses);
}

static void cut_at_peer(struct ends *ends, const struct policy_peer *peer)
{
        struct line *line = &ends->lines[peer->cidr.ip.family];

        if (!peer_is_ip_block(peer))
                return;
        line_cut(line, ends->arena, &peer->cidr);
        for (size_t i = 0; i < peer->except.n; i++)
                line_cut(line, ends->arena, &peer->except.items[i]);
}

static void cut_at_blocks(struct ends *ends, const struct cluster *cluster)
{
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        for (size_t i = 0; i < policy->rules[d].n; i++)
                                for (size_t j = 0; j < policy->rules[d].items[i].peers.n; j++)
                                        cut_at_peer(ends,
                                                    &policy->rules[d].items[i].peers.items[j]);
}

static void cut_lines(struct ends *ends)
{
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                line_init(&ends->lines[family], ends->arena, family);
        for (size_t i = 0; link_prefix(i); i++)
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                        line_cut(&ends->lines[family], ends->arena, link_prefix(i));
        for (enum when when = BEFORE; when <= AFTER; when++) {
                cut_at_nodes(ends, when);
                cut_at_blocks(ends, ends->cluster[when]);
        }
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                line_seal(&ends->lines[family]);
                ends->of_nodes[family] = bits_new(ends->arena, ends->lines[family].starts.n);
        }
        for (enum when when = BEFORE; when <= AFTER; when++)
                vec_foreach (const struct node_address, address, &ends->nodes[when])
                        bits_set(ends->of_nodes[address->ip.family],
                                 line_at(&ends->lines[address->ip.family], &address->ip));
}

typedef VEC(struct ip) ip_list;

/* Marks the intervals of which pods hold every single address; pods are sorted, each may come
 * twice. */
static void mark_held(struct ends *ends, const ip_list *pods)
{
        size_t interval = SIZE_MAX;
        uint32_t n = 0;

        for (size_t i = 0; i < pods->n; i++) {
                const struct ip *ip = &pods->items[i];
                const struct line *line = &ends->lines[ip->family];
                if (i > 0 && ip_equal(ip, ip - 1))
                        continue;
                size_t at = line_at(line, ip);
                n = i > 0 && ip->family == ip[-1].family && at == interval ? n + 1 : 1;
                interval = at;
                if (n == line_size(line, at))
                        bits_set(ends->held[ip->family], at);
        }
}

static void find_held(struct ends *ends)
{
        ip_list pods = {0};

        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                ends->held[family] = bits_new(ends->arena, ends->lines[family].starts.n);
                ends->of_link[family] = bits_new(ends->arena, ends->lines[family].starts.n);
        }
        for (enum when when = BEFORE; when <= AFTER; when++)
                vec_foreach (const struct pod, pod, &ends->cluster[when]->pods)
                        for (size_t i = 0; pod_takes_part(pod) && i < pod->ips.n; i++)
                                vec_push(ends->arena, &pods, pod->ips.items[i]);
        vec_sort(&pods, ip_compare_items);
        mark_held(ends, &pods);
        for (size_t i = 0; link_prefix(i); i++) {
                enum family family = link_prefix(i)->ip.family;
                struct interval_span span = line_span(&ends->lines[family], link_prefix(i));
                for (size_t at = span.first; at <= span.last; at++) {
                        bits_set(ends->held[family], at);
                        bits_set(ends->of_link[family], at);
                }
        }
}

/* Nodes of which an address came or went. Both lists are sorted alike. */
static struct map *changed_nodes(const struct ends *ends)
{
        struct map *changed = map_new(ends->arena);
        const struct node_address *before = ends->nodes[BEFORE].items;
        const struct node_address *after = ends->nodes[AFTER].items;
        size_t n = ends->nodes[BEFORE].n, m = ends->nodes[AFTER].n;

        while (n > 0 || m > 0) {
                int order = n == 0 ? 1 : m == 0 ? -1 : compare_node_addresses(before, after);
                if (order != 0) {
                        const struct node_address *one = order < 0 ? before : after;
                        map_put(changed, one->node, changed);
                }
                if (order <= 0) {
                        before++;
                        n--;
                }
                if (order >= 0) {
                        after++;
                        m--;
                }
        }
        return changed;
}

static const struct node_address *first_node(const struct ends *ends, enum when when,
                                             const struct ip *ip)
{
        const struct node_address *items = ends->nodes[when].items;
        size_t low = 0, high = ends->nodes[when].n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (ip_compare(&items[middle].ip, ip) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < ends->nodes[when].n && ip_equal(&items[low].ip, ip) ? &items[low] : NULL;
}

static bool a_pod_is_at_a_node(const struct ends *ends)
{
        for (enum when when = BEFORE; when <= AFTER; when++)
                vec_foreach (const struct node_address, address, &ends->nodes[when])
                        for (enum when other = BEFORE; other <= AFTER; other++)
                                if (cluster_pod_at(ends->cluster[other], &address->ip))
                                        return true;
        return false;
}

static size_t interval_of(const struct ends *ends, const struct pod *pod, enum family family)
{
        const struct ip *ip = pod_ip(pod, family);

        if (pod->ips.n == 0)
                return INTERVAL_ANY;
        return ip ? line_at(&ends->lines[family], ip) : INTERVAL_NONE;
}

static bool ports_equal(const struct pod *a, const struct pod *b)
{
        if (a->ports.n != b->ports.n)
                return false;
        for (size_t i = 0; i < a->ports.n; i++) {
                const struct container_port *left = &a->ports.items[i], *right = &b->ports.items[i];
                if (left->port != right->port || left->protocol != right->protocol ||
                    !left->name != !right->name ||
                    (left->name && strcmp(left->name, right->name) != 0))
                        return false;
        }
        return true;
}

static struct end end_of(const struct ends *ends, const struct pod_pair *pair,
                         const struct map *nodes)
{
        const struct pod *before = pair->pod[BEFORE], *after = pair->pod[AFTER];
        const struct namespace *namespaces[WHENS] = {
            cluster_namespace(ends->cluster[BEFORE], before->meta.namespace),
            cluster_namespace(ends->cluster[AFTER], after->meta.namespace),
        };
        struct end end = {.pod = {before, after}};

        end.other_ports = !ports_equal(before, after);
        end.other_peer =
            !labels_equal(&before->meta.labels, &after->meta.labels) ||
            !labels_equal(&namespaces[BEFORE]->meta.labels, &namespaces[AFTER]->meta.labels) ||
            end.other_ports;
        end.other_node = strcmp(before->node, after->node) != 0 || map_get(nodes, before->node);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                size_t was = interval_of(ends, before, family);
                size_t is = interval_of(ends, after, family);
                end.intervals[BEFORE][family] = was;
                end.intervals[AFTER][family] = is;
                end.family[family] = was != INTERVAL_NONE && is != INTERVAL_NONE;
                end.other_peer = end.other_peer || was != is;
        }
        return end;
}

static void add_bytes(struct strbuf *key, const void *bytes, size_t n)
{
        strbuf_add_bytes(key, bytes, n);
}

static void add_ports(struct strbuf *key, const struct pod *pod)
{
        add_bytes(key, &pod->ports.n, sizeof(pod->ports.n));
        for (size_t i = 0; i < pod->ports.n; i++) {
                const struct container_port *port = &pod->ports.items[i];
                add_bytes(key, &port->name, sizeof(port->name));
                add_bytes(key, &port->protocol, sizeof(port->protocol));
                add_bytes(key, &port->port, sizeof(port->port));
        }
}

/* Everything that may tell two pods apart. */
static void key_of(const struct end *end, bool by_node, struct strbuf *key)
{
        key->length = 0;
        add_bytes(key, end->intervals, sizeof(end->intervals));
        for (enum when when = BEFORE; when <= AFTER; when++) {
                const struct pod *pod = end->pod[when];
                add_bytes(key, &pod->meta.namespace, sizeof(pod->meta.namespace));
                add_bytes(key, &pod->meta.labels.n, sizeof(pod->meta.labels.n));
                if (pod->meta.labels.n > 0)
                        add_bytes(key, pod->meta.labels.items,
                                  pod->meta.labels.n * sizeof(*pod->meta.labels.items));
                add_ports(key, pod);
                if (by_node)
                        add_bytes(key, &pod->node, sizeof(pod->node));
        }
}

static size_t number_of_ports(struct intern *numbers, const struct end *end, struct strbuf *key)
{
        key->length = 0;
        for (enum when when = BEFORE; when <= AFTER; when++)
                add_ports(key, end->pod[when]);
        return intern_number(numbers, key->text, key->length);
}

static void add_pods(struct ends *ends)
{
        _cleanup_strbuf_ struct strbuf key = {0};
        struct intern *known = intern_new(ends->arena), *ports = intern_new(ends->arena);
        const struct map *nodes = changed_nodes(ends);

        ends->by_node = ends->nodes_matter = a_pod_is_at_a_node(ends);
        for (size_t i = 0; i < ends->pairs.n; i++) {
                struct pod_pair *pair = &ends->pairs.items[i];
                struct end end = end_of(ends, pair, nodes);
                key_of(&end, ends->by_node || end.other_node, &key);
                pair->end = intern_number(known, key.text, key.length);
                if (pair->end == ends->list.n) {
                        end.ports = 1 + number_of_ports(ports, &end, &key);
                        vec_push(ends->arena, &ends->list, end);
                        ends->nodes_matter = ends->nodes_matter || end.other_node;
                }
                vec_push(ends->arena, &ends->list.items[pair->end].members, i);
        }
        ends->n_pods = ends->list.n;
}

static void add_intervals(struct ends *ends, enum family family)
{
        ends->first_interval[family] = ends->list.n;
        for (size_t i = 0; i < ends->lines[family].starts.n; i++) {
                struct end end = {0};
                end.family[family] = !bits_get(ends->held[family], i);
                for (enum when when = BEFORE; when <= AFTER; when++) {
                        end.intervals[when][family] = i;
                        end.intervals[when][!family] = INTERVAL_NONE;
                }
                vec_push(ends->arena, &ends->list, end);
        }
}

void ends_find(struct ends *ends, struct arena *arena, const struct cluster *before,
               const struct cluster *after, bool own_node_egress)
{
        *ends = (struct ends){
            .arena = arena,
            .cluster = {before, after},
            .own_node_egress = own_node_egress,
        };
        pair_pods(ends);
        cut_lines(ends);
        find_held(ends);
        add_pods(ends);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                add_intervals(ends, family);
}

static int compare_pair(const void *key, const void *item)
{
        return compare_pods(key, ((const struct pod_pair *)item)->pod[AFTER]);
}

size_t ends_at(const struct ends *ends, enum when when, const struct ip *ip)
{
        const struct pod *pod = cluster_pod_at(ends->cluster[when], ip);
        enum family family = ip->family;

        if (pod) {
                const struct pod_pair *pair = vec_find(&ends->pairs, pod, compare_pair);
                return pair ? pair->end : SIZE_MAX;
        }
        size_t interval = line_at(&ends->lines[family], ip);
        return bits_get(ends->held[family], interval) ? SIZE_MAX
                                                      : ends->first_interval[family] + interval;
}

bool ends_own_node(const struct ends *ends, enum when when, const struct pod *pod,
                   const struct end *peer, enum family family)
{
        size_t interval = peer->intervals[when][family];
        const struct node_address *end = ends->nodes[when].items + ends->nodes[when].n;

        if (!*pod->node || interval >= INTERVAL_ANY || !bits_get(ends->of_nodes[family], interval))
                return false;
        const struct ip *ip = &ends->lines[family].starts.items[interval];
        for (const struct node_address *at = first_node(ends, when, ip);
             at && at < end && ip_equal(&at->ip, ip); at++)
                if (strcmp(at->node, pod->node) == 0)
                        return true;
        return false;
}
