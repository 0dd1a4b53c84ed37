#pragma once

#include "verify/space.h"

/* From bits to a packet that a person can send: where rules and policies differ. Each is run again,
 * alone, by simulate() and policy_verdict(). */

/* What was asked, and where the answer is not as expected. */
struct difference {
        enum finding_kind kind;
        enum sim_hook hook;
        const struct evaluation *evaluation;
        const struct subject *subject; /* of the fixed end; NULL where it is no pod of the node */
        size_t fixed_class;            /* SIZE_MAX: any of the transit's */
        const bits_word *bits;         /* of the evaluation's stretch */
};

/* Counts it and, where there is room, keeps one packet of it. -1 where that packet alone does not
 * show the same. */
int finding_add(struct space *space, struct proof *proof, const struct difference *difference,
                struct err *err);
/* Sorts what was kept. */
void findings_finish(struct proof *proof);
