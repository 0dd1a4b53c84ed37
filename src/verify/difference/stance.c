#include "verify/difference/stance.h"

#include <string.h>

/* Two policies of one name are compared member by member, as texts: each cluster has interned its
 * own. A policy that says the same as before cannot change what it selects, unless labels did. */

struct stances {
        const struct ends *ends;
        bool *changed[WHENS];             /* by policy and direction */
        struct asked_rule *asked[WHENS];  /* by number of the rule; ref.policy NULL: not yet */
        size_t *first_rule[WHENS];        /* by policy and direction */
        struct stance *known[DIRECTIONS]; /* by end */
        bool *is_known[DIRECTIONS];
        struct intern *numbers;
};

static bool selectors_equal(const struct selector *a, const struct selector *b)
{
        return a && b ? selector_compare(a, b) == 0 : a == b;
}

static bool peers_equal(const struct policy_peer *a, const struct policy_peer *b)
{
        return selectors_equal(a->pod_selector, b->pod_selector) &&
               selectors_equal(a->namespace_selector, b->namespace_selector) &&
               ip_block_compare(a, b) == 0;
}

static bool ports_equal(const struct policy_port *a, const struct policy_port *b)
{
        if (a->protocol != b->protocol || !a->name != !b->name)
                return false;
        return a->name ? strcmp(a->name, b->name) == 0
                       : a->range.first == b->range.first && a->range.last == b->range.last;
}

static bool rules_equal(const struct policy_rule *a, const struct policy_rule *b)
{
        if (a->peers.n != b->peers.n || a->ports.n != b->ports.n)
                return false;
        for (size_t i = 0; i < a->peers.n; i++)
                if (!peers_equal(&a->peers.items[i], &b->peers.items[i]))
                        return false;
        for (size_t i = 0; i < a->ports.n; i++)
                if (!ports_equal(&a->ports.items[i], &b->ports.items[i]))
                        return false;
        return true;
}

static bool say_the_same(const struct network_policy *a, const struct network_policy *b,
                         enum direction direction)
{
        const struct policy_rules *left = &a->rules[direction], *right = &b->rules[direction];

        if (left->isolates != right->isolates)
                return false;
        if (!left->isolates)
                return true;
        if (!selectors_equal(&a->pod_selector, &b->pod_selector) || left->n != right->n)
                return false;
        for (size_t i = 0; i < left->n; i++)
                if (!rules_equal(&left->items[i], &right->items[i]))
                        return false;
        return true;
}

/* order < 0: only before is there; > 0: only after. */
static void mark(struct stances *stances, size_t before, size_t after, int order)
{
        const struct cluster *const *clusters = stances->ends->cluster;

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                bool changed =
                    order != 0 || !say_the_same(&clusters[BEFORE]->policies.items[before],
                                                &clusters[AFTER]->policies.items[after], d);
                if (order <= 0)
                        stances->changed[BEFORE][before * DIRECTIONS + d] = changed;
                if (order >= 0)
                        stances->changed[AFTER][after * DIRECTIONS + d] = changed;
        }
}

static int compare_policies(const struct stances *stances, size_t before, size_t after)
{
        const struct cluster *const *clusters = stances->ends->cluster;
        const struct meta *left, *right;

        if (before == clusters[BEFORE]->policies.n)
                return 1;
        if (after == clusters[AFTER]->policies.n)
                return -1;
        left = &clusters[BEFORE]->policies.items[before].meta;
        right = &clusters[AFTER]->policies.items[after].meta;
        int order = strcmp(left->namespace, right->namespace);
        return order ? order : strcmp(left->name, right->name);
}

static void mark_changed(struct stances *stances)
{
        const struct cluster *const *clusters = stances->ends->cluster;
        size_t before = 0, after = 0;

        while (before < clusters[BEFORE]->policies.n || after < clusters[AFTER]->policies.n) {
                int order = compare_policies(stances, before, after);
                mark(stances, before, after, order);
                before += order <= 0;
                after += order >= 0;
        }
}

static void number_rules(struct stances *stances, enum when when)
{
        const struct cluster *cluster = stances->ends->cluster[when];
        struct arena *arena = stances->ends->arena;
        size_t n = cluster->policies.n * DIRECTIONS, rules = 0;

        stances->changed[when] = arena_new_array(arena, bool, n);
        stances->first_rule[when] = arena_new_array(arena, size_t, n);
        for (size_t i = 0; i < n; i++) {
                stances->first_rule[when][i] = rules;
                rules += cluster->policies.items[i / DIRECTIONS].rules[i % DIRECTIONS].n;
        }
        stances->asked[when] = arena_new_array(arena, struct asked_rule, rules);
}

struct stances *stances_new(const struct ends *ends)
{
        struct stances *stances = arena_new_object(ends->arena, struct stances);

        stances->ends = ends;
        stances->numbers = intern_new(ends->arena);
        for (enum when when = BEFORE; when <= AFTER; when++)
                number_rules(stances, when);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                stances->known[d] = arena_new_array(ends->arena, struct stance, ends->n_pods);
                stances->is_known[d] = arena_new_array(ends->arena, bool, ends->n_pods);
        }
        mark_changed(stances);
        return stances;
}

/* Ends that are pods lie in the order of their namespaces. */
static size_t ends_before_namespace(const struct ends *ends, enum when when, const char *namespace,
                                    bool and_in_it)
{
        size_t low = 0, high = ends->n_pods;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(ends->list.items[middle].pod[when]->meta.namespace, namespace);
                if (order < 0 || (and_in_it && order == 0))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void take_in_pods(const struct ends *ends, enum when when,
                         const struct network_policy *policy, const struct policy_peer *peer,
                         bits_word *bits)
{
        const struct selector *of_namespace = peer->namespace_selector;
        const char *own = policy->meta.namespace, *last = NULL;
        size_t first = of_namespace ? 0 : ends_before_namespace(ends, when, own, false);
        size_t end = of_namespace ? ends->n_pods : ends_before_namespace(ends, when, own, true);
        bool suits = true;

        for (size_t i = first; i < end; i++) {
                const struct meta *meta = &ends->list.items[i].pod[when]->meta;
                if (of_namespace && meta->namespace != last) {
                        last = meta->namespace;
                        suits = selector_matches(
                            of_namespace,
                            &cluster_namespace(ends->cluster[when], last)->meta.labels);
                }
                if (suits &&
                    (!peer->pod_selector || selector_matches(peer->pod_selector, &meta->labels)))
                        bits_set(bits, i);
        }
}

/* An interval lies in a block as its first address does; a pod without an address in none. */
static void take_in_block(const struct ends *ends, enum when when, const struct policy_peer *peer,
                          bits_word *bits)
{
        enum family family = peer->cidr.ip.family;
        const struct line *line = &ends->lines[family];
        struct interval_span span = line_span(line, &peer->cidr);

        for (size_t at = span.first; at <= span.last; at++)
                if (ip_block_holds(peer, &line->starts.items[at]))
                        bits_set(bits, ends->first_interval[family] + at);
        for (size_t i = 0; i < ends->n_pods; i++) {
                size_t at = ends->list.items[i].intervals[when][family];
                if (at >= span.first && at <= span.last &&
                    ip_block_holds(peer, &line->starts.items[at]))
                        bits_set(bits, i);
        }
}

static void take_in(const struct ends *ends, enum when when, struct asked_rule *asked)
{
        const struct policy_rule *rule = asked->rule;

        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                bits_word *bits = rule->peers.n ? bits_new(ends->arena, ends->list.n)
                                                : bits_full(ends->arena, ends->list.n);
                for (size_t i = 0; i < rule->peers.n; i++) {
                        const struct policy_peer *peer = &rule->peers.items[i];
                        if (!peer_is_ip_block(peer))
                                take_in_pods(ends, when, asked->ref.policy, peer, bits);
                        else if (peer->cidr.ip.family == family)
                                take_in_block(ends, when, peer, bits);
                }
                asked->takes_in[family] = bits;
        }
}

static const struct asked_rule *ask_rule(struct stances *stances, enum when when, size_t policy,
                                         enum direction direction, size_t rule)
{
        const struct network_policy *of = &stances->ends->cluster[when]->policies.items[policy];
        size_t number = stances->first_rule[when][policy * DIRECTIONS + direction] + rule;
        struct asked_rule *asked = &stances->asked[when][number];

        if (!asked->rule) {
                asked->ref = (struct policy_rule_ref){of, direction, rule};
                asked->rule = &of->rules[direction].items[rule];
                take_in(stances->ends, when, asked);
        }
        return asked;
}

static void find_policies(struct stances *stances, enum when when, size_t end,
                          enum direction direction, struct stance *stance)
{
        const struct ends *ends = stances->ends;
        const struct cluster *cluster = ends->cluster[when];
        const struct meta *meta = &ends->list.items[end].pod[when]->meta;
        struct span span = cluster_policies_of(cluster, meta->namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &cluster->policies.items[i];
                if (!policy->rules[direction].isolates ||
                    !selector_matches(&policy->pod_selector, &meta->labels))
                        continue;
                stance->isolated[when] = true;
                vec_push(ends->arena, &stance->policies[when], policy);
                for (size_t j = 0; j < policy->rules[direction].n; j++) {
                        const struct asked_rule *rule = ask_rule(stances, when, i, direction, j);
                        vec_push(ends->arena, &stance->rules[when], rule);
                }
        }
}

static size_t number_of(struct stances *stances, enum direction direction,
                        const struct stance *stance)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_add_bytes(&key, (const char *)&direction, sizeof(direction));
        for (enum when when = BEFORE; when <= AFTER; when++) {
                strbuf_add_bytes(&key, (const char *)&stance->policies[when].n,
                                 sizeof(stance->policies[when].n));
                if (stance->policies[when].n > 0)
                        strbuf_add_bytes(&key, (const char *)stance->policies[when].items,
                                         stance->policies[when].n * sizeof(void *));
        }
        return intern_number(stances->numbers, key.text, key.length);
}

const struct stance *stance_of(struct stances *stances, size_t end, enum direction direction)
{
        struct stance *stance = &stances->known[direction][end];

        if (stances->is_known[direction][end])
                return stance;
        stances->is_known[direction][end] = true;
        for (enum when when = BEFORE; when <= AFTER; when++)
                find_policies(stances, when, end, direction, stance);
        stance->number = number_of(stances, direction, stance);
        stance->changed = stance_changed(stances, end, direction);
        return stance;
}

/* Other labels are taken for other policies. */
bool stance_changed(const struct stances *stances, size_t end, enum direction direction)
{
        const struct end *pods = &stances->ends->list.items[end];

        if (!labels_equal(&pods->pod[BEFORE]->meta.labels, &pods->pod[AFTER]->meta.labels))
                return true;
        for (enum when when = BEFORE; when <= AFTER; when++) {
                const struct cluster *cluster = stances->ends->cluster[when];
                const struct meta *meta = &pods->pod[when]->meta;
                struct span span = cluster_policies_of(cluster, meta->namespace);
                for (size_t i = span.first; i < span.first + span.n; i++)
                        if (stances->changed[when][i * DIRECTIONS + direction] &&
                            selector_matches(&cluster->policies.items[i].pod_selector,
                                             &meta->labels))
                                return true;
        }
        return false;
}
