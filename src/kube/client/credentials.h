#pragma once

#include <curl/curl.h>
#include <uv.h>

#include "kube/client/config.h"

/* Who we are, and whom we trust, put on each request: files are read anew for each, which are few,
 * so that a rotated token, certificate or authority counts from the next request on. libcurl keeps
 * connections apart by the certificates themselves. */

struct credentials;

/* changed: credentials_ready() may answer otherwise now. config outlives it. NULL where what is
 * configured cannot be read. */
struct credentials *credentials_new(uv_loop_t *loop, const struct kube_config *config,
                                    void (*changed)(void *data), void *data, struct err *err);
/* False while a plugin has yet to say who we are; it is run where it has to be. */
bool credentials_ready(struct credentials *credentials);
/* The server takes us for nobody (401). May it be otherwise the next time? */
bool credentials_refused(struct credentials *credentials);
/* As transport.h's prepare; data is the credentials. */
bool credentials_prepare(void *data, CURL *curl, const char *path, struct curl_slist **headers,
                         struct err *err);
/* The loop has to run until closed is called. */
void credentials_close(struct credentials *credentials, void (*closed)(void *data), void *data);
