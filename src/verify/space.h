#pragma once

#include "verify/evaluate.h"
#include "verify/marks.h"
#include "verify/prove.h"

/* All that a proof looks at for one family: rules as a program, policies as a meaning, and the
 * address classes that both are spoken in, ordered so that the node's own pods come first. */

enum stretch_number {
        STRETCH_LOCAL,   /* pods of the node */
        STRETCH_REST,    /* everybody else but the node itself */
        STRETCH_TRANSIT, /* of these, whose packets the node may pass on to each other */
        STRETCHES,
};

/* A pod of the node, as a point. */
struct place_of_pod {
        const struct subject *subject;
        size_t point;
        const char *link;             /* that leads to it; NULL: any may */
        const bits_word *links[AXES]; /* that no rule tells from it; NULL: any */
};

struct space {
        struct arena *arena;
        enum family family;
        const struct cluster *cluster;
        const struct enforced *enforced;
        const struct prove_options *options;
        struct sim_node node; /* as the options have it, with the Node object's addresses */

        struct program *program;
        struct hook_program hooks[5];      /* by enum sim_hook */
        bool has_arrivals, needs_arrivals; /* see look.h */
        struct hook_program arrivals[5];   /* where it has */
        struct arriving_marks marks[5];
        struct address_classes *classes;
        struct meaning *meaning;
        struct subjects subjects;
        struct cases cases;
        struct evaluator *evaluator;
        struct stretch stretches[STRETCHES];
        bits_word *own;                  /* classes of the node's addresses */
        bits_word *never[AXES];          /* classes that are no source, no destination on a wire */
        bits_word *isolated;             /* classes of pods that are, in any direction */
        bits_word **members[DIRECTIONS]; /* by group: classes */
        struct place_of_pod *pods;       /* by subject */
        const struct place_of_pod **by_class;
        size_t n_pods;
        VEC(size_t) own_classes, link_classes, many_classes; /* as classes */
        VEC(size_t) own_points, link_points, many_points;    /* as points, in the same order */
        size_t transit;                                      /* the point of STRETCH_TRANSIT */
};

/* The space's memory is arena's; space_done() releases the evaluator. arrivals: with what sets
 * marks in front of the hooks, where anything does. */
void space_make(struct space *space, struct arena *arena, const struct cluster *cluster,
                const struct enforced *enforced, const struct prove_options *options,
                enum family family, bool arrivals);
void space_done(struct space *space);
/* Of the subject with that class; NULL where it is none. */
const struct place_of_pod *space_pod(const struct space *space, size_t class);

/* What the policies expect of the packets of a case: of the fixed end (a point's class, SIZE_MAX
 * for the transit's; subject NULL where it is no pod of the node) and a stretch of the other end,
 * at a hook: ret holds words of the stretch. False: it depends on the case's port or protocol;
 * true: all cases of its group are expected alike. */
bool space_expect(struct space *space, enum sim_hook hook, const struct evaluation *evaluation,
                  const struct subject *subject, size_t fixed_class, bits_word *ret);
