#pragma once

#include <uv.h>

#include "kube/client/config.h"

/* A credential plugin: a program that prints an ExecCredential, run when there is none, when the
 * last one has expired, and when the server has refused it. */

#define PLUGIN_SECONDS    60 /* then it is killed */
#define PLUGIN_MAX_OUTPUT (1u << 20)

struct plugin;

/* changed: one run is over. config outlives it, with its exec. */
struct plugin *plugin_new(uv_loop_t *loop, const struct kube_config *config,
                          void (*changed)(void *data), void *data);
/* False while it runs; it is begun where it has to be. Within changed it is true whatever the run
 * came to: one that failed is then heard of, and what has expired already is tried once. */
bool plugin_ready(struct plugin *plugin);
bool plugin_failed(const struct plugin *plugin, struct err *err);
void plugin_refused(struct plugin *plugin);
/* NULL where it gave none. */
const char *plugin_token(const struct plugin *plugin);
const char *plugin_certificate(const struct plugin *plugin);
const char *plugin_key(const struct plugin *plugin);
void plugin_close(struct plugin *plugin, void (*closed)(void *data), void *data);
