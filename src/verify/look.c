#include "verify/look.h"

#include "verify/links.h"

static bool is_at_node(enum sim_hook hook)
{
        return hook == HOOK_INPUT || hook == HOOK_OUTPUT;
}

/* Who of the stretch is asked about: nobody sends from, or to, what no wire carries. */
static void ask_all(struct look *look)
{
        const struct space *space = look->space;
        const struct stretch *stretch = &space->stretches[look->evaluation.stretch];
        enum axis axis = look->evaluation.axis;

        for (size_t i = 0; i < stretch->n_words; i++) {
                look->asked[i] = stretch->all[i];
                if (!is_at_node(look->hook))
                        look->asked[i] &= ~space->never[axis][stretch->first_word + i];
        }
}

/* … nor by another link than its own. False where nobody sends such a packet. */
static bool ask(struct look *look)
{
        const struct space *space = look->space;
        enum axis axis = look->evaluation.axis;

        ask_all(look);
        if (!links_left(space, look->hook, look->evaluation.packet_case, axis, look->fixed_class,
                        look->links))
                return false;
        if (look->evaluation.stretch != STRETCH_LOCAL || !space->options->link_of)
                return true;
        for (size_t i = 0; i < space->n_pods; i++)
                if (!links_fit(space, look->hook, axis, i, look->links))
                        look->asked[i / BITS_WORD] &= ~((bits_word)1 << i % BITS_WORD);
        return true;
}

/* cut = flow & (expected or not) & asked; false where that is nothing. */
static bool cut_out(struct look *look, const bits_word *flow, bool expected)
{
        size_t n = look->space->stretches[look->evaluation.stretch].n_words;
        bits_word any = 0;

        if (!flow)
                return false;
        for (size_t i = 0; i < n; i++) {
                look->cut[i] =
                    flow[i] & look->asked[i] & (expected ? look->expected[i] : ~look->expected[i]);
                any |= look->cut[i];
        }
        return any != 0;
}

static int add(struct look *look, enum finding_kind kind)
{
        const struct difference difference = {
            .kind = kind,
            .hook = look->hook,
            .evaluation = &look->evaluation,
            .subject = look->subject,
            .fixed_class = look->fixed_class,
            .bits = look->cut,
            .arrival = look->arrival,
        };

        return finding_add(look->space, look->proof, &difference, look->err);
}

static bool cut_flow(struct look *look, const struct flow *flow, bool expected)
{
        return cut_out(look, flow->sure, expected) || cut_out(look, flow->maybe, expected);
}

/* What is to be compared of the case: of some, nothing has to pass. */
static unsigned compared(const struct look *look)
{
        return look->evaluation.packet_case->expectation == EXPECT_NO_MORE
                   ? look->compared & COMPARE_PASSED
                   : look->compared;
}

/* Is nothing wrong, nor open? */
static bool is_clear(struct look *look, const struct passage *passage)
{
        unsigned what = compared(look);

        return !(what & COMPARE_PASSED && cut_flow(look, &passage->passed, false)) &&
               !(what & COMPARE_OWN && cut_flow(look, &passage->own, true)) &&
               !(what & COMPARE_OTHERS && cut_flow(look, &passage->others, true));
}

static int compare_flow(struct look *look, const struct flow *flow, bool expected,
                        enum finding_kind kind)
{
        if (cut_out(look, flow->sure, expected) && add(look, kind) < 0)
                return -1;
        if (cut_out(look, flow->maybe, expected) && add(look, FINDING_UNPROVEN) < 0)
                return -1;
        return 0;
}

static int compare(struct look *look, const struct passage *passage)
{
        unsigned what = compared(look);

        if (what & COMPARE_PASSED && compare_flow(look, &passage->passed, false, FINDING_OPEN) < 0)
                return -1;
        if (what & COMPARE_OWN && compare_flow(look, &passage->own, true, FINDING_SHUT) < 0)
                return -1;
        if (what & COMPARE_OTHERS &&
            compare_flow(look, &passage->others, true, FINDING_SHUT_BY_OTHERS) < 0)
                return -1;
        return 0;
}

static struct passage run(struct look *look, const struct packet_case *packet_case)
{
        look->evaluation.packet_case = packet_case;
        look->proof->checks++;
        return evaluate(look->space->evaluator, &look->evaluation);
}

static bool expect(struct look *look, const struct packet_case *packet_case)
{
        look->evaluation.packet_case = packet_case;
        return space_expect(look->space, look->hook, &look->evaluation, look->subject,
                            look->fixed_class, look->expected);
}

/* Of one group: each() of its head's passage where all its cases are expected alike, and where that
 * is false, or they are not, of every case's. */
typedef int each_passage(struct look *look, const struct passage *passage);

static int look_at_group(struct look *look, size_t group, each_passage *each)
{
        const struct packet_case *head = &look->space->cases.groups[group].head;

        if (expect(look, head)) {
                struct passage passage = run(look, head);
                if (is_clear(look, &passage))
                        return 0;
        }
        struct case_list cases = cases_of(&look->space->cases, group);
        for (size_t i = 0; i < cases.n; i++) {
                expect(look, &cases.items[i]);
                if (!ask(look))
                        continue;
                struct passage passage = run(look, &cases.items[i]);
                if (each(look, &passage) < 0)
                        return -1;
        }
        ask_all(look);
        return 0;
}

static int look_at_groups(struct look *look, each_passage *each)
{
        for (size_t group = 0; group < look->space->cases.n; group++)
                if (look_at_group(look, group, each) < 0)
                        return -1;
        return 0;
}

/* Does it matter with which mark packets come? */
static bool marks_matter(const struct space *space, enum sim_hook hook)
{
        const struct arriving_marks *marks = &space->marks[hook];

        return (marks->n > 1 || marks->any) && hook_asks_mark(&space->hooks[hook]);
}

static int note_doubt(struct look *look, const struct passage *passage)
{
        look->space->needs_arrivals = look->space->needs_arrivals || !is_clear(look, passage);
        return 0;
}

/* Of penstock's own affairs, whatever the mark; and what others stop that comes without one. That
 * settles all where penstock's rules stand first. */
static int look_without_arrivals(struct look *look)
{
        unsigned all = look->compared;
        int r = 0;

        look->compared = all & (COMPARE_PASSED | COMPARE_OWN);
        look->evaluation.any_mark = true;
        if (look->compared)
                look_at_groups(look, note_doubt);
        look->evaluation.any_mark = false;
        look->compared = all & COMPARE_OTHERS;
        look->arrival = ARRIVES_ANYHOW;
        if (look->compared && !look->space->needs_arrivals)
                r = look_at_groups(look, compare);
        look->compared = all;
        look->arrival = ARRIVES_PLAIN;
        return r;
}

/* With every mark that a packet may come with that was sent to another address: more than there
 * are, so that each has to be found. What others do with them is theirs. */
static int look_at_translated(struct look *look)
{
        struct space *space = look->space;
        const struct arriving_marks *marks = &space->marks[look->hook];

        look->arrival = ARRIVES_TRANSLATED;
        look->evaluation.hook = &space->hooks[look->hook];
        look->compared &= COMPARE_PASSED | COMPARE_OWN;
        for (size_t i = 0; i < marks->n; i++) {
                look->evaluation.mark = marks->items[i];
                if (look_at_groups(look, compare) < 0)
                        return -1;
        }
        look->evaluation.any_mark = marks->any;
        return marks->any ? look_at_groups(look, compare) : 0;
}

int look_at(struct look *look)
{
        struct space *space = look->space;

        if (space->stretches[look->evaluation.stretch].n_words == 0 || space->needs_arrivals)
                return 0;
        if (!marks_matter(space, look->hook))
                return look_at_groups(look, compare);
        if (!space->has_arrivals)
                return look_without_arrivals(look);
        look->arrival = ARRIVES_DIRECT;
        look->evaluation.hook = &space->arrivals[look->hook];
        if (look_at_groups(look, compare) < 0)
                return -1;
        return space->marks[look->hook].translated ? look_at_translated(look) : 0;
}

bool look_is_clear(struct look *look)
{
        look->evaluation.any_mark = marks_matter(look->space, look->hook);
        for (size_t group = 0; group < look->space->cases.n; group++) {
                const struct packet_case *head = &look->space->cases.groups[group].head;
                expect(look, head);
                struct passage passage = run(look, head);
                if (!is_clear(look, &passage))
                        return false;
        }
        return true;
}

struct look look_new(struct space *space, struct proof *proof, enum sim_hook hook, enum axis axis,
                     enum stretch_number stretch, size_t point, unsigned compared, struct err *err)
{
        size_t n = space->stretches[stretch].n_words;
        bits_word *words = arena_new_array(space->arena, bits_word, 3 * n + 1);
        struct look look = {
            .space = space,
            .proof = proof,
            .err = err,
            .hook = hook,
            .evaluation = {.hook = &space->hooks[hook],
                           .stretch = stretch,
                           .axis = axis,
                           .point = point},
            .fixed_class = SIZE_MAX,
            .compared = compared,
            .expected = words,
            .cut = words + n,
            .asked = words + 2 * n,
            .links = arena_new_array(space->arena, bits_word,
                                     bits_words(space->cases.interfaces[axis].n)),
        };

        ask_all(&look);
        return look;
}
