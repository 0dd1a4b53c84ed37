#pragma once

#include "compile/peer_pods.h"

/* Where a rule's peers are, as matches: the rule applies where any one of them holds. Pods that
 * selectors name are one hash:ip set, shared by every rule with the same list of selectors;
 * ipBlocks are one hash:net set or, where one prefix says it all, no set. Sets of pods are there
 * also while empty: a pod that comes later is only a new element. */
struct peer_matches {
        bool anyone; /* no match needed */
        struct match items[2];
        size_t n; /* 0 and not anyone: nobody of this family */
};

struct peer_matches peers_compile(struct compiler *compiler, struct peers *peers,
                                  enum direction direction, enum family family);

/* The destinations of an egress rule with named ports, as a match on a hash:ip,port set of every
 * pod that is a peer and has the name. False where the rule names no port. */
bool peers_compile_named(struct compiler *compiler, struct peers *peers, enum family family,
                         struct match *ret);
