#pragma once

#include <curl/curl.h>
#include <uv.h>

/* libcurl's multi handle on a libuv loop: libcurl says which sockets it wants watched and when to
 * be woken, libuv does both. */

struct multi;

/* acted: libcurl has been at work, requests may be finished. NULL where libcurl fails. */
struct multi *multi_new(uv_loop_t *loop, void (*acted)(void *data), void *data);
CURLM *multi_handle(const struct multi *multi);
/* No request is in it any more. The loop has to run until closed is called. */
void multi_close(struct multi *multi, void (*closed)(void *data), void *data);
