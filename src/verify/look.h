#pragma once

#include "verify/finding.h"

/* One look: a fixed end, all classes of a stretch at the other, one hook; in every case that there
 * is, what becomes of the packets is compared with what is expected of them. */

enum compared {
        COMPARE_PASSED = 1, /* what passes, and should not */
        COMPARE_OWN = 2,    /* what penstock stops, and should pass */
        COMPARE_OTHERS = 4, /* what others stop */
};

struct look {
        struct space *space;
        struct proof *proof;
        struct err *err;
        enum sim_hook hook;
        struct evaluation evaluation;  /* its case and mark are the look's affair */
        const struct subject *subject; /* of the fixed end; NULL where it is no pod of the node */
        size_t fixed_class;            /* SIZE_MAX: all of the transit's */
        unsigned compared;             /* of enum compared */
        bits_word *expected, *cut, *asked; /* of the stretch */
        bits_word *links;                  /* that the other end can have, in a case */
        enum arrival arrival;
};

struct look look_new(struct space *space, struct proof *proof, enum sim_hook hook, enum axis axis,
                     enum stretch_number stretch, size_t point, unsigned compared, struct err *err);
/* Adds what it finds to the proof. Where that hangs on marks that packets come with and the space
 * has no arrivals, it only says so, in space->needs_arrivals. -1: as finding_add(). */
int look_at(struct look *look);
/* Do all groups' heads by themselves leave nothing open, whatever the marks? */
bool look_is_clear(struct look *look);
