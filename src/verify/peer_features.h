#pragma once

#include "verify/classes.h"
#include "verify/pods_by_labels.h"

/* Peers of policies as features of a splitter: peers that say the same in the same words are one
 * feature. They are gathered first, then all at once become features. */

struct peer_use {
        const struct policy_peer *peer;
        const char *namespace; /* the policy's */
        size_t *ret_feature;
};
struct peers {
        VEC(struct peer_use) uses;
};

/* *ret_feature is set by peers_become_features(). */
void peers_add(struct arena *arena, struct peers *peers, const struct policy_peer *peer,
               const char *namespace, size_t *ret_feature);
/* Blocks are of the splitter's family; the pods' addresses of that family are taken. */
void peers_become_features(struct arena *arena, struct peers *peers, const struct cluster *cluster,
                           const struct pods_by_labels *pods, enum family family,
                           struct splitter *splitter);
