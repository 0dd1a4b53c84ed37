#pragma once

#include "verify/difference/ends.h"

/* What policies say to an end in one direction, before and after, with each rule's peers as the set
 * of ends that it takes in. Found out when first asked for: a change touches few ends. */

struct asked_rule {
        struct policy_rule_ref ref;
        const struct policy_rule *rule;
        const bits_word *takes_in[FAMILIES]; /* ends, by the addresses of the family */
};

struct stance {
        bool isolated[WHENS];
        VEC(const struct network_policy *) policies[WHENS]; /* those that isolate, by name */
        VEC(const struct asked_rule *) rules[WHENS];        /* theirs */
        size_t number; /* the same for ends whose policies are the same */
        bool changed;  /* other policies, or policies that say something else */
};

struct stances;

/* In the arena of the ends, and as long as it. */
struct stances *stances_new(const struct ends *ends);
/* Of an end that is pods. */
const struct stance *stance_of(struct stances *stances, size_t end, enum direction direction);
/* As ->changed, but cheap where most is as it was. */
bool stance_changed(const struct stances *stances, size_t end, enum direction direction);
