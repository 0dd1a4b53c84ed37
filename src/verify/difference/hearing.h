#pragma once

#include "verify/difference/difference.h"
#include "verify/difference/stance.h"

/* What the policies of one end say of the other, before and after.
 *
 * Where the other has no address yet, that depends on the address to come: it is tried at every
 * place that the rules tell apart, and each is a view. What all views have in common is certain. */

/* What they say at one time, in one view. */
struct say {
        bool isolated, own_node;
        VEC(const struct asked_rule *) rules; /* that take in the other end */
};
struct view {
        struct say says[WHENS];
};

/* What an end allows of some ports, as a number: 1 where it does before, 2 where it does after.
 * A set of these, one bit each, is what it may be. */
#define ALLOWS(when) (1u << (when))
#define ALLOWINGS    4u

/* All ports of the protocols that have some, then the rest. */
struct stretch {
        struct traffic traffic;
        unsigned may_be;
};
struct outline {
        struct stretch *items;
        size_t n, cap;
};

struct hearing {
        enum direction direction;
        size_t subject;     /* whose policies; any of the ends that are heard alike */
        size_t destination; /* whose ports are meant by names */
        struct {
                struct view *items;
                size_t n, cap;
        } views;
        struct outline stretches; /* no rule begins or ends within one */
        size_t outline; /* without the rules: hearings that allow the same have the same */
};

struct hearings;

struct hearings *hearings_new(const struct ends *ends, struct stances *stances);
void hearings_free(struct hearings *hearings); /* hearings stay, in the arena of the ends */

/* A number for what is heard; what is heard alike has the same. Either end is the subject. */
size_t hearings_hear(struct hearings *hearings, enum direction direction, size_t source,
                     size_t destination, enum family family);
const struct hearing *hearings_at(const struct hearings *hearings, size_t number);
const struct outline *hearings_outline(const struct hearings *hearings, size_t outline);

/* What it allows of ports that none of its rules tells apart. */
unsigned hearing_allows(const struct hearings *hearings, const struct hearing *hearing,
                        const struct view *view, const struct traffic *traffic);
bool rule_allows(const struct hearings *hearings, enum when when, size_t destination,
                 const struct policy_rule *rule, const struct traffic *traffic);
