#include "verify/prove.h"

#include "base/clock.h"
#include "verify/look.h"

/* For each pod of the node, as source and as destination, everybody else at once; and the node
 * itself, and those whose packets it only passes on. Each look compares four things: what passes
 * and should not; what penstock stops, or others do, and should pass; what may be either. */

#define COMPARE_ALL (COMPARE_PASSED | COMPARE_OWN | COMPARE_OTHERS)

static int look_from(struct space *space, struct proof *proof, enum sim_hook hook, enum axis axis,
                     enum stretch_number stretch, size_t point, size_t class,
                     const struct subject *subject, struct err *err)
{
        bool around = hook == HOOK_PREROUTING || hook == HOOK_POSTROUTING;
        struct look look = look_new(space, proof, hook, axis, stretch, point,
                                    around ? COMPARE_OWN | COMPARE_OTHERS : COMPARE_ALL, err);

        look.subject = subject;
        look.fixed_class = class;
        return look_at(&look);
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
                        for (enum stretch_number s = STRETCH_LOCAL; s <= STRETCH_REST; s++)
                                if (look_from(space, proof, HOOK_FORWARD, axis, s,
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

/* What others do with what is theirs is their affair. */
#define COMPARE_TRANSIT COMPARE_OWN

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
        for (size_t class = first; class < n && r == 0; class ++) {
                if (!bits_get(stretch->all, class - first))
                        continue;
                struct look look = look_new(space, proof, HOOK_FORWARD, AXIS_SOURCE,
                                            STRETCH_TRANSIT, point++, COMPARE_TRANSIT, err);
                look.fixed_class = class;
                r = look_at(&look);
        }
        evaluator_free(space->evaluator);
        space->evaluator = all_at_once;
        return r;
}

/* All at once; where that leaves something open, one by one. */
static int look_at_transit(struct space *space, struct proof *proof, struct err *err)
{
        struct look look = look_new(space, proof, HOOK_FORWARD, AXIS_SOURCE, STRETCH_TRANSIT,
                                    space->transit, COMPARE_TRANSIT, err);

        return look_is_clear(&look) ? 0 : look_at_each_transit(space, proof, err);
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

/* Marks are followed from where they are set only where the answer hangs on them: on a node of many
 * services, this is most of its rules. */
static int prove_family(struct arena *arena, const struct cluster *cluster,
                        const struct enforced *enforced, const struct prove_options *options,
                        enum family family, struct proof *proof, struct err *err)
{
        struct proof before = *proof;
        struct space space;
        int r = 0;

        for (int arrivals = 0; arrivals < 2; arrivals++) {
                double start = clock_seconds();
                space_make(&space, arena, cluster, enforced, options, family, arrivals > 0);
                double made = clock_seconds();
                r = look_at_all(&space, proof, err);
                proof->seconds_classes += made - start;
                proof->seconds_proof += clock_seconds() - made;
                proof->classes[family] = space.classes->n;
                proof->features[family] = space.classes->n_features;
                if (space.subjects.n > proof->pods)
                        proof->pods = space.subjects.n;
                space_done(&space);
                if (r < 0 || !space.needs_arrivals)
                        break;
                before.seconds_classes = proof->seconds_classes;
                before.seconds_proof = proof->seconds_proof;
                before.checks = proof->checks;
                *proof = before;
        }
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
