#pragma once

#include <seccomp.h>
#include <stdbool.h>

/* What a sandboxed process may ask of the kernel, as tables. */

/* Calls, or (compare) those with arguments like these. */
struct syscall_rule {
        /* With spaces between; those that this machine lacks are passed over. NULL ends a table. */
        const char *names;
        unsigned n; /* of compare; all must hold */
        struct scmp_arg_cmp compare[2];
};

/* What every program does: memory, threads, time, files to be read, sockets that are there. */
extern const struct syscall_rule syscalls_of_all[];
/* The agent and the node's tools: netlink, and what a feeder that it starts needs to give up more.
 */
extern const struct syscall_rule syscalls_of_agent[];
/* To run programs, which write files; or neither. */
extern const struct syscall_rule syscalls_to_execute[];
extern const struct syscall_rule syscalls_not_to_execute[];
/* Nobody's, whatever rights come to a process: refused with EPERM, where what is merely not listed
 * is not there (ENOSYS). */
extern const struct syscall_rule syscalls_refused[];
/* Sanitized builds look for leaks at their end. */
extern const struct syscall_rule syscalls_of_sanitizers[];
