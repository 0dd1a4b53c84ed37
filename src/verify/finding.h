#pragma once

#include "verify/space.h"

/* From bits to a packet that a person can send: where rules and policies differ. Each is run again,
 * alone, by simulate() and policy_verdict(). */

/* How packets came to the hook, as far as it matters. */
enum arrival {
        ARRIVES_PLAIN,      /* no rule asks for marks, or none sets any */
        ARRIVES_ANYHOW,     /* asked of what has no mark; shown where it is so with its mark, too */
        ARRIVES_DIRECT,     /* sent to where it goes, with the mark that this gives */
        ARRIVES_TRANSLATED, /* sent to an address that nat's rules lead there */
};

/* What was asked, and where the answer is not as expected. */
struct difference {
        enum finding_kind kind;
        enum sim_hook hook;
        const struct evaluation *evaluation;
        const struct subject *subject; /* of the fixed end; NULL where it is no pod of the node */
        size_t fixed_class;            /* SIZE_MAX: any of the transit's */
        bits_word *bits;               /* of the evaluation's stretch */
        enum arrival arrival;
};

/* Counts it and, where there is room, keeps one packet of it. -1 where that packet alone does not
 * show the same. */
int finding_add(struct space *space, struct proof *proof, const struct difference *difference,
                struct err *err);
/* Sorts what was kept. */
void findings_finish(struct proof *proof);
