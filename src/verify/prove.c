#include "verify/prove.h"

#include <string.h>
#include <time.h>

#include "verify/finding.h"
#include "verify/space.h"

/* For each pod of the node, as source and as destination, everybody else at once; and the node
 * itself, and those whose packets it only passes on. Each look compares four things: what passes
 * and should not; what penstock stops, or others do, and should pass; what may be either. */

struct look {
        struct space *space;
        struct proof *proof;
        struct err *err;
        enum sim_hook hook;
        struct evaluation evaluation;
        const struct subject *subject;
        size_t fixed_class;
        bits_word *expected, *cut, *asked; /* of the stretch */
        bool only_stops;                   /* what passes is settled elsewhere */
        enum arrival arrival;
};

static bool is_at_node(enum sim_hook hook)
{
        return hook == HOOK_INPUT || hook == HOOK_OUTPUT;
}

/* Does the pod of that class use the case's interface on this side of the node? */
static bool fits_link(const struct look *look, size_t class, enum axis axis)
{
        const struct sim_packet *packet = &look->evaluation.packet_case->packet;
        const struct place_of_pod *pod = space_pod(look->space, class);
        const struct interfaces_told_apart *interfaces = &look->space->cases.interfaces[axis];

        return !pod || !pod->link ||
               interfaces_alike(interfaces,
                                axis == AXIS_SOURCE ? packet->in_interface : packet->out_interface,
                                pod->link);
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

/* … nor by another link than its own. */
static void ask(struct look *look)
{
        const struct space *space = look->space;
        enum axis axis = look->evaluation.axis;

        ask_all(look);
        if (look->evaluation.stretch != STRETCH_LOCAL)
                return;
        for (size_t i = 0; i < space->n_pods; i++)
                if (!fits_link(look, i, axis))
                        look->asked[i / BITS_WORD] &= ~((bits_word)1 << i % BITS_WORD);
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

/* Is nothing wrong, nor open, whatever case of the group it is? */
static bool is_clear(struct look *look, const struct passage *passage)
{
        bool stopped_is_wrong = look->evaluation.packet_case->expectation != EXPECT_NO_MORE;

        if (!look->only_stops && (cut_out(look, passage->passed.sure, false) ||
                                  cut_out(look, passage->passed.maybe, false)))
                return false;
        return !stopped_is_wrong || (!cut_out(look, passage->own.sure, true) &&
                                     !cut_out(look, passage->others.sure, true) &&
                                     !cut_out(look, passage->own.maybe, true) &&
                                     !cut_out(look, passage->others.maybe, true));
}

static int compare_passed(struct look *look, const struct passage *passage)
{
        if (cut_out(look, passage->passed.sure, false) && add(look, FINDING_OPEN) < 0)
                return -1;
        if (cut_out(look, passage->passed.maybe, false) && add(look, FINDING_UNPROVEN) < 0)
                return -1;
        return 0;
}

static int compare_stopped(struct look *look, const struct passage *passage)
{
        if (cut_out(look, passage->own.sure, true) && add(look, FINDING_SHUT) < 0)
                return -1;
        if (cut_out(look, passage->others.sure, true) && add(look, FINDING_SHUT_BY_OTHERS) < 0)
                return -1;
        if ((cut_out(look, passage->own.maybe, true) ||
             cut_out(look, passage->others.maybe, true)) &&
            add(look, FINDING_UNPROVEN) < 0)
                return -1;
        return 0;
}

static int compare(struct look *look, const struct passage *passage)
{
        if (!look->only_stops && compare_passed(look, passage) < 0)
                return -1;
        return look->evaluation.packet_case->expectation == EXPECT_NO_MORE
                   ? 0
                   : compare_stopped(look, passage);
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

static int look_at_cases(struct look *look, size_t group)
{
        struct case_list cases = cases_of(&look->space->cases, group);

        for (size_t i = 0; i < cases.n; i++) {
                expect(look, &cases.items[i]);
                if (!fits_link(look, look->fixed_class,
                               look->evaluation.axis == AXIS_SOURCE ? AXIS_DESTINATION
                                                                    : AXIS_SOURCE))
                        continue;
                if (look->space->options->link_of)
                        ask(look);
                struct passage passage = run(look, &cases.items[i]);
                if (compare(look, &passage) < 0)
                        return -1;
        }
        return 0;
}

/* One by one only where the head leaves something open. */
static int look_with_mark(struct look *look)
{
        struct space *space = look->space;

        for (size_t group = 0; group < space->cases.n; group++) {
                if (expect(look, &space->cases.groups[group].head)) {
                        struct passage passage = run(look, &space->cases.groups[group].head);
                        if (is_clear(look, &passage))
                                continue;
                }
                if (look_at_cases(look, group) < 0)
                        return -1;
        }
        return 0;
}

/* Does it matter with which mark packets come? */
static bool marks_matter(const struct space *space, enum sim_hook hook)
{
        const struct arriving_marks *marks = &space->marks[hook];

        return (marks->n > 1 || marks->any) && hook_asks_mark(&space->hooks[hook]);
}

/* With every mark that a packet may come with that was sent to another address: more than there
 * are, so that each has to be found. */
static int look_at_translated(struct look *look)
{
        struct space *space = look->space;
        const struct arriving_marks *marks = &space->marks[look->hook];

        look->arrival = ARRIVES_TRANSLATED;
        look->evaluation.hook = &space->hooks[look->hook];
        for (size_t i = 0; i < marks->n; i++) {
                look->evaluation.mark = marks->items[i];
                if (look_with_mark(look) < 0)
                        return -1;
        }
        look->evaluation.any_mark = marks->any;
        return marks->any ? look_with_mark(look) : 0;
}

static int look_at_groups(struct look *look)
{
        struct space *space = look->space;

        if (!marks_matter(space, look->hook))
                return look_with_mark(look);
        look->arrival = ARRIVES_DIRECT;
        look->evaluation.hook = &space->arrivals[look->hook];
        if (look_with_mark(look) < 0)
                return -1;
        return space->marks[look->hook].translated ? look_at_translated(look) : 0;
}

/* Of a fixed end of the node's own, of a pod, or of a link's addresses. */
static int look_from(struct space *space, struct proof *proof, enum sim_hook hook, enum axis axis,
                     size_t stretch, size_t point, size_t class, const struct subject *subject,
                     struct err *err)
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
            .subject = subject,
            .fixed_class = class,
            .expected = words,
            .cut = words + n,
            .asked = words + 2 * n,
        };

        if (n == 0)
                return 0;
        look.only_stops = hook == HOOK_PREROUTING || hook == HOOK_POSTROUTING;
        look.evaluation.packet_case = &space->cases.groups[0].head;
        ask_all(&look);
        return look_at_groups(&look);
}

static int look_at_pod(struct space *space, struct proof *proof, enum sim_hook hook,
                       const struct place_of_pod *pod, struct err *err)
{
        static const struct {
                enum axis axis; /* of the others */
                enum stretch_number stretch;
        } sides[] = {
            {AXIS_SOURCE, STRETCH_LOCAL},
            {AXIS_SOURCE, STRETCH_REST},
            {AXIS_DESTINATION, STRETCH_REST},
        };

        for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
                if (look_from(space, proof, hook, sides[i].axis, sides[i].stretch, pod->point,
                              pod->subject->class, pod->subject, err) < 0)
                        return -1;
        return 0;
}

static int look_at_node(struct space *space, struct proof *proof, struct err *err)
{
        for (size_t i = 0; i < space->own_points.n; i++) {
                size_t point = space->own_points.items[i], class = space->own_classes.items[i];
                if (!bits_get(space->never[AXIS_DESTINATION], class) &&
                    look_from(space, proof, HOOK_INPUT, AXIS_SOURCE, STRETCH_LOCAL, point, class,
                              NULL, err) < 0)
                        return -1;
                if (!bits_get(space->never[AXIS_SOURCE], class) &&
                    look_from(space, proof, HOOK_OUTPUT, AXIS_DESTINATION, STRETCH_LOCAL, point,
                              class, NULL, err) < 0)
                        return -1;
        }
        return 0;
}

static int look_at_links(struct space *space, struct proof *proof, struct err *err)
{
        for (size_t i = 0; i < space->link_points.n; i++)
                for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++)
                        for (size_t stretch = STRETCH_LOCAL; stretch <= STRETCH_REST; stretch++)
                                if (look_from(space, proof, HOOK_FORWARD, axis, stretch,
                                              space->link_points.items[i],
                                              space->link_classes.items[i], NULL, err) < 0)
                                        return -1;
        /* Nobody sends from them, so that they are of no stretch that is passed on. */
        for (size_t i = 0; i < space->many_points.n; i++)
                if (look_from(space, proof, HOOK_FORWARD, AXIS_SOURCE, STRETCH_REST,
                              space->many_points.items[i], space->many_classes.items[i], NULL,
                              err) < 0)
                        return -1;
        return 0;
}

/* Another evaluator, whose points are those that it passes on to, one by one. */
static int look_at_each_transit(struct space *space, struct proof *proof, struct err *err)
{
        struct evaluator *all_at_once = space->evaluator;
        const struct stretch *stretch = &space->stretches[STRETCH_TRANSIT];
        size_t n = space->classes->n, first = stretch->first_word * BITS_WORD, point = 0;
        int r = 0;

        space->evaluator = evaluator_new(space->program, space->classes, space->stretches);
        for (size_t class = first; class < n; class ++)
                if (bits_get(stretch->all, class - first))
                        evaluator_add_class(space->evaluator, class);
        for (size_t class = first; class < n && r == 0; class ++)
                if (bits_get(stretch->all, class - first))
                        r = look_from(space, proof, HOOK_FORWARD, AXIS_SOURCE, STRETCH_TRANSIT,
                                      point++, class, NULL, err);
        evaluator_free(space->evaluator);
        space->evaluator = all_at_once;
        return r;
}

/* All at once; where that leaves something open, one by one. */
static int look_at_transit(struct space *space, struct proof *proof, struct err *err)
{
        size_t n = space->stretches[STRETCH_TRANSIT].n_words;
        bits_word *words = arena_new_array(space->arena, bits_word, 3 * n + 1);
        struct look look = {
            .space = space,
            .proof = proof,
            .err = err,
            .hook = HOOK_FORWARD,
            .evaluation = {.hook = &space->hooks[HOOK_FORWARD],
                           .stretch = STRETCH_TRANSIT,
                           .axis = AXIS_SOURCE,
                           .point = space->transit},
            .fixed_class = SIZE_MAX,
            .expected = words,
            .cut = words + n,
            .asked = words + 2 * n,
        };

        look.evaluation.packet_case = &space->cases.groups[0].head;
        ask_all(&look);
        if (marks_matter(space, HOOK_FORWARD))
                return look_at_each_transit(space, proof, err);
        for (size_t group = 0; group < space->cases.n; group++) {
                expect(&look, &space->cases.groups[group].head);
                struct passage passage = run(&look, &space->cases.groups[group].head);
                if (!is_clear(&look, &passage))
                        return look_at_each_transit(space, proof, err);
        }
        return 0;
}

static int look_at_all(struct space *space, struct proof *proof, struct err *err)
{
        static const enum sim_hook around[] = {HOOK_PREROUTING, HOOK_POSTROUTING};

        for (size_t i = 0; i < space->subjects.n; i++)
                if (look_at_pod(space, proof, HOOK_FORWARD, &space->pods[i], err) < 0)
                        return -1;
        for (size_t k = 0; k < ARRAY_SIZE(around); k++)
                for (size_t i = 0; hook_can_stop(&space->hooks[around[k]]) && i < space->subjects.n;
                     i++)
                        if (look_at_pod(space, proof, around[k], &space->pods[i], err) < 0)
                                return -1;
        if (look_at_node(space, proof, err) < 0 || look_at_links(space, proof, err) < 0)
                return -1;
        return look_at_transit(space, proof, err);
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int prove_family(struct arena *arena, const struct cluster *cluster,
                        const struct enforced *enforced, const struct prove_options *options,
                        enum family family, struct proof *proof, struct err *err)
{
        struct space space;
        double start = now();

        space_make(&space, arena, cluster, enforced, options, family);
        double made = now();
        int r = look_at_all(&space, proof, err);
        proof->seconds_classes += made - start;
        proof->seconds_proof += now() - made;
        proof->classes[family] = space.classes->n;
        proof->features[family] = space.classes->n_features;
        if (space.subjects.n > proof->pods)
                proof->pods = space.subjects.n;
        space_done(&space);
        return r;
}

int prove(struct arena *arena, const struct cluster *cluster, const struct enforced *enforced,
          const struct prove_options *options, struct proof *ret, struct err *err)
{
        struct proof proof = {0};

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                if (prove_family(arena, cluster, enforced, options, family, &proof, err) < 0)
                        return -1;
        findings_finish(&proof);
        proof.equal = !proof.counts[FINDING_OPEN] && !proof.counts[FINDING_SHUT] &&
                      !proof.counts[FINDING_UNPROVEN];
        *ret = proof;
        return 0;
}
