#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Least privilege, given up for good by the process that calls, before it starts any thread: what
 * stays is inherited by the programs that it runs. no_new_privs, no capability but those named, and
 * a list of system calls (daemon/syscalls.h): one that is not on it fails with ENOSYS, one that is
 * refused on purpose with EPERM. Fails where the kernel refuses; then the process had better end.
 *
 * Sanitized builds may trace, or LeakSanitizer fails at the end of every run. */

/* The agent: rules, sets, conntrack and bridges' settings of its network namespace, by netlink and
 * by the node's own tools. Capabilities: NET_ADMIN, without which it fails, and NET_RAW
 * (raw sockets of iptables' set match, and of all of iptables-legacy) where it is there. Kernel
 * modules can't be loaded by hand any more; what nf_tables, ipset and xtables ask for, the kernel
 * loads by itself. Started as another user than root, it can't open root's /run/xtables.lock:
 * XTABLES_LOCKFILE says another. */
int sandbox_agent(struct err *err);
/* The feeder: TCP, threads, and files to be read. No capability at all, no netlink, no sockets of
 * others on this machine, no signals to others, nothing to be run or written. may_execute, for a
 * kubeconfig's credential plugin: but for programs, who may write files, as scripts and plugins do.
 * May be entered from within the agent's.
 */
int sandbox_feeder(bool may_execute, struct err *err);
