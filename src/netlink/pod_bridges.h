#pragma once

#include "kube/cluster.h"
#include "netlink/bridge.h"

/* bridge_filter() for the pods of a node; nothing where no policy asks for it. */
int pod_bridges_filter(const struct cluster *cluster, const char *node, bool only_look,
                       struct bridge_report *ret, struct err *err);
