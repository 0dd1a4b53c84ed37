#include "agent/arrival.h"

#include "kube/equal.h"

/* Does anybody's verdict hang on it? */
static bool is_there(const struct object *object)
{
        return object && pod_takes_part(&object->pod) && object->pod.ips.n > 0;
}

/* Of a pod that begins to end, or whose containers have started, nothing else changes. */
static bool means_the_same(const struct object *before, const struct object *after)
{
        struct object as_after = *before;

        as_after.meta.terminating = after->meta.terminating;
        as_after.pod.phase = after->pod.phase;
        return object_equal(&as_after, after);
}

void arrival_add(struct arrival *arrival, const cluster_changes *changes)
{
        vec_foreach (const struct cluster_change, change, changes) {
                bool pod = change->kind == KIND_POD;
                bool before = pod && is_there(change->before);
                bool after = pod && is_there(change->after);

                if (pod && before == after &&
                    (!before || means_the_same(change->before, change->after)))
                        continue;
                arrival->other |= before == after || arrival->one;
                arrival->one = true;
                arrival->comes = after;
        }
}

enum sets_turn arrival_turn(const struct arrival *arrival)
{
        if (!arrival->one || arrival->other)
                return SETS_AROUND;
        return arrival->comes ? SETS_GROW_LAST : SETS_SHRINK_FIRST;
}
