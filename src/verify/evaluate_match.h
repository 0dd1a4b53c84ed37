#pragma once

#include "verify/evaluate.h"
#include "verify/flows.h"

/* What one rule takes in, for evaluate.c: of a fixed end (a point), and of all classes of a stretch
 * at once. */

struct evaluator;

struct point {
        size_t class;           /* SIZE_MAX: a stretch */
        bits_word *yes, *maybe; /* features that take in it, or some of it */
};

/* Of one evaluation. */
struct context {
        struct evaluator *evaluator;
        const struct address_classes *classes;
        struct arena *scratch; /* the evaluator's */
        const struct evaluation *evaluation;
        const struct stretch *stretch;
        const struct point *point;
};

/* Which classes match, surely and perhaps; the latter holds the former. */
struct matching {
        bits_word *surely, *perhaps;
        bool vague; /* they differ */
};

/* Room for the stretch's classes, none of them in it. */
bits_word *stretch_bits(const struct context *context, struct arena *arena);
/* The rule's matches of the packet's mark. */
enum truth match_marks(const struct step *step, struct mark mark);
/* All that does not ask the classes of the other end. False where it surely fails; *ret_vague: it
 * may. */
bool match_scalars(const struct context *context, const struct step *step, bool *ret_vague);
/* Leaves of what matches the classes of the other end that the rule takes in. */
void match_classes(const struct context *context, const struct step *step,
                   struct matching *matching);
void matching_doubt(const struct context *context, struct matching *matching); /* none is sure */
