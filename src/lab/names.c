#include "lab/names.h"

#include <string.h>

#include "base/digest.h"

/* penstock-LAB.pod.NAMESPACE.POD: the names of labs and namespaces have no dots, so no two names
 * are one. */

#define NETNS_NAME_MAX 255
#define DIGEST_LENGTH  16

const char *lab_prefix(struct arena *arena, const char *lab)
{
        return arena_printf(arena, "penstock-%s.", lab);
}

static const char *fit(struct arena *arena, const char *name)
{
        char digest[DIGEST_LENGTH + 1];

        if (strlen(name) <= NETNS_NAME_MAX)
                return name;
        digest_name(name, strlen(name), digest, DIGEST_LENGTH);
        return arena_printf(arena, "%.*s-%s", NETNS_NAME_MAX - DIGEST_LENGTH - 1, name, digest);
}

const char *lab_netns_pod(struct arena *arena, const char *lab, const char *namespace,
                          const char *name)
{
        return fit(arena, arena_printf(arena, "penstock-%s.pod.%s.%s", lab, namespace, name));
}

const char *lab_netns_node(struct arena *arena, const char *lab, const char *name)
{
        return fit(arena, arena_printf(arena, "penstock-%s.node.%s", lab, name));
}

const char *lab_netns_outside(struct arena *arena, const char *lab)
{
        return arena_printf(arena, "penstock-%s.outside", lab);
}

const char *lab_netns_fabric(struct arena *arena, const char *lab)
{
        return arena_printf(arena, "penstock-%s.fabric", lab);
}
