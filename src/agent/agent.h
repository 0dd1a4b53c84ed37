#pragma once

#include <uv.h>

#include "agent/control.h"
#include "agent/engine.h"
#include "agent/feeding.h"
#include "agent/options.h"
#include "agent/reports.h"

/* One loop. Whatever comes (objects, the kernel's word of changes, a timer) only says that there is
 * something to do; it is done once, when all that had come has been taken (the loop's check phase),
 * so that a burst is one change of the kernel and a single event waits for nothing. While the
 * node's tools run, what comes next gathers in the feeder's socket. */

struct agent {
        const struct agent_options *options;
        uv_loop_t loop;
        struct feeding *feeding;
        struct mirror *mirror;
        struct engine *engine;
        struct barrier barrier;
        struct control *control;
        struct agent_metrics metrics;
        const char *backend;

        uv_check_t check;
        uv_idle_t awake; /* there is work: the loop must not sleep before the check phase */
        uv_poll_t kernel;
        bool hears_kernel;
        uv_timer_t state_timer, look_timer, read_timer, retry_timer;
        uv_signal_t signals[3];

        bool listed[OBJECT_KINDS];
        bool due;     /* the kernel may not be what it is to be */
        bool over;    /* a barrier is: connections that waited for it can be cut */
        bool waiting; /* … but the last try failed, and the next is not yet to be made */
        double since; /* when it became due */
        uint64_t delay;
        bool unconfigured; /* the feeder can be told of no API server */
        struct report_budget reports;
        bool enforcing;
        char why[sizeof(((struct feed_state *)0)->why)];
};

/* due.c: what is to be done, and when. */
void due_note(struct agent *agent);
void due_start(struct agent *agent); /* its handles */
void due_barrier_over(void *data);   /* the agent */
void due_end(struct agent *agent);   /* no event comes any more */
void due_set_state(struct agent *agent, bool enforcing, const char *why);
void due_tell_state(struct agent *agent); /* to the feeder */
void due_tell_untold(struct agent *agent);

/* taking.c: what the feeder says, and what others ask; data is the agent. */
int take_frame(void *data, const struct feed_frame *frame, struct err *err);
void take_loss(void *data);      /* the feeder's */
void take_successor(void *data); /* another feeder's, after it */
void take_mistake(void *data);   /* there is no API server to follow */
void take_question(void *data, struct control_answer *ret);
void say_what_is_awaited(struct agent *agent);
