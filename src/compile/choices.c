#include <string.h>

#include "base/vec.h"
#include "compile/compile.h"

/* The names of what can be chosen: of command lines, configuration files and answers. */

static const char *const denials[] = {[DENY_DROP] = "drop", [DENY_REJECT] = "reject"};
static const char *const own_node[] = {[false] = "Allow", [true] = "Policy"};

static bool find(const char *const *names, size_t n, const char *name, size_t *ret)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0) {
                        *ret = i;
                        return true;
                }
        return false;
}

const char *deny_name(enum deny_action action)
{
        return denials[action];
}

bool deny_parse(const char *name, enum deny_action *ret)
{
        size_t found;

        if (!find(denials, ARRAY_SIZE(denials), name, &found))
                return false;
        *ret = (enum deny_action)found;
        return true;
}

const char *own_node_egress_name(bool own_node_egress)
{
        return own_node[own_node_egress];
}

bool own_node_egress_parse(const char *name, bool *ret)
{
        size_t found;

        if (!find(own_node, ARRAY_SIZE(own_node), name, &found))
                return false;
        *ret = found;
        return true;
}
