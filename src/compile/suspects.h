#pragma once

#include "base/vec.h"
#include "kube/cluster.h"

/* Addresses of which what was known may no longer be true: their pods came, went or changed, or the
 * labels of their namespaces did. Whose they are is asked when it is needed: only what the cluster
 * is then counts, however it came to be so. */

struct doubts {
        struct ip *items;
        size_t n, cap;
};

/* One such address, and who is there now. */
struct suspect {
        struct ip ip;
        const struct pod *pod; /* NULL: nobody */
        const struct meta *namespace;
};
typedef VEC(struct suspect) suspect_list; /* by address, each once */

void doubts_add(struct doubts *doubts, const struct cluster *cluster,
                const struct cluster_change *change);
void doubts_done(struct doubts *doubts);

suspect_list suspects_of(struct arena *arena, struct doubts *doubts, const struct cluster *cluster,
                         enum family family);
