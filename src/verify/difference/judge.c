#include "verify/difference/judge.h"

#include <stdlib.h>
#include <string.h>

/* Sources of which the same rules take in the other end, in the same policies, are answered alike:
 * of each destination every such case is judged once, port by port, and remembered by the list of
 * its rules. A few cases stand for all of 10,000 pods.
 *
 * Within a case, nothing changes but where a port of one of its rules begins, or has ended. */

#define SLOTS 4 /* what rules tell apart: protocols with ports, and the rest */
static const enum protocol slots[SLOTS] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_ANY};

#define PORTS_END 65536

/* One end's say, in one family. */
struct say {
        bool isolated, own_node;
        VEC(const struct asked_rule *) rules; /* that take in the other end */
};

struct hearing {
        struct say says[WHENS][DIRECTIONS];
};

struct why {
        enum change_kind kind;
        VEC(struct reason) reasons;
};

/* Some ports of a protocol, and the number of what happens to them. */
struct piece {
        size_t why;
        struct traffic traffic;
};
struct pieces {
        struct piece *items;
        size_t n, cap;
};

struct pair_case {
        VEC(size_t) effects;
        bits_word *sources; /* NULL where there is no effect */
};

struct judge {
        const struct ends *ends;
        struct stances *stances;
        struct intern *why_numbers, *effect_numbers;
        VEC(struct why) whys;
        VEC(struct effect) effects;
        struct strbuf key;
        struct arena *scratch; /* holds what follows, until the next destination */
        size_t destination;
        struct intern *case_numbers;
        VEC(struct pair_case) cases;
        struct hearing hearings[FAMILIES];
};

struct judge *judge_new(const struct ends *ends, struct stances *stances)
{
        struct judge *judge = arena_new_object(ends->arena, struct judge);

        judge->ends = ends;
        judge->stances = stances;
        judge->why_numbers = intern_new(ends->arena);
        judge->effect_numbers = intern_new(ends->arena);
        judge->scratch = arena_new();
        return judge;
}

void judge_free(struct judge *judge)
{
        arena_free(judge->scratch);
        strbuf_done(&judge->key);
}

void judge_destination(struct judge *judge, size_t destination)
{
        arena_reset(judge->scratch);
        judge->destination = destination;
        judge->case_numbers = intern_new(judge->scratch);
        memset(&judge->cases, 0, sizeof(judge->cases));
        memset(judge->hearings, 0, sizeof(judge->hearings));
}

static const struct end *end_at(const struct judge *judge, size_t at)
{
        return &judge->ends->list.items[at];
}

static bool own_node(const struct judge *judge, enum when when, enum direction direction,
                     const struct end *subject, const struct end *peer, enum family family)
{
        if (direction == DIRECTION_EGRESS && judge->ends->own_node_egress)
                return false;
        return ends_own_node(judge->ends, when, subject->pod[when], peer, family);
}

static void hear(struct judge *judge, enum direction direction, size_t subject, size_t peer,
                 enum family family)
{
        struct hearing *hearing = &judge->hearings[family];
        const struct end *pods = end_at(judge, subject);
        const struct stance *stance =
            end_is_block(pods) ? NULL : stance_of(judge->stances, subject, direction);

        for (enum when when = BEFORE; when <= AFTER; when++) {
                struct say *say = &hearing->says[when][direction];
                say->rules.n = 0;
                say->isolated = stance && stance->isolated[when];
                say->own_node =
                    stance && own_node(judge, when, direction, pods, end_at(judge, peer), family);
                if (!stance)
                        continue;
                vec_foreach (const struct asked_rule *const, rule, &stance->rules[when])
                        if (bits_get((*rule)->takes_in[family], peer))
                                vec_push(judge->scratch, &say->rules, *rule);
        }
        /* Then nothing changes, and it is as well not told apart: see difference.h. */
        struct say *before = &hearing->says[BEFORE][direction];
        struct say *after = &hearing->says[AFTER][direction];
        if (before->own_node && after->own_node && end_is_block(end_at(judge, peer)))
                before->own_node = after->own_node = false;
}

static void add_to_key(struct judge *judge, const void *bytes, size_t n)
{
        strbuf_add_bytes(&judge->key, bytes, n);
}

static void key_of_hearing(struct judge *judge, const struct hearing *hearing)
{
        for (enum when when = BEFORE; when <= AFTER; when++)
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        const struct say *say = &hearing->says[when][d];
                        size_t head =
                            say->rules.n << 2 | (size_t)say->isolated << 1 | (size_t)say->own_node;
                        add_to_key(judge, &head, sizeof(head));
                        if (say->rules.n > 0)
                                add_to_key(judge, say->rules.items,
                                           say->rules.n * sizeof(*say->rules.items));
                }
}

/* A name is the destination pod's own, at that time. */
static bool port_of(const struct judge *judge, enum when when, const struct policy_port *port,
                    struct port_range *ret)
{
        const struct pod *pod = end_at(judge, judge->destination)->pod[when];
        uint16_t number;

        if (!port->name) {
                *ret = port->range;
                return true;
        }
        if (!pod || !pod_named_port(pod, port->name, port->protocol, &number))
                return false;
        *ret = (struct port_range){number, number};
        return true;
}

static bool rule_allows(const struct judge *judge, enum when when, const struct policy_rule *rule,
                        enum protocol protocol, uint16_t number)
{
        struct port_range range;

        for (size_t i = 0; i < rule->ports.n; i++)
                if (rule->ports.items[i].protocol == protocol &&
                    port_of(judge, when, &rule->ports.items[i], &range) &&
                    port_range_contains(range, number))
                        return true;
        return rule->ports.n == 0;
}

static bool say_allows(const struct judge *judge, enum when when, const struct say *say,
                       enum protocol protocol, uint16_t number)
{
        if (!say->isolated || say->own_node)
                return true;
        vec_foreach (const struct asked_rule *const, rule, &say->rules)
                if (rule_allows(judge, when, (*rule)->rule, protocol, number))
                        return true;
        return false;
}

typedef VEC(uint32_t) cut_list;

static int compare_cuts(const void *a, const void *b)
{
        uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

        return (left > right) - (left < right);
}

static void cut_at_rule(const struct judge *judge, enum when when, const struct policy_rule *rule,
                        enum protocol protocol, cut_list *cuts)
{
        struct port_range range;

        for (size_t i = 0; i < rule->ports.n; i++)
                if (rule->ports.items[i].protocol == protocol &&
                    port_of(judge, when, &rule->ports.items[i], &range)) {
                        vec_push(judge->scratch, cuts, range.first);
                        vec_push(judge->scratch, cuts, range.last + 1u);
                }
}

/* Where something may change, sorted, with both ends of all ports. */
static cut_list cuts_of(const struct judge *judge, const struct hearing *hearing,
                        enum protocol protocol)
{
        cut_list cuts = {0};

        vec_push(judge->scratch, &cuts, 0);
        vec_push(judge->scratch, &cuts, PORTS_END);
        for (enum when when = BEFORE; when <= AFTER; when++)
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        vec_foreach (const struct asked_rule *const, rule,
                                     &hearing->says[when][d].rules)
                                cut_at_rule(judge, when, (*rule)->rule, protocol, &cuts);
        vec_sort(&cuts, compare_cuts);
        return cuts;
}

static void add_reason(struct judge *judge, struct why *why, struct reason reason)
{
        vec_push(judge->scratch, &why->reasons, reason);
        add_to_key(judge, &reason.kind, sizeof(reason.kind));
        add_to_key(judge, &reason.direction, sizeof(reason.direction));
        add_to_key(judge, &reason.policy, sizeof(reason.policy));
        add_to_key(judge, &reason.rule, sizeof(reason.rule));
}

/* Why one end allows at one time what it does not at the other. */
static void reason_of_end(struct judge *judge, const struct hearing *hearing, enum when allowed,
                          enum direction direction, size_t subject, const struct traffic *traffic,
                          struct why *why)
{
        const struct say *say = &hearing->says[allowed][direction];

        if (say->own_node) {
                add_reason(judge, why, (struct reason){REASON_OWN_NODE, direction, NULL, 0});
                return;
        }
        if (!say->isolated) {
                const struct stance *stance = stance_of(judge->stances, subject, direction);
                vec_foreach (const struct network_policy *const, policy,
                             &stance->policies[!allowed])
                        add_reason(judge, why,
                                   (struct reason){REASON_ISOLATION, direction, *policy, 0});
                return;
        }
        vec_foreach (const struct asked_rule *const, rule, &say->rules)
                if (rule_allows(judge, allowed, (*rule)->rule, traffic->protocol,
                                traffic->ports.first))
                        add_reason(judge, why,
                                   (struct reason){REASON_RULE, direction, (*rule)->ref.policy,
                                                   (*rule)->ref.rule});
}

/* The number of why; both ends that changed are named, the source's first. */
static size_t number_why(struct judge *judge, const struct hearing *hearing, size_t source,
                         enum change_kind kind, bool allows[WHENS][DIRECTIONS],
                         const struct traffic *traffic)
{
        enum when allowed = kind == CHANGE_OPENED ? AFTER : BEFORE;
        struct why why = {.kind = kind};

        judge->key.length = 0;
        add_to_key(judge, &kind, sizeof(kind));
        for (unsigned i = 0; i < DIRECTIONS; i++) {
                enum direction d = i == 0 ? DIRECTION_EGRESS : DIRECTION_INGRESS;
                size_t subject = d == DIRECTION_EGRESS ? source : judge->destination;
                if (allows[allowed][d] && !allows[!allowed][d])
                        reason_of_end(judge, hearing, allowed, d, subject, traffic, &why);
        }
        size_t number = intern_number(judge->why_numbers, judge->key.text, judge->key.length);
        if (number == judge->whys.n) {
                why.reasons.items = arena_copy(judge->ends->arena, why.reasons.items,
                                               why.reasons.n * sizeof(*why.reasons.items));
                vec_push(judge->ends->arena, &judge->whys, why);
        }
        return number;
}

/* Ports of one slot between two cuts; *pieces grows where something happens to them. */
static void judge_ports(struct judge *judge, const struct hearing *hearing, size_t source,
                        const struct traffic *traffic, struct pieces *pieces)
{
        bool allows[WHENS][DIRECTIONS], both[WHENS];

        for (enum when when = BEFORE; when <= AFTER; when++) {
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        allows[when][d] = say_allows(judge, when, &hearing->says[when][d],
                                                     traffic->protocol, traffic->ports.first);
                both[when] = allows[when][DIRECTION_INGRESS] && allows[when][DIRECTION_EGRESS];
        }
        if (both[BEFORE] == both[AFTER])
                return;
        enum change_kind kind = both[AFTER] ? CHANGE_OPENED : CHANGE_CLOSED;
        struct piece piece = {number_why(judge, hearing, source, kind, allows, traffic), *traffic};
        struct piece *last = pieces->n ? &pieces->items[pieces->n - 1] : NULL;
        if (last && last->why == piece.why && last->traffic.protocol == traffic->protocol &&
            last->traffic.ports.last + 1 == traffic->ports.first)
                last->traffic.ports.last = traffic->ports.last;
        else
                vec_push(judge->scratch, pieces, piece);
}

static struct pieces judge_family(struct judge *judge, const struct hearing *hearing, size_t source)
{
        struct pieces pieces = {0};

        for (size_t slot = 0; slot < SLOTS; slot++) {
                cut_list cuts = cuts_of(judge, hearing, slots[slot]);
                for (size_t i = 0; i + 1 < cuts.n; i++) {
                        if (cuts.items[i] == cuts.items[i + 1])
                                continue;
                        struct traffic traffic = {
                            slots[slot],
                            {(uint16_t)cuts.items[i], (uint16_t)(cuts.items[i + 1] - 1)}};
                        judge_ports(judge, hearing, source, &traffic, &pieces);
                }
        }
        return pieces;
}

static bool pieces_equal(const struct pieces *a, const struct pieces *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++) {
                const struct piece *left = &a->items[i], *right = &b->items[i];
                if (left->why != right->why || left->traffic.protocol != right->traffic.protocol ||
                    left->traffic.ports.first != right->traffic.ports.first ||
                    left->traffic.ports.last != right->traffic.ports.last)
                        return false;
        }
        return true;
}

/* One effect out of all pieces that have the same reasons. */
static size_t number_effect(struct judge *judge, const struct pieces *pieces, size_t why,
                            const bool families[FAMILIES], bool one_family)
{
        struct effect effect = {.kind = judge->whys.items[why].kind, .one_family = one_family};

        judge->key.length = 0;
        add_to_key(judge, &why, sizeof(why));
        memcpy(effect.families, families, sizeof(effect.families));
        add_to_key(judge, families, sizeof(effect.families));
        add_to_key(judge, &one_family, sizeof(one_family));
        for (size_t i = 0; i < pieces->n; i++) {
                const struct traffic *traffic = &pieces->items[i].traffic;
                if (pieces->items[i].why != why)
                        continue;
                vec_push(judge->ends->arena, &effect.traffic, *traffic);
                add_to_key(judge, &traffic->protocol, sizeof(traffic->protocol));
                add_to_key(judge, &traffic->ports, sizeof(traffic->ports));
        }
        size_t number = intern_number(judge->effect_numbers, judge->key.text, judge->key.length);
        if (number == judge->effects.n) {
                effect.reasons.items = judge->whys.items[why].reasons.items;
                effect.reasons.n = judge->whys.items[why].reasons.n;
                vec_push(judge->ends->arena, &judge->effects, effect);
        }
        return number;
}

static void add_effects(struct judge *judge, const struct pieces *pieces,
                        const bool families[FAMILIES], bool one_family, struct pair_case *ret)
{
        for (size_t i = 0; i < pieces->n; i++) {
                bool first = true;
                for (size_t j = 0; j < i; j++)
                        first = first && pieces->items[j].why != pieces->items[i].why;
                if (!first)
                        continue;
                size_t effect =
                    number_effect(judge, pieces, pieces->items[i].why, families, one_family);
                vec_push(judge->scratch, &ret->effects, effect);
        }
}

/* Where both families say the same it is said once, also for pods that have one alone. */
static struct pair_case judge_case(struct judge *judge, size_t source, const bool has[FAMILIES])
{
        static const bool either[FAMILIES] = {true, true};
        struct pieces pieces[FAMILIES] = {0};
        struct pair_case answer = {0};
        bool both = has[FAMILY_IPV4] && has[FAMILY_IPV6];

        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (has[family])
                        pieces[family] = judge_family(judge, &judge->hearings[family], source);
        if (both && pieces_equal(&pieces[FAMILY_IPV4], &pieces[FAMILY_IPV6])) {
                add_effects(judge, &pieces[FAMILY_IPV4], either, false, &answer);
        } else {
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                        bool families[FAMILIES] = {!both, !both};
                        families[family] = true;
                        if (has[family])
                                add_effects(judge, &pieces[family], families, both, &answer);
                }
        }
        if (answer.effects.n > 0)
                answer.sources = bits_new(judge->scratch, judge->ends->list.n);
        return answer;
}

void judge_source(struct judge *judge, size_t source)
{
        const struct end *from = end_at(judge, source), *to = end_at(judge, judge->destination);
        size_t policies = end_is_block(from)
                              ? SIZE_MAX
                              : stance_of(judge->stances, source, DIRECTION_EGRESS)->number;
        bool has[FAMILIES];

        judge->key.length = 0;
        add_to_key(judge, &policies, sizeof(policies));
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                has[family] = from->family[family] && to->family[family];
                add_to_key(judge, &has[family], sizeof(has[family]));
                if (!has[family])
                        continue;
                hear(judge, DIRECTION_EGRESS, source, judge->destination, family);
                hear(judge, DIRECTION_INGRESS, judge->destination, source, family);
                key_of_hearing(judge, &judge->hearings[family]);
        }
        if (!has[FAMILY_IPV4] && !has[FAMILY_IPV6])
                return;
        size_t number = intern_number(judge->case_numbers, judge->key.text, judge->key.length);
        if (number == judge->cases.n) {
                struct pair_case answer = judge_case(judge, source, has);
                vec_push(judge->scratch, &judge->cases, answer);
        }
        if (judge->cases.items[number].sources)
                bits_set(judge->cases.items[number].sources, source);
}

struct effects judge_effects(struct judge *judge)
{
        struct effects effects = {0};

        vec_foreach (const struct pair_case, answer, &judge->cases)
                vec_foreach (const size_t, effect, &answer->effects) {
                        size_t i = 0;
                        while (i < effects.n && effects.items[i].effect != *effect)
                                i++;
                        if (i == effects.n) {
                                struct sources_of_effect one = {
                                    *effect, bits_new(judge->scratch, judge->ends->list.n)};
                                vec_push(judge->scratch, &effects, one);
                        }
                        bits_or(effects.items[i].sources, answer->sources, judge->ends->list.n);
                }
        return effects;
}

const struct effect *judge_effect(const struct judge *judge, size_t number)
{
        return &judge->effects.items[number];
}
