#include "agent/barrier.h"

#include "netlink/conntrack.h"

/* Not uv_queue_work(): it would keep threads while nothing happens, and end the program where the
 * first of them can't be made. */

#define STACK (128 << 10) /* nothing of it is touched but a page or two */

static void wait_beside(void *data)
{
        struct barrier *barrier = data;

        conntrack_await();
        uv_async_send(&barrier->signal);
}

static void take_signal(uv_async_t *signal)
{
        struct barrier *barrier = signal->data;

        if (barrier_end(barrier))
                barrier->over(barrier->data);
}

void barrier_init(struct barrier *barrier, uv_loop_t *loop, void (*over)(void *data), void *data)
{
        *barrier = (struct barrier){.over = over, .data = data};
        uv_async_init(loop, &barrier->signal, take_signal);
        barrier->signal.data = barrier;
}

void barrier_begin(struct barrier *barrier)
{
        const uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, STACK};

        barrier->runs = true;
        barrier->threaded =
            uv_thread_create_ex(&barrier->thread, &options, wait_beside, barrier) == 0;
        if (!barrier->threaded)
                wait_beside(barrier);
}

bool barrier_end(struct barrier *barrier)
{
        if (!barrier->runs)
                return false;
        if (barrier->threaded)
                uv_thread_join(&barrier->thread);
        barrier->runs = false;
        return true;
}

void barrier_close(struct barrier *barrier)
{
        uv_close((uv_handle_t *)&barrier->signal, NULL);
}
