#include "agent/lone_pod.h"

#include <stdio.h>
#include <string.h>

static bool has_address(const struct object *object)
{
        return object && object->pod.ips.n > 0;
}

static void add_pod(struct lone_pod *lone, const struct meta *meta)
{
        char name[sizeof(lone->name)];

        snprintf(name, sizeof(name), "%s/%s", meta->namespace, meta->name);
        if (!lone->name[0])
                memcpy(lone->name, name, sizeof(name));
        else if (strcmp(lone->name, name) != 0)
                lone->others = true;
}

void lone_pod_add(struct lone_pod *lone, const cluster_changes *changes)
{
        vec_foreach (const struct cluster_change, change, changes) {
                if (change->kind != KIND_POD)
                        lone->others = true;
                else if (has_address(change->before) || has_address(change->after))
                        add_pod(lone, &(change->after ? change->after : change->before)->meta);
        }
}

bool lone_pod_is_all(const struct lone_pod *lone)
{
        return lone->name[0] && !lone->others;
}
