#pragma once

#include <stdbool.h>
#include <uv.h>

/* conntrack_await() beside the loop, which goes on meanwhile: in a thread that lives as long as one
 * waiting. Where there can be no thread, the loop waits. */
struct barrier {
        uv_async_t signal; /* the thread's word to the loop */
        uv_thread_t thread;
        bool runs, threaded;
        void (*over)(void *data);
        void *data;
};

/* over is called by the loop, after each barrier. */
void barrier_init(struct barrier *barrier, uv_loop_t *loop, void (*over)(void *data), void *data);
void barrier_begin(struct barrier *barrier); /* none runs */
/* Waits until it is over: then over() is not called. False where none runs. */
bool barrier_end(struct barrier *barrier);
void barrier_close(struct barrier *barrier); /* none runs */
