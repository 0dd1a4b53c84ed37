#include "kube/client/posts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MOST_TRIES 4

struct post {
        struct post *next;
        char *path, *json;
};

static void begin(struct posts *posts);

static char *copy(const char *text)
{
        size_t size = strlen(text) + 1;

        return memcpy(memory_alloc_raw(size), text, size);
}

static void forget_first(struct posts *posts)
{
        struct post *post = posts->first;

        posts->first = post->next;
        if (!posts->first)
                posts->last = &posts->first;
        posts->n--;
        posts->tries = 0;
        free(post->path);
        free(post->json);
        free(post);
}

static void on_timer(uv_timer_t *timer)
{
        begin(timer->data);
}

/* What the server will never take is not tried again. */
static bool is_final(const struct answer *answer)
{
        return answer->end == ANSWER_WHOLE && answer->status >= 400 && answer->status < 500 &&
               answer->status != 401 && answer->status != 429;
}

static void on_done(void *data, const struct answer *answer)
{
        struct posts *posts = data;
        double wait = 0;

        posts->request = NULL;
        if (posts->shared->closing)
                return;
        if (answer->end == ANSWER_WHOLE && answer->status >= 200 && answer->status < 300) {
                delay_reset(&posts->delay);
                forget_first(posts);
        } else {
                if (answer->status == 401)
                        posts->shared->refused(posts->shared->data);
                wait = delay_next(&posts->delay);
                if (answer->retry_after > wait)
                        wait = answer->retry_after;
                if (is_final(answer) || ++posts->tries >= MOST_TRIES) {
                        posts->shared->counts.posts_failed++;
                        forget_first(posts);
                }
        }
        uv_timer_start(&posts->timer, on_timer, (uint64_t)(wait * 1000), 0);
}

static bool on_body(void *data, const char *bytes, size_t n)
{
        return true; /* the Event, as it was stored */
}

static void begin(struct posts *posts)
{
        const struct request_handler handler = {posts, NULL, on_body, on_done};
        struct reflecting *shared = posts->shared;

        if (!posts->first || posts->request || shared->closing || !shared->ready(shared->data))
                return;
        posts->request =
            transport_send(shared->transport, posts->first->path, posts->first->json, &handler);
}

void posts_start(struct posts *posts)
{
        if (!uv_is_active((const uv_handle_t *)&posts->timer))
                begin(posts);
}

/* Of too many the oldest is lost, but not the one that is on its way. */
static void give_up_oldest(struct posts *posts)
{
        struct post *first = posts->first;

        posts->shared->counts.posts_failed++;
        if (!posts->request) {
                forget_first(posts);
                return;
        }
        struct post *second = first->next;
        first->next = second->next;
        if (!first->next)
                posts->last = &first->next;
        posts->n--;
        free(second->path);
        free(second->json);
        free(second);
}

void posts_add(struct posts *posts, const char *path, const char *json)
{
        struct post *post = memory_alloc(sizeof(*post));

        post->path = copy(path);
        post->json = copy(json);
        *posts->last = post;
        posts->last = &post->next;
        if (++posts->n > KUBE_CLIENT_MAX_POSTS)
                give_up_oldest(posts);
        posts_start(posts);
}

void posts_init(struct posts *posts, struct reflecting *shared)
{
        double most = shared->options.max_delay_seconds;

        *posts = (struct posts){
            .shared = shared,
            .delay = {&shared->random, most < 0.25 ? most : 0.25, most, 0},
        };
        posts->last = &posts->first;
        uv_timer_init(shared->loop, &posts->timer);
        posts->timer.data = posts;
}

void posts_close(struct posts *posts, uv_close_cb closed)
{
        uv_close((uv_handle_t *)&posts->timer, closed);
}

void posts_done(struct posts *posts)
{
        while (posts->first)
                forget_first(posts);
}
