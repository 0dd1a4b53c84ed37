#pragma once

#include "base/map.h"
#include "kube/objects.h"
#include "kube/problem.h"
#include "kube/read/value.h"

/* One object of the input, read and validated as the API server would: the one place that decides
 * what is refused.
 *
 * NetworkPolicy is held to all of its type: unknown fields, wrong types and every rule of the API's
 * validation, because a slip there opens or closes pods. Of Pod, Namespace and Node only what
 * penstock reads is looked at. All problems of an object are reported, not only the first, as
 *   FILE:LINE: Kind ns/name: .spec.ingress[0].ports[1].endPort: why
 * in the API server's own words where it has words. What is stored in a real cluster but would not
 * be accepted today (CIDRs with host bits or leading zeros) is taken as Kubernetes takes it; so is
 * the empty status that NetworkPolicies had for a while.
 *
 * Stricter than the API server, because a wrong guess opens or closes pods:
 *  - what is nearly one of its kinds (another version, other letters' case) is refused; only
 *    kinds of others' groups and other kinds are passed over;
 *  - a name that the API server would make of generateName is missing here;
 *  - a phase that isn't one; podIP and podIPs (podCIDR and podCIDRs) that differ;
 *  - a pod's address that nothing routed has (loopback, link-local, multicast, …), unless the pod
 *    is on the node's network.
 *
 * Null is absent; in a map or list of texts it is "", as the API's decoder has it. */

enum decode_result {
        DECODE_DONE,
        DECODE_SKIPPED_KIND, /* a kind, or a group of that kind, that penstock has no use for */
        DECODE_INVALID,      /* at least one problem was added, *ret was left alone */
};

struct decode_context {
        struct arena *arena;   /* what an object points to is here */
        struct intern *intern; /* … and its texts */
        struct problems *problems;
        const char *file;              /* for messages */
        const char *default_namespace; /* of namespaced objects that name none */
};

/* value is a map with apiVersion and kind; items of a list that says both for them get them before
 * they come here. Nothing of value is kept: what stays is copied to the arena. */
enum decode_result decode_object(const struct decode_context *context, const struct value *value,
                                 struct object *ret);

/* One of that kind that an API server has stored, valid or not: what is wrong is added to the
 * problems, and the object is made of what is right, closed where it is not:
 *  - a NetworkPolicy with any problem allows nothing, in its directions (both, where these cannot
 * be told), for the pods that it selects (all of its namespace, where that cannot be told);
 *  - a pod has no ports where its ports have a problem, and none of its addresses that has; of
 *    several of one family it has the first.
 * So it is one that decode_object() would take, if it were written down. False where it has not
 * even a name that is valid. apiVersion and kind may be absent, as in what comes from a list. */
bool decode_stored(const struct decode_context *context, enum kind kind, const struct value *value,
                   struct object *ret);
