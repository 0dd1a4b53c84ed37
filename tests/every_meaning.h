#pragma once

#include "policy/verdict.h"
#include "verify/meaning.h"

/* What policies mean of address classes, node by node, and the verdict that all nodes' meanings
 * together come to: the reference's, said by others. */

struct node_meaning {
        const char *node; /* "" is where pods without a node are */
        enum family family;
        struct meaning *meaning; /* settled */
        const struct address_classes *classes;
        struct subjects subjects;
};

struct every_meaning {
        VEC(struct node_meaning) nodes; /* of Node objects and of pods, each once */
};

/* Everything is in arena. */
struct node_meaning node_meaning_of(struct arena *arena, const struct cluster *cluster,
                                    const char *node, enum family family);
struct every_meaning every_meaning_of(struct arena *arena, const struct cluster *cluster,
                                      enum family family);

/* NULL where no subject has the address. */
const struct subject *node_meaning_subject(const struct node_meaning *node, const struct ip *ip);
/* Does a rule allow it, in this direction? False where the subject is not isolated. */
bool node_meaning_allows(const struct node_meaning *node, const struct subject *subject,
                         enum direction direction, const struct packet *packet);

bool every_meaning_allows(const struct every_meaning *every, bool own_node_egress,
                          const struct packet *packet);
