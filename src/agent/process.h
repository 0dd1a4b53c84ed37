#pragma once

#include <sys/types.h>

#include "base/strbuf.h"

/* What the kernel says of processes, under the names that Prometheus' own libraries give it, with
 * the label process. One that can't be looked at is left out. */
struct process_named {
        const char *name; /* "agent" */
        pid_t pid;        /* 0: there is none */
};
void processes_print(struct strbuf *out, const struct process_named *processes, size_t n);
