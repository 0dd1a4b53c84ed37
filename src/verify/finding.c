#include "verify/finding.h"

#include <string.h>

#include "verify/links.h"

#define DEFAULT_FINDINGS 20

static size_t room(const struct space *space)
{
        return space->options->max_findings ? space->options->max_findings : DEFAULT_FINDINGS;
}

static size_t count_bits(const struct stretch *stretch, const bits_word *bits)
{
        return bits_count(bits, stretch->n_words * BITS_WORD);
}

static struct sim_packet packet_of(const struct space *space, const struct difference *difference)
{
        const struct evaluation *evaluation = difference->evaluation;
        const struct stretch *stretch = &space->stretches[evaluation->stretch];
        size_t other = stretch->first_word * BITS_WORD +
                       bits_first(difference->bits, stretch->n_words * BITS_WORD);
        struct sim_packet packet = evaluation->packet_case->packet;
        const struct ip *other_ip = &space->classes->examples[other];
        size_t fixed = difference->fixed_class;
        const struct ip *fixed_ip = &space->classes->examples[fixed];

        const bool from_other = evaluation->axis == AXIS_SOURCE;

        packet.source = from_other ? *other_ip : *fixed_ip;
        packet.destination = from_other ? *fixed_ip : *other_ip;
        links_choose(space, difference->hook, evaluation->packet_case->links,
                     (const size_t[AXES]){from_other ? other : fixed, from_other ? fixed : other},
                     &packet);
        packet.mark = evaluation->mark;
        packet.mark_unknown = evaluation->any_mark ? UINT32_MAX : 0;
        return packet;
}

/* As policies see it. */
static struct packet policy_packet(const struct space *space, const struct sim_packet *packet)
{
        const struct packet_case as_case = {.packet = *packet};
        enum protocol protocol = case_protocol(&as_case, space->family);

        return (struct packet){
            .source = packet->source,
            .destination = packet->destination,
            .protocol = protocol == PROTOCOL_ANY ? packet->protocol : protocol,
            .port = packet->destination_port,
        };
}

static bool is_as_found(const struct finding *finding, enum outcome outcome)
{
        if (finding->kind == FINDING_UNPROVEN)
                return finding->doubt || outcome == OUTCOME_UNKNOWN;
        return outcome == (finding->kind == FINDING_OPEN ? OUTCOME_PASS : OUTCOME_DROP);
}

/* Limits and dice that the packet may meet, as they fall. */
#define MAX_DICE 8 /* all ways of so many are tried */
struct dice {
        const struct match *items[MAX_DICE];
        size_t n;
        bool gave_up; /* there were too many rules to follow it */
};

static void note_dice(const struct table *table, const struct chain *chain, const struct rule *rule,
                      enum truth truth, void *data)
{
        struct dice *dice = data;

        vec_foreach (const struct match, match, &rule->matches) {
                bool known = match->kind != MATCH_CHANCE;
                for (size_t i = 0; i < dice->n; i++)
                        known = known || dice->items[i] == match;
                if (!known && dice->n < MAX_DICE)
                        dice->items[dice->n++] = match;
        }
}

/* Does it come out as found, where dice fall that way? */
static bool run_once(const struct space *space, enum arrival arrival,
                     const struct sim_options *options, struct finding *finding, bool *ret_gave_up)
{
        struct sim_packet packet = finding->packet;

        if (arrival == ARRIVES_DIRECT &&
            !mark_direct(space->enforced, finding->hook, options, &packet))
                return false;
        struct sim_result result = simulate(space->enforced, finding->hook, &packet, options);
        *ret_gave_up = *ret_gave_up || result.evaluated > SIM_MAX_RULES;
        if (!is_as_found(finding, result.outcome))
                return false;
        finding->packet = packet;
        finding->chance = options->chance;
        finding->table = result.table;
        finding->chain = result.chain;
        finding->rule = result.rule;
        finding->rule_number =
            result.rule ? (size_t)(result.rule - result.chain->rules.items) + 1 : 0;
        for (size_t k = 0; result.table && k < space->enforced->n; k++)
                if (ruleset_table(space->enforced->rules[k], space->family, result.table->name) ==
                    result.table)
                        finding->ruleset = k;
        return true;
}

/* Some one way, some the other. */
static bool run_mixed(const struct space *space, enum arrival arrival, const struct dice *dice,
                      struct finding *finding)
{
        const struct match **lucky = arena_new_array(space->arena, const struct match *, dice->n);
        struct sim_options options = {.node = &space->node, .chance = CHANCE_MIXED, .lucky = lucky};

        for (unsigned way = 1; way + 1 < 1U << dice->n; way++) {
                options.n_lucky = 0;
                for (size_t i = 0; i < dice->n; i++)
                        if (way >> i & 1)
                                lucky[options.n_lucky++] = dice->items[i];
                bool gave_up = false;
                if (!run_once(space, arrival, &options, finding, &gave_up))
                        continue;
                finding->lucky = lucky;
                finding->n_lucky = options.n_lucky;
                return true;
        }
        return false;
}

/* With dice one way, then the other, then mixed, until it comes out as found. */
static bool run_alone(const struct space *space, enum arrival arrival, struct finding *finding,
                      struct dice *dice)
{
        static const enum chance ways[] = {CHANCE_UNKNOWN, CHANCE_MATCHES, CHANCE_FAILS};

        for (size_t i = 0; i < ARRAY_SIZE(ways) && !dice->gave_up; i++) {
                const struct sim_options options = {
                    .node = &space->node,
                    .chance = ways[i],
                    .trace = ways[i] == CHANCE_UNKNOWN ? note_dice : NULL,
                    .trace_data = dice,
                };
                if (run_once(space, arrival, &options, finding, &dice->gave_up))
                        return true;
        }
        return !dice->gave_up && run_mixed(space, arrival, dice, finding);
}

static const char *expected_words(enum expectation expectation, uint32_t state)
{
        if (expectation == EXPECT_MIDSTREAM)
                return "what begins no connection is stopped at an isolated pod, and passes "
                       "elsewhere";
        if (expectation == EXPECT_PASS && state & CT_ESTABLISHED)
                return "established connections pass";
        if (expectation == EXPECT_PASS && state & CT_RELATED)
                return "what is related to a connection passes";
        if (expectation == EXPECT_PASS)
                return "neighbour discovery and multicast listeners pass";
        return NULL;
}

/* Does the reference agree that it is wrong? Only of what is its own affair. */
static bool reference_agrees(const struct finding *finding, enum expectation expectation)
{
        bool shut = finding->kind == FINDING_SHUT || finding->kind == FINDING_SHUT_BY_OTHERS;

        if (finding->kind == FINDING_UNPROVEN || expectation == EXPECT_PASS ||
            expectation == EXPECT_MIDSTREAM)
                return true;
        return finding->verdict.allowed == shut;
}

static int fail(const struct space *space, const struct finding *finding, const char *what,
                struct err *err)
{
        char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];

        return err_set(err,
                       "the proof contradicts itself: %s protocol %u, %s → %s port %u, at %s: %s; "
                       "please report this",
                       family_name(space->family), finding->packet.protocol,
                       ip_format(&finding->packet.source, from),
                       ip_format(&finding->packet.destination, to),
                       finding->packet.destination_port, sim_hook_name(finding->hook), what);
}

/* Why one packet alone does not show it. */
static const char *doubt_of(const struct dice *dice)
{
        if (dice->gave_up)
                return "there are too many rules to follow one packet through";
        if (dice->n > 0)
                return "no way was found in which its limits and chance come out so";
        return "others that are taken for the same may fare otherwise";
}

#define MAX_SEARCHED 16 /* classes that are tried */

/* One of the classes of which is_wanted() is true of the packet. */
static bool find_packet(const struct space *space, const struct difference *difference,
                        struct finding *finding,
                        bool (*is_wanted)(const struct space *space, const struct finding *finding,
                                          struct sim_packet *packet))
{
        const struct stretch *stretch = &space->stretches[difference->evaluation->stretch];
        size_t width = stretch->n_words * BITS_WORD;
        bits_word *left =
            arena_copy(space->arena, difference->bits, stretch->n_words * sizeof(*left));
        struct difference one = *difference;

        one.bits = left;
        for (size_t i = 0; i < MAX_SEARCHED && !bits_are_none(left, width); i++) {
                struct sim_packet packet = packet_of(space, &one);
                if (is_wanted(space, finding, &packet)) {
                        finding->packet = packet;
                        return true;
                }
                size_t first = bits_first(left, width);
                left[first / BITS_WORD] &= ~((bits_word)1 << first % BITS_WORD);
        }
        return false;
}

/* Do nat's rules lead it here with the mark? */
static bool is_led_here(const struct space *space, const struct finding *finding,
                        struct sim_packet *packet)
{
        return mark_arrives(space->enforced, finding->hook, packet, &space->node);
}

/* Is it so with the mark that it comes with, too? It gets that. */
static bool is_so_marked(const struct space *space, const struct finding *finding,
                         struct sim_packet *packet)
{
        for (enum chance chance = CHANCE_UNKNOWN; chance <= CHANCE_FAILS; chance++) {
                const struct sim_options options = {.node = &space->node, .chance = chance};
                struct sim_packet coming = *packet;
                if (!mark_direct(space->enforced, finding->hook, &options, &coming))
                        continue;
                struct sim_result result =
                    simulate(space->enforced, finding->hook, &coming, &options);
                if (is_as_found(finding, result.outcome)) {
                        *packet = coming;
                        return true;
                }
        }
        return false;
}

int finding_add(struct space *space, struct proof *proof, const struct difference *difference,
                struct err *err)
{
        const struct evaluation *evaluation = difference->evaluation;
        enum expectation expectation = evaluation->packet_case->expectation;
        const struct policy_options policy = {.own_node_egress = space->options->own_node_egress,
                                              .node = space->options->node};
        struct finding finding = {
            .kind = difference->kind,
            .hook = difference->hook,
            .pod = difference->subject ? difference->subject->pod : NULL,
            .classes = count_bits(&space->stretches[evaluation->stretch], difference->bits),
        };
        size_t kept = 0;

        finding.packet = packet_of(space, difference);
        if (difference->arrival == ARRIVES_ANYHOW &&
            !find_packet(space, difference, &finding, is_so_marked))
                return 0;
        if (difference->arrival == ARRIVES_TRANSLATED && finding.kind != FINDING_UNPROVEN &&
            !find_packet(space, difference, &finding, is_led_here)) {
                finding.doubt =
                    arena_printf(space->arena, "no packet was found that comes with mark 0x%x",
                                 evaluation->mark);
                finding.kind = FINDING_UNPROVEN;
        }
        proof->counts[finding.kind]++;
        vec_foreach (const struct finding, known, &proof->findings)
                kept += known->kind == finding.kind;
        if (kept >= room(space))
                return 0;
        finding.expected = expected_words(expectation, finding.packet.state);
        struct packet packet = policy_packet(space, &finding.packet);
        finding.verdict = policy_verdict(space->arena, space->cluster, &policy, &packet);
        struct dice dice = {0};
        if (!run_alone(space, difference->arrival, &finding, &dice)) {
                if (finding.kind != FINDING_UNPROVEN && dice.n == 0 && !dice.gave_up)
                        return fail(space, &finding, "one packet alone fares otherwise", err);
                proof->counts[finding.kind]--;
                proof->counts[FINDING_UNPROVEN]++;
                finding.kind = FINDING_UNPROVEN;
                finding.doubt = doubt_of(&dice);
        }
        if (!reference_agrees(&finding, expectation))
                return fail(space, &finding, "the reference judges otherwise", err);
        vec_push(space->arena, &proof->findings, finding);
        return 0;
}

/* What people know best first: connections of pods, then what is sent to a link, then the rest. */
static int obscurity(const struct finding *finding)
{
        return finding->expected ? 2 : finding->verdict.of_link ? 1 : 0;
}

static int compare_findings(const void *a, const void *b)
{
        const struct finding *x = a, *y = b;
        int order = (int)x->kind - (int)y->kind;

        if (order == 0)
                order = obscurity(x) - obscurity(y);
        if (order == 0)
                order = (int)x->hook - (int)y->hook;
        if (order == 0)
                order = (x->pod != NULL) - (y->pod != NULL);
        if (order == 0 && x->pod)
                order = strcmp(x->pod->meta.namespace, y->pod->meta.namespace);
        if (order == 0 && x->pod)
                order = strcmp(x->pod->meta.name, y->pod->meta.name);
        if (order == 0)
                order = ip_compare(&x->packet.source, &y->packet.source);
        if (order == 0)
                order = ip_compare(&x->packet.destination, &y->packet.destination);
        if (order == 0)
                order = (int)x->packet.protocol - (int)y->packet.protocol;
        if (order == 0)
                order = (int)x->packet.destination_port - (int)y->packet.destination_port;
        return order ? order : (int)x->packet.state - (int)y->packet.state;
}

void findings_finish(struct proof *proof)
{
        vec_sort(&proof->findings, compare_findings);
}
