#include "kube/client/wanted_members.h"

/* A row of a NetworkPolicy that is not read would be one whose unknown fields are not seen; so all
 * of it is, but for managedFields and annotations. Annotations are anyone's own text, up to 256 KB,
 * and may hold a NUL, which no reader of ours takes: they must not be able to stop a list. */

/* clang-format off */
#define ALL(name)           {.key = (name)}
#define PART(name, members_) {.key = (name), .members = (members_)}
#define NONE(name)          {.key = (name), .skipped = true}
#define END                 {.key = NULL}
/* clang-format on */

static const struct wanted bookmark[] = {ALL("k8s.io/initial-events-end"), END};

static const struct wanted metadata[] = {
    ALL("name"),
    ALL("generateName"),
    ALL("namespace"),
    ALL("uid"),
    ALL("labels"),
    ALL("creationTimestamp"),
    ALL("deletionTimestamp"),
    ALL("resourceVersion"),
    PART("annotations", bookmark),
    END,
};

/* The last four are of a Status, which comes in place of an object. */
#define OF_ALL_KINDS                                                                               \
        ALL("apiVersion"), ALL("kind"), PART("metadata", metadata), ALL("message"), ALL("reason"), \
            ALL("code"), ALL("details")

static const struct wanted namespace[] = {OF_ALL_KINDS, END};

static const struct wanted node_spec[] = {ALL("podCIDR"), ALL("podCIDRs"), END};
static const struct wanted node_address[] = {ALL("type"), ALL("address"), END};
static const struct wanted node_status[] = {PART("addresses", node_address), END};
static const struct wanted node[] = {
    OF_ALL_KINDS,
    PART("spec", node_spec),
    PART("status", node_status),
    END,
};

static const struct wanted port[] = {ALL("name"), ALL("containerPort"), ALL("protocol"), END};
static const struct wanted container[] = {PART("ports", port), ALL("restartPolicy"), END};
static const struct wanted pod_spec[] = {
    PART("containers", container),
    PART("initContainers", container),
    ALL("nodeName"),
    ALL("hostNetwork"),
    END,
};
static const struct wanted listed_ip[] = {ALL("ip"), END};
static const struct wanted pod_status[] = {
    ALL("phase"),
    ALL("podIP"),
    PART("podIPs", listed_ip),
    END,
};
static const struct wanted pod[] = {
    OF_ALL_KINDS,
    PART("spec", pod_spec),
    PART("status", pod_status),
    END,
};

static const struct wanted policy_metadata[] = {
    NONE("managedFields"),
    PART("annotations", bookmark),
    ALL(WANTED_OTHERS),
    END,
};
static const struct wanted policy[] = {
    PART("metadata", policy_metadata),
    ALL(WANTED_OTHERS),
    END,
};

#define EVENT_OF(kind)                                                                             \
        {                                                                                          \
                ALL("type"), PART("object", kind), END                                             \
        }

static const struct {
        const struct wanted *item;
        struct wanted event[3];
} kinds[OBJECT_KINDS] = {
    [KIND_NAMESPACE] = {namespace, EVENT_OF(namespace)},
    [KIND_NODE] = {node, EVENT_OF(node)},
    [KIND_POD] = {pod, EVENT_OF(pod)},
    [KIND_NETWORK_POLICY] = {policy, EVENT_OF(policy)},
};

const struct wanted *wanted_of_item(enum kind kind)
{
        return kinds[kind].item;
}

const struct wanted *wanted_of_event(enum kind kind)
{
        return kinds[kind].event;
}
