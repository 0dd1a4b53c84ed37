#pragma once

#include "verify/case.h"

/* Packets of one case through a hook's chains: of one end fixed and all classes of the other at
 * once, as bits. A chain's effect on all of them depends on what the chain reads, and on nothing
 * else; it is worked out once for each such question and remembered.
 *
 * A class is somewhere surely, or maybe: behind a rule that nothing here understands. Where dice
 * decide, it is surely on both ways. */

struct flow {
        const bits_word *sure, *maybe; /* NULL: none */
};

/* A stretch of classes that are looked at together, beginning at a whole word. Words of flows and
 * of `all` are counted from there. */
struct stretch {
        size_t first_word, n_words;
        const bits_word *all; /* which of them count */
};

/* Where all packets of a case end. */
struct passage {
        struct flow passed, own, others; /* let through, stopped by penstock's rules, by others' */
};

struct evaluator;

/* Points are what an end can be fixed to: classes; or all of a stretch at once, where what is not
 * the same for all is unknown. The program is settled, features beyond its own are not asked. */
struct evaluator *evaluator_new(const struct program *program,
                                const struct address_classes *classes,
                                const struct stretch *stretches);
void evaluator_free(struct evaluator *evaluator);
/* All points are added before the first evaluation. */
size_t evaluator_add_class(struct evaluator *evaluator, size_t class);     /* the point's number */
size_t evaluator_add_stretch(struct evaluator *evaluator, size_t stretch); /* likewise */

struct evaluation {
        const struct hook_program *hook;
        size_t stretch; /* of the other end, which is of this axis: */
        enum axis axis;
        size_t point; /* the fixed end, of the other axis */
        const struct packet_case *packet_case;
        uint32_t mark; /* that the packets come with */
        bool any_mark; /* it is not known */
};

/* The passage's bits hold until the next call. */
struct passage evaluate(struct evaluator *evaluator, const struct evaluation *evaluation);
