#pragma once

#include "verify/difference/difference.h"
#include "verify/difference/stance.h"

/* What changes between two ends: for each connection that one may open to the other, by protocol
 * and port, allowed before against allowed after, and why.
 *
 *     judge_destination(judge, destination);
 *     judge_source(judge, source);             … of each that may matter
 *     effects = judge_effects(judge);
 */
struct judge;

struct judge *judge_new(const struct ends *ends, struct stances *stances);
void judge_free(struct judge *judge); /* effects stay, in the arena of the ends */
void judge_destination(struct judge *judge, size_t destination);
void judge_source(struct judge *judge, size_t source);

/* Equal effects are one effect, numbered as they come. */
struct effect {
        enum change_kind kind;
        bool families[FAMILIES];
        bool one_family;
        VEC(struct traffic) traffic;
        VEC(struct reason) reasons;
};
const struct effect *judge_effect(const struct judge *judge, size_t number);

/* Of this destination: each effect, and the sources that it is true of. Until the next one. */
struct effects {
        struct sources_of_effect {
                size_t effect;
                bits_word *sources;
        } * items;
        size_t n, cap;
};
struct effects judge_effects(struct judge *judge);
