#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Least privilege, given up for good by the process that calls: what stays is inherited by the
 * programs that it runs. no_new_privs, a seccomp filter, and no capability but those named. Fails
 * where the kernel refuses; then the process had better end. */

/* The agent: rules, sets, conntrack and bridges' settings of its network namespace, by netlink and
 * by the node's own tools. Capabilities: NET_ADMIN, NET_RAW (iptables-legacy's raw sockets). */
int sandbox_agent(struct err *err);
/* The feeder: TCP, and files to be read. No capability at all, no netlink, no raw sockets, nothing
 * to be run; may_execute: but for a kubeconfig's credential plugin. */
int sandbox_feeder(bool may_execute, struct err *err);
