#pragma once

#include <uv.h>

#include "base/err.h"
#include "kube/client/config.h"
#include "kube/objects.h"
#include "kube/read/value.h"

/* Lists and watches an API server, for ever: each kind is listed (in pages, or as a watch that
 * begins with a list where the server offers that), then watched from there; whatever ends a watch,
 * it is resumed where it ended, or the kind is listed again where the server no longer knows that
 * place (410). What fails is tried again after a back-off with jitter, or when the server says
 * (Retry-After); the first failure of a watch that stood for a while is tried again at once. A
 * connection on which nothing comes (bookmarks come every minute) is found dead and made anew.
 *
 * All on the caller's libuv loop, with libcurl's multi interface; callbacks are called from it. */

struct kube_client;

enum client_trouble { CLIENT_RETRYING, CLIENT_FORBIDDEN, CLIENT_GONE };

struct kube_handler {
        void *data;
        /* A kind's list, and what happens to it from then on, as daemon/feed.h has it. Between
         * begin and end an object may come again, or be deleted again: the later counts. The object
         * lives until the function returns; apiVersion and kind may be absent in it, and what of an
         * object decides nothing is left out. */
        void (*begin)(void *data, enum kind kind);
        void (*object)(void *data, enum kind kind, const struct value *object);
        void (*deleted)(void *data, enum kind kind, const struct value *object);
        void (*end)(void *data, enum kind kind);
        void (*abort)(void *data, enum kind kind);
        /* A request failed and will be made again in so many seconds: for the log. why is a line:
         * "GET /api/v1/pods: 403 Forbidden: pods is forbidden: User …". */
        void (*trouble)(void *data, enum kind kind, enum client_trouble trouble, const char *why,
                        double seconds);
        /* A kind's watch stands (again). */
        void (*connected)(void *data, enum kind kind);
};

/* Since the client was made. */
struct kube_counts {
        uint64_t lists[OBJECT_KINDS], watches[OBJECT_KINDS], events[OBJECT_KINDS],
            errors[OBJECT_KINDS], gone[OBJECT_KINDS];
        uint64_t bytes, posts_failed;
        bool connected[OBJECT_KINDS];
};

struct kube_client_options {
        size_t page;              /* objects of a page of a list; 0: 500 */
        double idle_seconds;      /* nothing came for so long: the connection is dead; 0: 90 */
        double connect_seconds;   /* 0: 10 */
        double max_delay_seconds; /* of a back-off; 0: 30 */
        double distrust_seconds;  /* away for so long, a server is not resumed but listed; 0: 30 */
        double watch_seconds;     /* of a watch, to twice as long, then made anew; 0: 300 */
        bool streaming_lists;     /* ask for a list as a watch first (sendInitialEvents) */
        uint64_t seed;            /* of the jitter */
};

/* config must outlive the client. NULL where the credentials can't be read, or libcurl fails. */
struct kube_client *kube_client_new(uv_loop_t *loop, const struct kube_config *config,
                                    const struct kube_client_options *options,
                                    const struct kube_handler *handler, struct err *err);
void kube_client_watch(struct kube_client *client, enum kind kind);
/* Posts JSON ("/api/v1/namespaces/x/events"); tried a few times, then given up and counted. At most
 * so many wait at a time, the oldest are given up. */
#define KUBE_CLIENT_MAX_POSTS 100
void kube_client_post(struct kube_client *client, const char *path, const char *json);
/* Bytes of the API server's are not read while it is paused: whoever takes the objects is behind.
 */
void kube_client_pause(struct kube_client *client, bool paused);
const struct kube_counts *kube_client_counts(const struct kube_client *client);
/* Nothing more is told. Handles are closed; the loop has to run until they are, then calls closed
 * (NULL: nothing). Also from a handler's function. */
void kube_client_close(struct kube_client *client, void (*closed)(void *data), void *data);
