#include "verify/difference/difference.h"

#include <string.h>

#include "verify/difference/judge.h"
#include "verify/difference/names.h"
#include "verify/difference/rows.h"

/* Only where policies of an end changed, or what others' rules see of it, can anything be other
 * than before: a destination of which neither is true is asked of the few sources of which it is.
 * Each destination's answers are sets of sources; equal ones are put together, and only then do
 * pods, blocks and names come out of it. */

struct finder {
        struct arena *arena;
        struct arena *scratch; /* until the changes are there */
        const struct difference_options *options;
        struct ends ends;
        struct stances *stances;
        struct judge *judge;
        struct rows *rows;
        bits_word *active;                /* ends that changed, as a source or as anybody's peer */
        bits_word *asking;                /* destinations that are asked of everyone */
        bool *stance_changed[DIRECTIONS]; /* by end that is pods */
        struct difference *ret;
};

static bool is_active(const struct finder *finder, size_t at)
{
        const struct end *end = &finder->ends.list.items[at];

        return finder->stance_changed[DIRECTION_EGRESS][at] || end->other_peer || end->other_node;
}

static bool asks_everyone(const struct finder *finder, size_t at)
{
        const struct end *end = &finder->ends.list.items[at];

        return finder->stance_changed[DIRECTION_INGRESS][at] || end->other_peer ||
               end->other_ports || end->other_node;
}

static void find_active(struct finder *finder)
{
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                finder->stance_changed[d] =
                    arena_new_array(finder->scratch, bool, finder->ends.n_pods);
                for (size_t i = 0; i < finder->ends.n_pods; i++)
                        finder->stance_changed[d][i] = stance_changed(finder->stances, i, d);
        }
        finder->active = bits_new(finder->scratch, finder->ends.list.n);
        finder->asking = bits_new(finder->scratch, finder->ends.list.n);
        for (size_t i = 0; i < finder->ends.n_pods; i++) {
                if (is_active(finder, i))
                        bits_set(finder->active, i);
                if (asks_everyone(finder, i))
                        bits_set(finder->asking, i);
        }
}

#define PROGRESS_EVERY 64 /* classes of destinations */

static void find_all(struct finder *finder)
{
        const struct difference_options *options = finder->options;
        size_t n = finder->ends.list.n;
        bits_word *all = bits_full(finder->scratch, n);
        bool any_active = !bits_are_none(finder->active, n);
        bool any_asking = !bits_are_none(finder->asking, n);

        if (!any_active && !any_asking)
                return;
        struct parts active = judge_sources(finder->judge, finder->active);
        struct parts everyone = any_asking ? judge_sources(finder->judge, all) : active;
        struct parts destinations = judge_destinations(
            finder->judge, any_active ? all : finder->asking, finder->asking, &everyone);
        for (size_t i = 0; i < destinations.n; i++) {
                const struct part *part = &destinations.items[i];
                if (options->progress && i % PROGRESS_EVERY == 0)
                        options->progress(i, destinations.n, options->data);
                struct effects effects =
                    judge_destination(finder->judge, part->any,
                                      bits_get(finder->asking, part->any) ? &everyone : &active);
                vec_foreach (const struct sources_of_effect, one, &effects)
                        rows_add(finder->rows, one->effect, &one->sources, part);
        }
}

/* Do policies have no say between these pods and this address, before and after? */
static bool always_own_node(const struct finder *finder, const struct end *pods,
                            const struct end *block, enum direction direction)
{
        const struct ends *ends = &finder->ends;
        enum family family =
            block->intervals[AFTER][FAMILY_IPV4] == INTERVAL_NONE ? FAMILY_IPV6 : FAMILY_IPV4;

        if (direction == DIRECTION_EGRESS && ends->own_node_egress)
                return false;
        vec_foreach (const size_t, member, &pods->members)
                for (enum when when = BEFORE; when <= AFTER; when++)
                        if (!ends_own_node(ends, when, ends->pairs.items[*member].pod[when], block,
                                           family))
                                return false;
        return true;
}

/* Is nothing meant by this pair but what always passes? */
static bool is_exempt(const struct finder *finder, size_t from, size_t to)
{
        const struct end *source = &finder->ends.list.items[from];
        const struct end *destination = &finder->ends.list.items[to];

        if (end_is_block(source))
                return always_own_node(finder, destination, source, DIRECTION_INGRESS);
        if (end_is_block(destination))
                return always_own_node(finder, source, destination, DIRECTION_EGRESS);
        return from == to && source->members.n == 1;
}

#define foreach_bit(at, bits, width)                                                               \
        for (size_t at = bits_next((bits), 0, (width)); at < (width);                              \
             at = bits_next((bits), at + 1, (width)))

/* Nearly no address is: asked first. */
static bool is_a_nodes(const struct ends *ends, size_t end)
{
        enum family family = end < ends->first_interval[FAMILY_IPV6] ? FAMILY_IPV4 : FAMILY_IPV6;

        return bits_get(ends->of_nodes[family], end - ends->first_interval[family]);
}

static bool is_exempt_from_all(const struct finder *finder, const struct row *row, size_t end,
                               bool is_source)
{
        size_t n = finder->ends.list.n;

        foreach_bit(other, is_source ? row->to : row->from,
                    n) if (!(is_source ? is_exempt(finder, end, other)
                                       : is_exempt(finder, other, end))) return false;
        return true;
}

/* Takes out runs of addresses that are, all of them, the own nodes' of whoever is at the other
 * end. What lies within a larger block stays: see difference.h. */
static void take_out_exempt(const struct finder *finder, struct row *row, bool is_source)
{
        bits_word *bits = is_source ? row->from : row->to;
        size_t n = finder->ends.list.n, end;

        for (size_t at = bits_next(bits, finder->ends.n_pods, n); at < n;
             at = bits_next(bits, end, n)) {
                bool exempt = true;
                for (end = at; end < n && bits_get(bits, end); end++)
                        exempt = exempt && is_a_nodes(&finder->ends, end) &&
                                 is_exempt_from_all(finder, row, end, is_source);
                for (size_t i = at; exempt && i < end; i++)
                        bits[i / BITS_WORD] &= ~((bits_word)1 << i % BITS_WORD);
        }
}

static bool says_something(const struct finder *finder, const struct row *row)
{
        size_t n = finder->ends.list.n;

        foreach_bit(from, row->from, n)
            foreach_bit(to, row->to, n) if (!is_exempt(finder, from, to)) return true;
        return false;
}

static struct group group_of(const struct finder *finder, const bits_word *bits)
{
        const struct ends *ends = &finder->ends;
        struct group group = {.pods = bits_new(finder->arena, ends->pairs.n)};

        for (size_t i = 0; i < ends->n_pods; i++)
                if (bits_get(bits, i))
                        vec_foreach (const size_t, member, &ends->list.items[i].members)
                                bits_set(group.pods, *member);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                size_t n = ends->lines[family].starts.n;
                group.blocks[family] = bits_new(finder->arena, n);
                for (size_t i = 0; i < n; i++)
                        if (bits_get(bits, ends->first_interval[family] + i))
                                bits_set(group.blocks[family], i);
        }
        return group;
}

/* Many changes have an end in common: its sets are there once. */
struct groups {
        struct intern *numbers;
        VEC(struct group) list;
};

static struct group shared_group(struct finder *finder, struct groups *groups,
                                 const bits_word *bits)
{
        size_t bytes = bits_words(finder->ends.list.n) * sizeof(*bits);
        size_t number = intern_number(groups->numbers, bits, bytes);

        if (number >= groups->list.n) {
                struct group group = group_of(finder, bits);
                vec_push(finder->scratch, &groups->list, group);
        }
        return groups->list.items[number];
}

static void add_change(struct finder *finder, struct row *row, struct names *names,
                       struct groups *groups)
{
        const struct effect *effect = judge_effect(finder->judge, row->effect);
        struct change change = {
            .kind = effect->kind,
            .undecided = effect->undecided,
            .one_family = effect->one_family,
            .from = shared_group(finder, groups, row->from),
            .to = shared_group(finder, groups, row->to),
            .traffic = effect->traffic.items,
            .n_traffic = effect->traffic.n,
            .reasons = effect->reasons.items,
            .n_reasons = effect->reasons.n,
        };

        memcpy(change.families, effect->families, sizeof(change.families));
        names_give(names, row->from, row->to, change.families, &change.from);
        names_give(names, row->to, row->from, change.families, &change.to);
        vec_push(finder->arena, &finder->ret->changes, change);
}

static int compare_groups(const struct group *a, const struct group *b)
{
        for (size_t i = 0; i < a->n_names && i < b->n_names; i++) {
                int order = strcmp(a->names[i], b->names[i]);
                if (order)
                        return order;
        }
        return (a->n_names > b->n_names) - (a->n_names < b->n_names);
}

/* The rows came in an order that is the same always; what is equal here stays in it. */
static int compare_changes(const void *a, const void *b)
{
        const struct change *left = a, *right = b;
        int order = compare_groups(&left->to, &right->to);

        order = order ? order : compare_groups(&left->from, &right->from);
        if (order || left->kind != right->kind)
                return order ? order : (int)left->kind - (int)right->kind;
        if (left->undecided != right->undecided)
                return (int)left->undecided - (int)right->undecided;
        for (size_t i = 0; i < left->n_traffic && i < right->n_traffic; i++) {
                const struct traffic *one = &left->traffic[i], *other = &right->traffic[i];
                if (one->protocol != other->protocol)
                        return (int)one->protocol - (int)other->protocol;
                if (one->ports.first != other->ports.first)
                        return (int)one->ports.first - (int)other->ports.first;
        }
        return (left > right) - (left < right);
}

static void add_changes(struct finder *finder)
{
        struct row_list rows = rows_gather(finder->rows);
        struct names *names = names_new(&finder->ends);
        struct groups groups = {intern_new(finder->scratch), {0}};

        vec_foreach (struct row, row, &rows) {
                take_out_exempt(finder, row, true);
                take_out_exempt(finder, row, false);
                if (says_something(finder, row))
                        add_change(finder, row, names, &groups);
        }
        vec_sort(&finder->ret->changes, compare_changes);
}

static void add_ends(struct finder *finder)
{
        const struct ends *ends = &finder->ends;
        struct difference *ret = finder->ret;

        vec_foreach (const struct pod_pair, pair, &ends->pairs)
                vec_push(finder->arena, &ret->pods, pair->pod[AFTER]);
        vec_foreach (const struct pod *const, pod, &ends->only[BEFORE])
                vec_push(finder->arena, &ret->gone, *pod);
        vec_foreach (const struct pod *const, pod, &ends->only[AFTER])
                vec_push(finder->arena, &ret->appeared, *pod);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                for (size_t i = 0; i < ends->lines[family].starts.n; i++) {
                        struct address_block block = {
                            ends->lines[family].starts.items[i],
                            line_last(&ends->lines[family], i),
                            !bits_get(ends->held[family], i),
                        };
                        vec_push(finder->arena, &ret->blocks[family], block);
                }
        ret->without_address = ends->without_address;
}

/* Nodes with an isolated pod, sorted, each once; "" for pods without a node. */
static struct map *isolated_nodes(struct finder *finder, enum when when)
{
        const struct cluster *cluster = finder->ends.cluster[when];
        struct map *nodes = map_new(finder->arena);

        vec_foreach (const struct pod, pod, &cluster->pods) {
                struct span span = cluster_policies_of(cluster, pod->meta.namespace);
                if (!pod_takes_part(pod) || map_get(nodes, pod->node))
                        continue;
                for (size_t i = span.first; i < span.first + span.n; i++) {
                        struct network_policy *policy = &cluster->policies.items[i];
                        if ((policy->rules[DIRECTION_INGRESS].isolates ||
                             policy->rules[DIRECTION_EGRESS].isolates) &&
                            selector_matches(&policy->pod_selector, &pod->meta.labels))
                                map_put(nodes, pod->node, policy);
                }
        }
        return nodes;
}

static int compare_links(const void *a, const void *b)
{
        const struct link_change *left = a, *right = b;

        return strcmp(left->node ? left->node : "", right->node ? right->node : "");
}

static void add_links(struct finder *finder, struct map *isolated[WHENS])
{
        struct link_change change = {.node = NULL};
        bool any[WHENS] = {map_size(isolated[BEFORE]) > 0, map_size(isolated[AFTER]) > 0};

        for (enum when when = BEFORE; when <= AFTER; when++) {
                change.kind = when == AFTER ? CHANGE_CLOSED : CHANGE_OPENED;
                change.node = NULL;
                if (any[when] && !any[!when])
                        vec_push(finder->arena, &finder->ret->links, change);
                for (size_t i = 0; i < map_size(isolated[when]); i++) {
                        change.node = map_entries(isolated[when])[i].key;
                        if (!map_get(isolated[!when], change.node))
                                vec_push(finder->arena, &finder->ret->links, change);
                }
        }
        vec_sort(&finder->ret->links, compare_links);
}

struct difference *difference_find(struct arena *arena, const struct cluster *before,
                                   const struct cluster *after,
                                   const struct difference_options *options)
{
        struct finder finder = {.arena = arena, .scratch = arena_new(), .options = options};

        finder.ret = arena_new_object(arena, struct difference);
        ends_find(&finder.ends, arena, before, after, options->own_node_egress);
        finder.stances = stances_new(&finder.ends);
        finder.judge = judge_new(&finder.ends, finder.stances);
        finder.rows = rows_new(finder.scratch, finder.ends.list.n);
        find_active(&finder);
        find_all(&finder);
        add_ends(&finder);
        add_changes(&finder);
        add_links(&finder, (struct map *[WHENS]){isolated_nodes(&finder, BEFORE),
                                                 isolated_nodes(&finder, AFTER)});
        judge_free(finder.judge);
        arena_free(finder.scratch);
        finder.ret->ends = arena_copy(arena, &finder.ends, sizeof(finder.ends));
        return finder.ret;
}

bool difference_is_none(const struct difference *difference)
{
        return difference->changes.n == 0 && difference->links.n == 0 && difference->gone.n == 0 &&
               difference->appeared.n == 0;
}

static bool group_has(const struct difference *difference, const struct group *group, size_t end,
                      enum family family)
{
        const struct ends *ends = difference->ends;

        if (end < ends->n_pods)
                return bits_get(group->pods, ends->list.items[end].members.items[0]);
        return bits_get(group->blocks[family], end - ends->first_interval[family]);
}

/* What passes whatever policies say; addresses are those after. */
static bool passes_always(const struct difference *difference, const struct packet *packet)
{
        const struct ends *ends = difference->ends;

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                const struct ip *own =
                    d == DIRECTION_INGRESS ? &packet->destination : &packet->source;
                const struct ip *other =
                    d == DIRECTION_INGRESS ? &packet->source : &packet->destination;
                const struct pod *pod = cluster_pod_at(ends->cluster[AFTER], own);
                size_t peer = ends_at(ends, AFTER, other);
                if (!pod || peer == SIZE_MAX || peer < ends->n_pods ||
                    (d == DIRECTION_EGRESS && ends->own_node_egress))
                        continue;
                const struct pod *was =
                    cluster_pod(ends->cluster[BEFORE], pod->meta.namespace, pod->meta.name);
                if (was && ends_own_node(ends, BEFORE, was, &ends->list.items[peer], own->family) &&
                    ends_own_node(ends, AFTER, pod, &ends->list.items[peer], own->family))
                        return true;
        }
        return ip_equal(&packet->source, &packet->destination);
}

static bool carries(const struct change *change, const struct packet *packet)
{
        for (size_t i = 0; i < change->n_traffic; i++) {
                const struct traffic *traffic = &change->traffic[i];
                enum protocol protocol = packet->protocol;
                if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP &&
                    protocol != PROTOCOL_SCTP)
                        protocol = PROTOCOL_ANY;
                if (traffic->protocol == protocol &&
                    port_range_contains(traffic->ports, packet->port))
                        return true;
        }
        return false;
}

struct changes_of difference_between(const struct difference *difference, size_t from, size_t to,
                                     const struct packet *packet)
{
        enum family family = packet->source.family;
        struct changes_of ret = {0};

        vec_foreach (const struct change, change, &difference->changes)
                if (change->families[family] && carries(change, packet) &&
                    group_has(difference, &change->from, from, family) &&
                    group_has(difference, &change->to, to, family) && ret.n < CHANGES_OF_MOST)
                        ret.items[ret.n++] = change;
        return ret;
}

struct changes_of difference_of(const struct difference *difference, const struct packet *packet)
{
        size_t from = ends_at(difference->ends, AFTER, &packet->source);
        size_t to = ends_at(difference->ends, AFTER, &packet->destination);

        if (from == SIZE_MAX || to == SIZE_MAX || passes_always(difference, packet))
                return (struct changes_of){0};
        return difference_between(difference, from, to, packet);
}
