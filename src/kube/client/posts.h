#pragma once

#include "kube/client/delay.h"
#include "kube/client/reflector.h"

/* What is posted, one after the other: Events of the API, which are nice to have and must not cost
 * anything else its place. */

struct post;
struct posts {
        struct reflecting *shared;
        struct post *first, **last;
        size_t n;
        struct request *request; /* of the first */
        unsigned tries;          /* likewise */
        struct delay delay;
        uv_timer_t timer;
};

void posts_init(struct posts *posts, struct reflecting *shared);
void posts_add(struct posts *posts, const char *path, const char *json);
void posts_start(struct posts *posts); /* there may be credentials now */
void posts_close(struct posts *posts, uv_close_cb closed);
void posts_done(struct posts *posts);
