#pragma once

#include "agent/touched.h"

/* Whose connections are to be asked whether they are still allowed, and when.
 *
 * What changes touch is gathered. Rules that shut something are followed by a barrier: it is over
 * when all that the rules before let through is in the kernel's table (conntrack_await()), and then
 * the table is asked. A barrier takes longer than most changes, and nothing waits for it, so there
 * are two generations: what was gathered when the barrier began, which awaits its end, and what has
 * been gathered since, which is the next one's. Whatever comes joins the second, so that the first
 * is asked at last, however many come.
 *
 * Connections are judged by the cluster as it is when they are asked, so they are asked only while
 * the rules in force are that cluster's: never between a change of the one and of the other. */

struct generation {
        struct touched touched;
        bool may_have_shut; /* else nobody need be asked */
        bool owed;          /* until it is asked, the agent does not say that it enforces */
        double since;       /* when the first rules that shut something were in force; or 0 */
};

struct cutting;

/* To begin with, everybody is owed an answer, whatever went on before. */
struct cutting *cutting_new(void);
void cutting_free(struct cutting *cutting);

/* To be added to before rules are changed for it. */
struct touched *cutting_touched(struct cutting *cutting);
/* Rules were changed, or it was tried: may that have shut what was open, and for anybody? */
void cutting_shut(struct cutting *cutting, bool may_have, bool for_anybody);

/* The rules in force are those of the cluster as it is; or they are not, as changing them failed.
 * False to begin with. */
void cutting_in_force(struct cutting *cutting, bool in_force);

/* With the rules in force: is there something to ask, and no barrier begun that has not been asked
 * after? Then the caller begins one now, for all that was gathered. */
bool cutting_begins(struct cutting *cutting, double now);
void cutting_barrier_over(struct cutting *cutting);
/* Whom to ask now. NULL: nobody. */
const struct generation *cutting_asks(const struct cutting *cutting);
/* They have been asked and cut; or that failed: then they are owed it, and asked for again. */
void cutting_asked(struct cutting *cutting, bool done);

/* Is there anybody who is owed an answer? */
bool cutting_owes(const struct cutting *cutting);
