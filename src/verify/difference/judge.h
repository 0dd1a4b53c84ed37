#pragma once

#include "verify/difference/hearing.h"
#include "verify/difference/partition.h"

/* What changes between two ends: for each connection that one may open to the other, by protocol
 * and port, allowed before against allowed after, and why. */
struct judge;

struct judge *judge_new(const struct ends *ends, struct stances *stances);
void judge_free(struct judge *judge); /* effects stay, in the arena of the ends */

/* Equal effects are one effect, numbered as they come. */
struct effect {
        enum change_kind kind;
        bool undecided;
        enum direction direction;
        bool families[FAMILIES];
        bool one_family;
        VEC(struct traffic) traffic;
        VEC(struct reason) reasons;
};
const struct effect *judge_effect(const struct judge *judge, size_t number);

/* Each effect, and the sources that it is true of. Until the next destination. */
struct effects {
        struct sources_of_effect {
                size_t effect;
                struct part sources;
        } * items;
        size_t n, cap;
};
/* Any of the destinations that are judged alike, from sources that are alike to judge_alike(). */
struct effects judge_destination(struct judge *judge, size_t destination,
                                 const struct parts *sources);

/* The wanted ends, put together where, as sources or as destinations, they are judged alike. */
struct parts judge_sources(struct judge *judge, const bits_word *wanted);
/* asks_everyone: those that are judged with other sources than the rest; of all sources' rules. */
struct parts judge_destinations(struct judge *judge, const bits_word *wanted,
                                const bits_word *asks_everyone, const struct parts *sources);
