#include "verify/difference/judge.h"

#include <string.h>

/* What is heard of each end apart is all that a pair is judged by: of the other end's say it counts
 * alone what it allows, whoever's policies these are. So 250 ways to be isolated at one end and
 * 1,000 at the other are 1,250 answers to find, and as many changes to read, not 250,000. */

#define KINDS 2

struct why {
        enum change_kind kind;
        bool undecided;
        enum direction direction;
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

/* Effects of what one end says, in the families that both ends have. */
struct answer {
        VEC(size_t) effects;
};

/* What the policies of a destination hear alike, and the numbers of it. */
struct cell {
        struct part sources;
        bool is_heard;
        size_t heard[FAMILIES];
};
struct cells {
        struct cell *items;
        size_t n, cap;
        bool are_known;
};

struct judge {
        const struct ends *ends;
        struct stances *stances;
        struct hearings *hearings;
        struct intern *why_numbers, *effect_numbers, *answer_numbers;
        VEC(struct why) whys;
        VEC(struct effect) effects;
        VEC(struct answer) answers;
        VEC(size_t) slot_of; /* by effect: 1 + where it is among the effects, while destination */
        VEC(struct cells) cells; /* by number of the destination's stance */
        struct cells everyone;   /* one cell: of destinations whom no policy isolates */
        struct strbuf key;
        struct arena *scratch; /* until the next destination */
};

struct judge *judge_new(const struct ends *ends, struct stances *stances)
{
        struct judge *judge = arena_new_object(ends->arena, struct judge);

        judge->ends = ends;
        judge->stances = stances;
        judge->hearings = hearings_new(ends, stances);
        judge->why_numbers = intern_new(ends->arena);
        judge->effect_numbers = intern_new(ends->arena);
        judge->answer_numbers = intern_new(ends->arena);
        judge->scratch = arena_new();
        return judge;
}

void judge_free(struct judge *judge)
{
        hearings_free(judge->hearings);
        arena_free(judge->scratch);
        strbuf_done(&judge->key);
}

static const struct end *end_at(const struct judge *judge, size_t at)
{
        return &judge->ends->list.items[at];
}

static void add_to_key(struct judge *judge, const void *bytes, size_t n)
{
        strbuf_add_bytes(&judge->key, bytes, n);
}

static bool reasons_equal(const struct reason *a, const struct reason *b)
{
        return a->kind == b->kind && a->direction == b->direction && a->policy == b->policy &&
               a->rule == b->rule;
}

/* Each once: views have some in common. */
static void add_reason(struct judge *judge, struct why *why, struct reason reason)
{
        vec_foreach (const struct reason, known, &why->reasons)
                if (reasons_equal(known, &reason))
                        return;
        vec_push(judge->scratch, &why->reasons, reason);
        add_to_key(judge, &reason.kind, sizeof(reason.kind));
        add_to_key(judge, &reason.policy, sizeof(reason.policy));
        add_to_key(judge, &reason.rule, sizeof(reason.rule));
}

/* Why an end allows at one time what it does not at the other. */
static void add_reasons(struct judge *judge, const struct hearing *hearing, const struct view *view,
                        enum when allowed, const struct traffic *traffic, struct why *why)
{
        enum direction direction = hearing->direction;
        const struct say *say = &view->says[allowed];

        if (say->own_node) {
                add_reason(judge, why, (struct reason){REASON_OWN_NODE, direction, NULL, 0});
                return;
        }
        if (!say->isolated) {
                const struct stance *stance =
                    stance_of(judge->stances, hearing->subject, direction);
                vec_foreach (const struct network_policy *const, policy,
                             &stance->policies[!allowed])
                        add_reason(judge, why,
                                   (struct reason){REASON_ISOLATION, direction, *policy, 0});
                return;
        }
        vec_foreach (const struct asked_rule *const, rule, &say->rules)
                if (rule_allows(judge->hearings, allowed, hearing->destination, (*rule)->rule,
                                traffic))
                        add_reason(judge, why,
                                   (struct reason){REASON_RULE, direction, (*rule)->ref.policy,
                                                   (*rule)->ref.rule});
}

/* The number of why. */
static size_t number_why(struct judge *judge, const struct hearing *hearing, enum change_kind kind,
                         bool undecided, const struct traffic *traffic)
{
        enum when allowed = kind == CHANGE_OPENED ? AFTER : BEFORE;
        struct why why = {.kind = kind, .undecided = undecided, .direction = hearing->direction};

        judge->key.length = 0;
        add_to_key(judge, &kind, sizeof(kind));
        add_to_key(judge, &undecided, sizeof(undecided));
        add_to_key(judge, &why.direction, sizeof(why.direction));
        vec_foreach (const struct view, view, &hearing->views)
                if (hearing_allows(judge->hearings, hearing, view, traffic) == ALLOWS(allowed))
                        add_reasons(judge, hearing, view, allowed, traffic, &why);
        size_t number = intern_number(judge->why_numbers, judge->key.text, judge->key.length);
        if (number == judge->whys.n) {
                why.reasons.items = arena_copy(judge->ends->arena, why.reasons.items,
                                               why.reasons.n * sizeof(*why.reasons.items));
                vec_push(judge->ends->arena, &judge->whys, why);
        }
        return number;
}

static void add_piece(struct judge *judge, struct pieces *pieces, size_t why,
                      const struct traffic *traffic)
{
        struct piece piece = {why, *traffic};
        struct piece *last = pieces->n ? &pieces->items[pieces->n - 1] : NULL;

        if (last && last->why == why && last->traffic.protocol == traffic->protocol &&
            last->traffic.ports.last + 1 == traffic->ports.first)
                last->traffic.ports.last = traffic->ports.last;
        else
                vec_push(judge->scratch, pieces, piece);
}

/* What both ends together may allow, of what each may. */
static unsigned both_may(unsigned one, unsigned other)
{
        unsigned both = 0;

        for (unsigned i = 0; i < ALLOWINGS; i++)
                for (unsigned j = 0; j < ALLOWINGS; j++)
                        if (one >> i & 1 && other >> j & 1)
                                both |= 1u << (i & j);
        return both;
}

/* Ports that neither end tells apart; pieces grow, by kind, where this end is why something happens
 * to them. Where something happens for certain, an end that may be why is passed over: there is
 * one that is. */
static void judge_ports(struct judge *judge, const struct hearing *hearing, unsigned other,
                        const struct stretch *stretch, struct pieces *pieces)
{
        unsigned both = both_may(stretch->may_be, other);

        for (enum change_kind kind = CHANGE_CLOSED; kind <= CHANGE_OPENED; kind++) {
                unsigned allows = ALLOWS(kind == CHANGE_OPENED ? AFTER : BEFORE);
                unsigned always = 1u << allows;
                bool decided = both == always;
                if (!(both & always) || !(stretch->may_be & always) ||
                    (decided && stretch->may_be != always))
                        continue;
                size_t why = number_why(judge, hearing, kind, !decided, &stretch->traffic);
                add_piece(judge, &pieces[kind], why, &stretch->traffic);
        }
}

static uint16_t lower(uint16_t a, uint16_t b)
{
        return a < b ? a : b;
}

/* An outline's stretches leave nothing out: both are walked side by side. Within a stretch of this
 * end's, which may have joined what different rules allow, reasons differ. */
static void judge_stretch(struct judge *judge, const struct hearing *hearing,
                          const struct outline *other, size_t *at, const struct stretch *own,
                          struct pieces *pieces)
{
        struct stretch stretch = *own;

        for (;;) {
                const struct stretch *beside = &other->items[*at];
                stretch.traffic.ports.last =
                    lower(own->traffic.ports.last, beside->traffic.ports.last);
                judge_ports(judge, hearing, beside->may_be, &stretch, pieces);
                *at += beside->traffic.ports.last <= own->traffic.ports.last;
                if (stretch.traffic.ports.last == own->traffic.ports.last)
                        return;
                stretch.traffic.ports.first = (uint16_t)(stretch.traffic.ports.last + 1);
        }
}

static void judge_family(struct judge *judge, size_t own, size_t other, struct pieces *pieces)
{
        const struct hearing *hearing = hearings_at(judge->hearings, own);
        const struct outline *beside = hearings_outline(judge->hearings, other);
        size_t at = 0;

        vec_foreach (const struct stretch, stretch, &hearing->stretches)
                judge_stretch(judge, hearing, beside, &at, stretch, pieces);
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

static struct effect effect_of(const struct why *why, const bool families[FAMILIES],
                               bool one_family)
{
        struct effect effect = {
            .kind = why->kind,
            .undecided = why->undecided,
            .direction = why->direction,
            .one_family = one_family,
        };

        memcpy(effect.families, families, sizeof(effect.families));
        effect.reasons.items = why->reasons.items;
        effect.reasons.n = why->reasons.n;
        return effect;
}

/* One effect out of all pieces that have the same reasons. */
static size_t number_effect(struct judge *judge, const struct pieces *pieces, size_t why,
                            const bool families[FAMILIES], bool one_family)
{
        struct effect effect = effect_of(&judge->whys.items[why], families, one_family);

        judge->key.length = 0;
        add_to_key(judge, &why, sizeof(why));
        add_to_key(judge, families, sizeof(effect.families));
        add_to_key(judge, &one_family, sizeof(one_family));
        vec_foreach (const struct piece, piece, pieces) {
                const struct traffic *traffic = &piece->traffic;
                if (piece->why != why)
                        continue;
                vec_push(judge->ends->arena, &effect.traffic, *traffic);
                add_to_key(judge, &traffic->protocol, sizeof(traffic->protocol));
                add_to_key(judge, &traffic->ports, sizeof(traffic->ports));
        }
        size_t number = intern_number(judge->effect_numbers, judge->key.text, judge->key.length);
        if (number == judge->effects.n) {
                vec_push(judge->ends->arena, &judge->effects, effect);
                vec_push(judge->ends->arena, &judge->slot_of, 0);
        }
        return number;
}

static void add_effects(struct judge *judge, const struct pieces *pieces,
                        const bool families[FAMILIES], bool one_family, struct answer *ret)
{
        for (size_t i = 0; i < pieces->n; i++) {
                bool first = true;
                for (size_t j = 0; j < i; j++)
                        first = first && pieces->items[j].why != pieces->items[i].why;
                if (!first)
                        continue;
                size_t effect =
                    number_effect(judge, pieces, pieces->items[i].why, families, one_family);
                vec_push(judge->ends->arena, &ret->effects, effect);
        }
}

/* Where both families say the same it is said once, also for pods that have one alone. */
static void add_effects_of_kind(struct judge *judge, struct pieces pieces[FAMILIES][KINDS],
                                const bool has[FAMILIES], enum change_kind kind,
                                struct answer *answer)
{
        static const bool either[FAMILIES] = {true, true};
        bool both = has[FAMILY_IPV4] && has[FAMILY_IPV6];

        if (both && pieces_equal(&pieces[FAMILY_IPV4][kind], &pieces[FAMILY_IPV6][kind])) {
                add_effects(judge, &pieces[FAMILY_IPV4][kind], either, false, answer);
                return;
        }
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                bool families[FAMILIES] = {!both, !both};
                families[family] = true;
                if (has[family])
                        add_effects(judge, &pieces[family][kind], families, both, answer);
        }
}

/* What comes of one end's say, by what it has heard and what the other allows. */
static size_t answer_of(struct judge *judge, const size_t own[FAMILIES],
                        const size_t other[FAMILIES], const bool has[FAMILIES])
{
        struct pieces pieces[FAMILIES][KINDS] = {0};
        struct answer answer = {0};

        judge->key.length = 0;
        add_to_key(judge, has, FAMILIES * sizeof(*has));
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                if (!has[family])
                        continue;
                add_to_key(judge, &own[family], sizeof(own[family]));
                add_to_key(judge, &other[family], sizeof(other[family]));
        }
        size_t number = intern_number(judge->answer_numbers, judge->key.text, judge->key.length);
        if (number < judge->answers.n)
                return number;
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (has[family])
                        judge_family(judge, own[family], other[family], pieces[family]);
        for (enum change_kind kind = CHANGE_CLOSED; kind <= CHANGE_OPENED; kind++)
                add_effects_of_kind(judge, pieces, has, kind, &answer);
        vec_push(judge->ends->arena, &judge->answers, answer);
        return number;
}

/* Sources come by their first members: the first words are the first's. */
static void add_sources(struct judge *judge, struct effects *effects, size_t effect,
                        const struct part *sources, const struct part *cell)
{
        size_t *slot = &judge->slot_of.items[effect];

        if (!*slot) {
                struct sources_of_effect one = {effect,
                                                {bits_new(judge->scratch, judge->ends->list.n),
                                                 sources->first_word, 0, sources->any}};
                vec_push(judge->scratch, effects, one);
                *slot = effects->n;
        }
        struct part *of = &effects->items[*slot - 1].sources;
        for (size_t i = sources->first_word; i < sources->end_word; i++)
                of->bits[i] |= sources->bits[i] & cell->bits[i];
        of->end_word = sources->end_word > of->end_word ? sources->end_word : of->end_word;
}

static void make_cells(struct judge *judge, const struct stance *stance, struct cells *cells)
{
        struct partition partition;

        partition_init(&partition, judge->scratch, judge->ends->list.n);
        for (enum when when = BEFORE; stance && when <= AFTER; when++)
                vec_foreach (const struct asked_rule *const, rule, &stance->rules[when])
                        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                                partition_split(&partition, (*rule)->takes_in[family]);
        struct parts parts = partition_parts(&partition, judge->ends->arena,
                                             bits_full(judge->scratch, judge->ends->list.n));
        vec_foreach (const struct part, part, &parts) {
                struct cell cell = {.sources = *part};
                vec_push(judge->ends->arena, cells, cell);
        }
        cells->are_known = true;
}

static struct cells *cells_of(struct judge *judge, size_t destination)
{
        static const struct cells none;
        const struct stance *stance =
            end_is_block(end_at(judge, destination))
                ? NULL
                : stance_of(judge->stances, destination, DIRECTION_INGRESS);
        struct cells *cells = &judge->everyone;

        if (stance && stance->rules[BEFORE].n + stance->rules[AFTER].n > 0) {
                while (judge->cells.n <= stance->number)
                        vec_push(judge->ends->arena, &judge->cells, none);
                cells = &judge->cells.items[stance->number];
        }
        if (!cells->are_known)
                make_cells(judge, stance, cells);
        vec_foreach (struct cell, cell, cells)
                cell->is_heard = false;
        return cells;
}

/* A source of the part that is in the cell; SIZE_MAX where there is none. */
static size_t meet(const struct part *sources, const struct part *cell)
{
        for (size_t i = sources->first_word; i < sources->end_word; i++) {
                bits_word both = sources->bits[i] & cell->bits[i];
                if (both)
                        return i * BITS_WORD + (size_t)__builtin_ctzll(both);
        }
        return SIZE_MAX;
}

static void hear(struct judge *judge, enum direction direction, size_t source, size_t destination,
                 const bool has[FAMILIES], size_t ret[FAMILIES])
{
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (has[family])
                        ret[family] =
                            hearings_hear(judge->hearings, direction, source, destination, family);
}

/* Sources that are like all others of the cell to the destination are heard once for all. */
static void hear_cell(struct judge *judge, struct cell *cell, size_t source, size_t destination,
                      const bool has[FAMILIES], size_t ret[FAMILIES])
{
        static const bool either[FAMILIES] = {true, true};

        if (ends_stands_alone(judge->ends, source) || ends_stands_alone(judge->ends, destination) ||
            end_lacks_address(end_at(judge, source))) {
                hear(judge, DIRECTION_INGRESS, source, destination, has, ret);
                return;
        }
        if (!cell->is_heard)
                hear(judge, DIRECTION_INGRESS, source, destination, either, cell->heard);
        cell->is_heard = true;
        memcpy(ret, cell->heard, sizeof(cell->heard));
}

static void outlines_of(const struct judge *judge, const size_t heard[FAMILIES],
                        const bool has[FAMILIES], size_t ret[FAMILIES])
{
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (has[family])
                        ret[family] = hearings_at(judge->hearings, heard[family])->outline;
}

static void judge_part(struct judge *judge, size_t destination, const struct part *sources,
                       struct cells *cells, struct effects *effects)
{
        const struct end *from = end_at(judge, sources->any), *to = end_at(judge, destination);
        size_t heard[DIRECTIONS][FAMILIES], outlines[DIRECTIONS][FAMILIES], source;
        bool has[FAMILIES];

        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                has[family] = from->family[family] && to->family[family];
        if (!has[FAMILY_IPV4] && !has[FAMILY_IPV6])
                return;
        hear(judge, DIRECTION_EGRESS, sources->any, destination, has, heard[DIRECTION_EGRESS]);
        outlines_of(judge, heard[DIRECTION_EGRESS], has, outlines[DIRECTION_EGRESS]);
        vec_foreach (struct cell, cell, cells) {
                if ((source = meet(sources, &cell->sources)) == SIZE_MAX)
                        continue;
                hear_cell(judge, cell, source, destination, has, heard[DIRECTION_INGRESS]);
                outlines_of(judge, heard[DIRECTION_INGRESS], has, outlines[DIRECTION_INGRESS]);
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        size_t answer = answer_of(judge, heard[d], outlines[!d], has);
                        vec_foreach (const size_t, effect, &judge->answers.items[answer].effects)
                                add_sources(judge, effects, *effect, sources, &cell->sources);
                }
        }
}

struct effects judge_destination(struct judge *judge, size_t destination,
                                 const struct parts *sources)
{
        struct effects effects = {0};

        arena_reset(judge->scratch);
        struct cells *cells = cells_of(judge, destination);
        vec_foreach (const struct part, part, sources)
                judge_part(judge, destination, part, cells, &effects);
        vec_foreach (const struct sources_of_effect, one, &effects)
                judge->slot_of.items[one->effect] = 0;
        return effects;
}

const struct effect *judge_effect(const struct judge *judge, size_t number)
{
        return &judge->effects.items[number];
}

/* What else than rules may tell ends apart that are judged in one direction. */
static size_t class_of(struct judge *judge, struct intern *classes, size_t at,
                       enum direction direction, bool asks_everyone)
{
        const struct end *end = end_at(judge, at);
        size_t alone = ends_stands_alone(judge->ends, at) ? at : SIZE_MAX;
        size_t policies =
            end_is_block(end) ? SIZE_MAX : stance_of(judge->stances, at, direction)->number;
        size_t ports = direction == DIRECTION_INGRESS ? end->ports : 0;

        judge->key.length = 0;
        add_to_key(judge, &alone, sizeof(alone));
        add_to_key(judge, &policies, sizeof(policies));
        add_to_key(judge, &ports, sizeof(ports));
        add_to_key(judge, end->family, sizeof(end->family));
        add_to_key(judge, &asks_everyone, sizeof(asks_everyone));
        for (enum when when = BEFORE; when <= AFTER; when++) {
                bool lacks = end->intervals[when][FAMILY_IPV4] == INTERVAL_ANY;
                add_to_key(judge, &lacks, sizeof(lacks));
        }
        return intern_number(classes, judge->key.text, judge->key.length);
}

static struct partition classes_of(struct judge *judge, const bits_word *wanted,
                                   enum direction direction, const bits_word *asks_everyone)
{
        struct arena *arena = judge->ends->arena;
        struct intern *classes = intern_new(arena);
        size_t n = judge->ends->list.n;
        struct partition partition;

        partition_init(&partition, arena, n);
        for (size_t i = bits_next(wanted, 0, n); i < n; i = bits_next(wanted, i + 1, n))
                partition.class_of[i] = class_of(judge, classes, i, direction,
                                                 asks_everyone && bits_get(asks_everyone, i));
        partition.n_classes = intern_size(classes) + 1;
        return partition;
}

struct parts judge_sources(struct judge *judge, const bits_word *wanted)
{
        struct partition partition = classes_of(judge, wanted, DIRECTION_EGRESS, NULL);

        return partition_parts(&partition, judge->ends->arena, wanted);
}

typedef VEC(const struct asked_rule *) rule_list;

static int compare_rules(const void *a, const void *b)
{
        const struct asked_rule *const *left = a, *const *right = b;

        return (*left > *right) - (*left < *right);
}

/* Those that the sources' policies ask of their destinations, some many times. */
static rule_list rules_of(struct judge *judge, const struct parts *sources)
{
        rule_list rules = {0};

        vec_foreach (const struct part, part, sources) {
                if (end_is_block(end_at(judge, part->any)))
                        continue;
                const struct stance *stance =
                    stance_of(judge->stances, part->any, DIRECTION_EGRESS);
                for (enum when when = BEFORE; when <= AFTER; when++)
                        for (size_t i = 0; i < stance->rules[when].n; i++)
                                vec_push(judge->scratch, &rules, stance->rules[when].items[i]);
        }
        vec_sort(&rules, compare_rules);
        return rules;
}

struct parts judge_destinations(struct judge *judge, const bits_word *wanted,
                                const bits_word *asks_everyone, const struct parts *sources)
{
        struct partition partition = classes_of(judge, wanted, DIRECTION_INGRESS, asks_everyone);
        rule_list rules = rules_of(judge, sources);

        for (size_t i = 0; i < rules.n; i++) {
                const struct asked_rule *rule = rules.items[i];
                if ((i > 0 && rule == rules.items[i - 1]) || rule->rule->peers.n == 0)
                        continue;
                for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                        partition_split(&partition, rule->takes_in[family]);
        }
        return partition_parts(&partition, judge->ends->arena, wanted);
}
