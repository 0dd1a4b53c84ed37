#pragma once

#include <uv.h>

#include "agent/options.h"
#include "daemon/feed.h"

/* The feeder as the agent's child: started, started again with a growing delay whenever it ends,
 * ended where it hangs, and with the agent. */

struct feeding;

struct feeding_handler {
        void *data;
        /* It lives until this returns; -1: it is not for here, this feeder is not to be believed.
         */
        int (*frame)(void *data, const struct feed_frame *frame, struct err *err);
        /* The feeder is gone, with all that it was in the middle of; another will begin anew. */
        void (*lost)(void *data);
        /* It has: what is sent from now on is sent to that one, which knows nothing yet. */
        void (*begun_anew)(void *data);
        /* The first has ended at once: it can make no API server of what it is told, and has logged
         * why. No other is begun. A later one's trouble, with a file that went away, may pass. */
        void (*unconfigured)(void *data);
};

struct feeding *feeding_new(uv_loop_t *loop, const struct agent_options *options,
                            const struct feeding_handler *handler);
/* Nothing waits for a feeder that does not read: what is more than some megabytes is lost. */
void feeding_send(struct feeding *feeding, enum feed_type type, const void *body, size_t length);
void feeding_send_text(struct feeding *feeding, enum feed_type type, uint32_t number,
                       const char *text);
/* To be called again and again, before it is told of the state, which it answers: so many
 * milliseconds went by since the last call. A feeder of which nothing came for
 * options->feeder_silence_seconds is ended, and another begins. Counted is time in which the loop
 * ran, so that neither a machine that slept nor an agent that had no turn is held against it. */
void feeding_watch(struct feeding *feeding, unsigned milliseconds);
uint64_t feeding_restarts(const struct feeding *feeding);
pid_t feeding_pid(const struct feeding *feeding); /* 0: none runs now */
/* The feeder, which has nothing to lose, is ended; handles are closed, the loop has to run until
 * they are, then feeding_free(). */
void feeding_close(struct feeding *feeding);
void feeding_free(struct feeding *feeding);
