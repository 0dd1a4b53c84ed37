#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Runs of the node's own tools. A tool finds its whole input on standard input before it starts (a
 * sealed memfd): whoever is killed, a tool never reads half a line.
 *
 * A tool inherits descriptors that are not close-on-exec: the lock on the network namespace is kept
 * until a tool that outlives a killed penstock has ended as well. */

#define TOOL_OUTPUT_MAX ((size_t)1 << 30) /* bytes; more is an error */

enum tool_failure {
        TOOL_DONE,    /* exit status 0 */
        TOOL_MISSING, /* not in PATH */
        TOOL_REFUSED, /* another exit status: what it was to do was not done */
        TOOL_UNKNOWN, /* killed, or not to be started or read: it may have done its work or not */
};

#define TOOL_MAX_ARGUMENTS 6

struct tool_run {
        const char *argv[TOOL_MAX_ARGUMENTS + 1]; /* ends in NULL */
        const struct strbuf *input;               /* NULL: none */
        pid_t pid;                                /* that it had; 0 where it could not be started */
        enum tool_failure failure;
        struct strbuf output;
        struct strbuf messages; /* on standard error */
        struct err err;         /* the command, the line of the input, and what the tool said */
};

/* Runs n tools at the same time and waits for all of them. Where any fails: -1 and the first one's
 * error; the others are in the runs. */
int tool_run_all(struct tool_run *runs, size_t n, struct err *err);
void tool_runs_done(struct tool_run *runs, size_t n);
/* The number in "Error in line 3" or the like; 0 where the tool named none. */
unsigned tool_line_at_fault(const struct tool_run *run);
