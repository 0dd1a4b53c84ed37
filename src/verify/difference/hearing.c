#include "verify/difference/hearing.h"

#include <string.h>

/* Few things are heard, of however many ends: a hearing is kept by the list of its rules, and what
 * it comes to, port by port, is kept apart from it. Of most ends nothing else matters. */

static const enum protocol slots[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_ANY};

#define PORTS_END 65536
#define NOWHERE   SIZE_MAX

struct hearings {
        const struct ends *ends;
        struct stances *stances;
        struct intern *numbers, *outline_numbers;
        VEC(struct hearing) list;
        VEC(struct outline) outlines;
        struct strbuf key;
        struct hearing heard; /* at last; its views are used again */
        struct arena *scratch;
};

struct hearings *hearings_new(const struct ends *ends, struct stances *stances)
{
        struct hearings *hearings = arena_new_object(ends->arena, struct hearings);

        hearings->ends = ends;
        hearings->stances = stances;
        hearings->scratch = arena_new();
        hearings->numbers = intern_new(ends->arena);
        hearings->outline_numbers = intern_new(ends->arena);
        return hearings;
}

void hearings_free(struct hearings *hearings)
{
        strbuf_done(&hearings->key);
        arena_free(hearings->scratch);
}

static const struct end *end_at(const struct hearings *hearings, size_t at)
{
        return &hearings->ends->list.items[at];
}

static bool own_node(const struct hearings *hearings, enum when when, enum direction direction,
                     const struct end *subject, const struct end *peer, enum family family)
{
        if (direction == DIRECTION_EGRESS && hearings->ends->own_node_egress)
                return false;
        return ends_own_node(hearings->ends, when, subject->pod[when], peer, family);
}

static bool takes_in(const struct hearings *hearings, const struct asked_rule *rule, enum when when,
                     size_t peer, enum family family, size_t place)
{
        const struct ends *ends = hearings->ends;

        if (bits_get(rule->takes_in[family], peer))
                return true;
        return place != NOWHERE && ends->list.items[peer].intervals[when][family] == INTERVAL_ANY &&
               bits_get(rule->takes_in[family], ends->first_interval[family] + place);
}

static struct view *next_view(struct hearings *hearings)
{
        struct hearing *heard = &hearings->heard;

        vec_reserve(hearings->ends->arena, (void **)&heard->views.items, heard->views.n,
                    &heard->views.cap, sizeof(*heard->views.items));
        return &heard->views.items[heard->views.n++];
}

static void look(struct hearings *hearings, const struct stance *stance, size_t peer,
                 enum family family, size_t place)
{
        enum direction direction = hearings->heard.direction;
        const struct end *subject = end_at(hearings, hearings->heard.subject);
        const struct end *other = end_at(hearings, peer);
        struct view *view = next_view(hearings);
        struct say *before = &view->says[BEFORE], *after = &view->says[AFTER];

        for (enum when when = BEFORE; when <= AFTER; when++) {
                struct say *say = &view->says[when];
                say->rules.n = 0;
                say->isolated = stance && stance->isolated[when];
                say->own_node =
                    stance && own_node(hearings, when, direction, subject, other, family);
                if (!stance)
                        continue;
                vec_foreach (const struct asked_rule *const, rule, &stance->rules[when])
                        if (takes_in(hearings, *rule, when, peer, family, place))
                                vec_push(hearings->ends->arena, &say->rules, *rule);
        }
        /* Then nothing changes, and it is as well not told apart: see difference.h. */
        if (before->own_node && after->own_node && end_is_block(other))
                before->own_node = after->own_node = false;
}

typedef VEC(size_t) place_list;

static int compare_places(const void *a, const void *b)
{
        size_t left = *(const size_t *)a, right = *(const size_t *)b;

        return (left > right) - (left < right);
}

static void add_places(struct hearings *hearings, const struct prefix *prefix, place_list *places)
{
        struct interval_span span = line_span(&hearings->ends->lines[prefix->ip.family], prefix);

        vec_push(hearings->scratch, places, span.first);
        vec_push(hearings->scratch, places, span.last + 1);
}

static void add_places_of(struct hearings *hearings, const struct policy_rule *rule,
                          enum family family, place_list *places)
{
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (!peer_is_ip_block(peer) || peer->cidr.ip.family != family)
                        continue;
                add_places(hearings, &peer->cidr, places);
                for (size_t j = 0; j < peer->except.n; j++)
                        add_places(hearings, &peer->except.items[j], places);
        }
}

/* Where these rules' blocks begin and end: between two of these places all is alike. */
static place_list places_of(struct hearings *hearings, const struct stance *stance,
                            enum family family)
{
        place_list places = {0};

        vec_push(hearings->scratch, &places, 0);
        for (enum when when = BEFORE; when <= AFTER; when++)
                vec_foreach (const struct asked_rule *const, rule, &stance->rules[when])
                        add_places_of(hearings, (*rule)->rule, family, &places);
        vec_sort(&places, compare_places);
        return places;
}

static bool says_equal(const struct say *a, const struct say *b)
{
        return a->isolated == b->isolated && a->own_node == b->own_node &&
               a->rules.n == b->rules.n &&
               (a->rules.n == 0 ||
                memcmp(a->rules.items, b->rules.items, a->rules.n * sizeof(*a->rules.items)) == 0);
}

/* Takes the last view back where it is known already. */
static void drop_known_view(struct hearing *heard)
{
        const struct view *last = &heard->views.items[heard->views.n - 1];

        for (const struct view *view = heard->views.items; view < last; view++)
                if (says_equal(&view->says[BEFORE], &last->says[BEFORE]) &&
                    says_equal(&view->says[AFTER], &last->says[AFTER])) {
                        heard->views.n--;
                        return;
                }
}

static void look_everywhere(struct hearings *hearings, const struct stance *stance, size_t peer,
                            enum family family)
{
        const struct ends *ends = hearings->ends;
        size_t n = ends->lines[family].starts.n;

        arena_reset(hearings->scratch);
        place_list places = places_of(hearings, stance, family);
        for (size_t i = 0; i < places.n; i++) {
                size_t at = places.items[i], end = i + 1 < places.n ? places.items[i + 1] : n;
                while (at < end && !ends_may_hold_a_pod(ends, family, at))
                        at++;
                if (at >= end)
                        continue;
                look(hearings, stance, peer, family, at);
                drop_known_view(&hearings->heard);
        }
}

static void add_to_key(struct hearings *hearings, const void *bytes, size_t n)
{
        strbuf_add_bytes(&hearings->key, bytes, n);
}

static void add_say_to_key(struct hearings *hearings, const struct say *say)
{
        size_t head = say->rules.n << 2 | (size_t)say->isolated << 1 | (size_t)say->own_node;

        add_to_key(hearings, &head, sizeof(head));
        if (say->rules.n > 0)
                add_to_key(hearings, say->rules.items, say->rules.n * sizeof(*say->rules.items));
}

static void make_key(struct hearings *hearings, const struct stance *stance)
{
        const struct hearing *heard = &hearings->heard;
        size_t policies = stance ? stance->number : SIZE_MAX;
        size_t ports = end_at(hearings, heard->destination)->ports;

        hearings->key.length = 0;
        add_to_key(hearings, &policies, sizeof(policies));
        add_to_key(hearings, &ports, sizeof(ports));
        vec_foreach (const struct view, view, &heard->views)
                for (enum when when = BEFORE; when <= AFTER; when++)
                        add_say_to_key(hearings, &view->says[when]);
}

/* A name is the destination pod's own, at that time. */
static bool port_of(const struct hearings *hearings, enum when when, size_t destination,
                    const struct policy_port *port, struct port_range *ret)
{
        const struct pod *pod = end_at(hearings, destination)->pod[when];
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

bool rule_allows(const struct hearings *hearings, enum when when, size_t destination,
                 const struct policy_rule *rule, const struct traffic *traffic)
{
        struct port_range range;

        for (size_t i = 0; i < rule->ports.n; i++)
                if (rule->ports.items[i].protocol == traffic->protocol &&
                    port_of(hearings, when, destination, &rule->ports.items[i], &range) &&
                    port_range_contains(range, traffic->ports.first))
                        return true;
        return rule->ports.n == 0;
}

static bool say_allows(const struct hearings *hearings, enum when when, size_t destination,
                       const struct say *say, const struct traffic *traffic)
{
        if (!say->isolated || say->own_node)
                return true;
        vec_foreach (const struct asked_rule *const, rule, &say->rules)
                if (rule_allows(hearings, when, destination, (*rule)->rule, traffic))
                        return true;
        return false;
}

unsigned hearing_allows(const struct hearings *hearings, const struct hearing *hearing,
                        const struct view *view, const struct traffic *traffic)
{
        unsigned allows = 0;

        for (enum when when = BEFORE; when <= AFTER; when++)
                if (say_allows(hearings, when, hearing->destination, &view->says[when], traffic))
                        allows |= ALLOWS(when);
        return allows;
}

typedef VEC(uint32_t) cut_list;

static int compare_cuts(const void *a, const void *b)
{
        uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

        return (left > right) - (left < right);
}

static void cut_at_rule(struct hearings *hearings, enum when when, const struct policy_rule *rule,
                        enum protocol protocol, cut_list *cuts)
{
        size_t destination = hearings->heard.destination;
        struct port_range range;

        for (size_t i = 0; i < rule->ports.n; i++)
                if (rule->ports.items[i].protocol == protocol &&
                    port_of(hearings, when, destination, &rule->ports.items[i], &range)) {
                        vec_push(hearings->scratch, cuts, range.first);
                        vec_push(hearings->scratch, cuts, range.last + 1u);
                }
}

/* Where something may change, sorted, with both ends of all ports. */
static cut_list cuts_of(struct hearings *hearings, enum protocol protocol)
{
        cut_list cuts = {0};

        vec_push(hearings->scratch, &cuts, 0);
        vec_push(hearings->scratch, &cuts, PORTS_END);
        vec_foreach (const struct view, view, &hearings->heard.views)
                for (enum when when = BEFORE; when <= AFTER; when++)
                        vec_foreach (const struct asked_rule *const, rule, &view->says[when].rules)
                                cut_at_rule(hearings, when, (*rule)->rule, protocol, &cuts);
        vec_sort(&cuts, compare_cuts);
        return cuts;
}

static void add_stretch(struct hearings *hearings, const struct traffic *traffic)
{
        struct hearing *heard = &hearings->heard;
        struct stretch stretch = {*traffic, 0};

        vec_foreach (const struct view, view, &heard->views)
                stretch.may_be |= 1u << hearing_allows(hearings, heard, view, traffic);
        vec_push(hearings->ends->arena, &heard->stretches, stretch);
}

static void find_stretches(struct hearings *hearings)
{
        arena_reset(hearings->scratch);
        for (size_t slot = 0; slot < ARRAY_SIZE(slots); slot++) {
                cut_list cuts = cuts_of(hearings, slots[slot]);
                for (size_t i = 0; i + 1 < cuts.n; i++) {
                        if (cuts.items[i] == cuts.items[i + 1])
                                continue;
                        struct traffic traffic = {
                            slots[slot],
                            {(uint16_t)cuts.items[i], (uint16_t)(cuts.items[i + 1] - 1)}};
                        add_stretch(hearings, &traffic);
                }
        }
}

static size_t number_outline(struct hearings *hearings)
{
        struct outline outline = {0};

        vec_foreach (const struct stretch, stretch, &hearings->heard.stretches) {
                struct stretch *last = outline.n ? &outline.items[outline.n - 1] : NULL;
                if (last && last->traffic.protocol == stretch->traffic.protocol &&
                    last->may_be == stretch->may_be)
                        last->traffic.ports.last = stretch->traffic.ports.last;
                else
                        vec_push(hearings->scratch, &outline, *stretch);
        }
        size_t bytes = outline.n * sizeof(*outline.items);
        size_t number = intern_number(hearings->outline_numbers, outline.items, bytes);
        if (number == hearings->outlines.n) {
                outline.items = arena_copy(hearings->ends->arena, outline.items, bytes);
                vec_push(hearings->ends->arena, &hearings->outlines, outline);
        }
        return number;
}

/* The views are the new hearing's own from now on. */
static void keep(struct hearings *hearings)
{
        find_stretches(hearings);
        hearings->heard.outline = number_outline(hearings);
        vec_push(hearings->ends->arena, &hearings->list, hearings->heard);
        memset(&hearings->heard, 0, sizeof(hearings->heard));
}

size_t hearings_hear(struct hearings *hearings, enum direction direction, size_t source,
                     size_t destination, enum family family)
{
        bool egress = direction == DIRECTION_EGRESS;
        size_t subject = egress ? source : destination, peer = egress ? destination : source;
        const struct stance *stance = end_is_block(end_at(hearings, subject))
                                          ? NULL
                                          : stance_of(hearings->stances, subject, direction);

        hearings->heard.direction = direction;
        hearings->heard.subject = subject;
        hearings->heard.destination = destination;
        hearings->heard.views.n = 0;
        if (stance && end_lacks_address(end_at(hearings, peer)))
                look_everywhere(hearings, stance, peer, family);
        else
                look(hearings, stance, peer, family, NOWHERE);
        make_key(hearings, stance);
        size_t number = intern_number(hearings->numbers, hearings->key.text, hearings->key.length);
        if (number == hearings->list.n)
                keep(hearings);
        return number;
}

const struct hearing *hearings_at(const struct hearings *hearings, size_t number)
{
        return &hearings->list.items[number];
}

const struct outline *hearings_outline(const struct hearings *hearings, size_t outline)
{
        return &hearings->outlines.items[outline];
}
