#include "kube/client/multi.h"

#include <stdlib.h>

#include "base/memory.h"

struct multi {
        uv_loop_t *loop;
        CURLM *handle;
        uv_timer_t timer;
        void (*acted)(void *data);
        void *data;
        unsigned open; /* handles of libuv's */
        void (*closed)(void *data);
        void *closed_data;
};

static void part_closed(struct multi *multi)
{
        if (--multi->open || !multi->closed)
                return;
        multi->closed(multi->closed_data);
        free(multi);
}

struct socket_poll {
        uv_poll_t poll;
        struct multi *multi;
};

static void act(struct multi *multi, curl_socket_t socket, int events)
{
        int running;

        curl_multi_socket_action(multi->handle, socket, events, &running);
        multi->acted(multi->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct socket_poll *socket = poll->data;
        int fd, flags = status < 0 ? CURL_CSELECT_ERR : 0;

        if (events & UV_READABLE)
                flags |= CURL_CSELECT_IN;
        if (events & UV_WRITABLE)
                flags |= CURL_CSELECT_OUT;
        if (uv_fileno((uv_handle_t *)poll, &fd) == 0)
                act(socket->multi, fd, flags);
}

static void socket_free(uv_handle_t *handle)
{
        struct socket_poll *socket = handle->data;
        struct multi *multi = socket->multi;

        free(socket);
        part_closed(multi);
}

static struct socket_poll *socket_begin(struct multi *multi, curl_socket_t fd)
{
        struct socket_poll *socket = memory_alloc(sizeof(*socket));

        socket->multi = multi;
        if (uv_poll_init(multi->loop, &socket->poll, fd) < 0) {
                free(socket);
                return NULL;
        }
        multi->open++;
        socket->poll.data = socket;
        curl_multi_assign(multi->handle, fd, socket);
        return socket;
}

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *data, void *socket_data)
{
        struct multi *multi = data;
        struct socket_poll *socket = socket_data;

        if (what == CURL_POLL_REMOVE) {
                if (socket)
                        uv_close((uv_handle_t *)&socket->poll, socket_free);
                curl_multi_assign(multi->handle, fd, NULL);
                return 0;
        }
        if (!socket && !(socket = socket_begin(multi, fd)))
                return -1;
        int events =
            (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
        uv_poll_start(&socket->poll, events, on_poll);
        return 0;
}

static void on_timer(uv_timer_t *timer)
{
        act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *handle, long wait, void *data)
{
        struct multi *multi = data;

        if (wait < 0)
                uv_timer_stop(&multi->timer);
        else
                uv_timer_start(&multi->timer, on_timer, (uint64_t)wait, 0);
        return 0;
}

struct multi *multi_new(uv_loop_t *loop, void (*acted)(void *data), void *data)
{
        struct multi *multi = memory_alloc(sizeof(*multi));

        multi->handle = curl_multi_init();
        if (!multi->handle) {
                free(multi);
                return NULL;
        }
        multi->loop = loop;
        multi->acted = acted;
        multi->data = data;
        curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
        curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timeout);
        curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
        curl_multi_setopt(multi->handle, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
        uv_timer_init(loop, &multi->timer);
        multi->timer.data = multi;
        multi->open = 1;
        return multi;
}

CURLM *multi_handle(const struct multi *multi)
{
        return multi->handle;
}

static void timer_closed(uv_handle_t *handle)
{
        part_closed(handle->data);
}

void multi_close(struct multi *multi, void (*closed)(void *data), void *data)
{
        multi->closed = closed;
        multi->closed_data = data;
        curl_multi_cleanup(multi->handle);
        uv_close((uv_handle_t *)&multi->timer, timer_closed);
}
