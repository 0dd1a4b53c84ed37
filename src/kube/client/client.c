#include "kube/client/client.h"

#include <stdlib.h>

#include "base/memory.h"
#include "kube/client/credentials.h"
#include "kube/client/posts.h"
#include "kube/client/reflector.h"

struct kube_client {
        struct reflecting shared;
        struct credentials *credentials;
        struct reflector reflectors[OBJECT_KINDS];
        bool watched[OBJECT_KINDS];
        struct posts posts;
        uv_timer_t closing;
        unsigned open; /* what has to close */
        void (*closed)(void *data);
        void *closed_data;
};

static bool ready(void *data)
{
        struct kube_client *client = data;

        return credentials_ready(client->credentials);
}

static bool refused(void *data)
{
        struct kube_client *client = data;

        return credentials_refused(client->credentials);
}

static void credentials_changed(void *data)
{
        struct kube_client *client = data;

        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                if (client->watched[kind])
                        reflector_start(&client->reflectors[kind]);
        posts_start(&client->posts);
}

static struct kube_client_options whole(const struct kube_client_options *given)
{
        struct kube_client_options options = *given;

        if (options.page == 0)
                options.page = 500;
        if (options.idle_seconds <= 0)
                options.idle_seconds = 90;
        if (options.connect_seconds <= 0)
                options.connect_seconds = 10;
        if (options.max_delay_seconds <= 0)
                options.max_delay_seconds = 30;
        if (options.distrust_seconds <= 0)
                options.distrust_seconds = 30;
        if (options.watch_seconds <= 0)
                options.watch_seconds = 300;
        return options;
}

static bool make_parts(struct kube_client *client, uv_loop_t *loop,
                       const struct kube_config *config, struct err *err)
{
        struct transport_options options = {
            .idle_seconds = client->shared.options.idle_seconds,
            .connect_seconds = client->shared.options.connect_seconds,
            .bytes = &client->shared.counts.bytes,
            .prepare = credentials_prepare,
        };

        client->credentials = credentials_new(loop, config, credentials_changed, client, err);
        if (!client->credentials)
                return false;
        options.data = client->credentials;
        client->shared.transport = transport_new(loop, &options, err);
        return client->shared.transport;
}

struct kube_client *kube_client_new(uv_loop_t *loop, const struct kube_config *config,
                                    const struct kube_client_options *options,
                                    const struct kube_handler *handler, struct err *err)
{
        struct kube_client *client = memory_alloc(sizeof(*client));

        client->shared = (struct reflecting){
            .loop = loop,
            .options = whole(options),
            .handler = *handler,
            .random = options->seed,
            .data = client,
            .ready = ready,
            .refused = refused,
        };
        if (!make_parts(client, loop, config, err)) {
                free(client);
                err_wrap(err, "%s", config->source);
                return NULL;
        }
        client->shared.objects = json_objects_new();
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                reflector_init(&client->reflectors[kind], &client->shared, kind);
        posts_init(&client->posts, &client->shared);
        uv_timer_init(loop, &client->closing);
        client->closing.data = client;
        return client;
}

void kube_client_watch(struct kube_client *client, enum kind kind)
{
        client->watched[kind] = true;
        reflector_start(&client->reflectors[kind]);
}

void kube_client_post(struct kube_client *client, const char *path, const char *json)
{
        posts_add(&client->posts, path, json);
}

void kube_client_pause(struct kube_client *client, bool paused)
{
        transport_pause(client->shared.transport, paused);
}

const struct kube_counts *kube_client_counts(const struct kube_client *client)
{
        return &client->shared.counts;
}

static void part_closed(void *data)
{
        struct kube_client *client = data;

        if (--client->open)
                return;
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                reflector_done(&client->reflectors[kind]);
        posts_done(&client->posts);
        json_objects_done(&client->shared.objects);
        strbuf_done(&client->shared.newest);
        if (client->closed)
                client->closed(client->closed_data);
        free(client);
}

static void reflector_closed(uv_handle_t *handle)
{
        struct reflector *reflector = handle->data;

        part_closed(reflector->shared->data);
}

static void posts_closed(uv_handle_t *handle)
{
        struct posts *posts = handle->data;

        part_closed(posts->shared->data);
}

static void timer_closed(uv_handle_t *handle)
{
        part_closed(handle->data);
}

static void transport_closed(void *data)
{
        struct kube_client *client = data;

        credentials_close(client->credentials, part_closed, client);
}

static void close_all(uv_timer_t *timer)
{
        struct kube_client *client = timer->data;

        client->open = OBJECT_KINDS + 3;
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++)
                reflector_close(&client->reflectors[kind], reflector_closed);
        posts_close(&client->posts, posts_closed);
        uv_close((uv_handle_t *)&client->closing, timer_closed);
        transport_close(client->shared.transport, transport_closed, client);
}

/* It may be called from a handler, in the middle of an answer: libcurl is left first. */
void kube_client_close(struct kube_client *client, void (*closed)(void *data), void *data)
{
        if (client->shared.closing)
                return;
        client->shared.closing = true;
        client->closed = closed;
        client->closed_data = data;
        uv_timer_start(&client->closing, close_all, 0, 0);
}
