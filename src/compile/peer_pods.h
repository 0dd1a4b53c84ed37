#pragma once

#include "compile/compiler.h"

/* Which pods the peers of one rule are, and the elements that they become. */

struct peers {
        const char *namespace; /* the policy's */
        const struct policy_rule *rule;
        bool selected_known; /* both families ask */
        VEC(const struct pod *) selected;
};

struct peers peers_of(const struct network_policy *policy, const struct policy_rule *rule);

/* Fills the set: the addresses of pods that selectors name, or the named ports (in the rule) of all
 * pods that are peers. What name remembers of it is brought up to date and used, else found anew;
 * name remembers it then. */
enum peer_elements { PEER_ADDRESSES, PEER_NAMED_PORTS };
void peer_pods_fill(struct compiler *compiler, struct peers *peers, enum peer_elements which,
                    struct known_name *name, struct set *set);
