#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "agent/control.h"

/* A process that writes the answer to fd, and ends: at the latest after CONTROL_ANSWER_SECONDS, or
 * when nothing of it is taken for CONTROL_STALL_SECONDS, or with this one. items: with the
 * cluster's objects. -1 with errno. What answer points to may change when this returns; fd is to be
 * closed, the process to be waited for. */
pid_t control_write(int fd, const struct control_answer *answer, bool items);
