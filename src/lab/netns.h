#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

/* Named network namespaces where `ip netns` keeps them (/run/netns), so that its commands see them.
 * Entering moves the calling thread. */

/* Descriptors; -1 on failure. */
int netns_current(struct err *err);
int netns_open(const char *name, struct err *err);
/* Makes one and enters it. Fails where the name is taken. */
int netns_create(const char *name, struct err *err);
int netns_enter(int netns, struct err *err);
int netns_enter_named(const char *name, struct err *err);
/* Back to what netns_current() gave, which is closed. */
void netns_return(int netns);
/* Also what is left of one that was being made when its maker was killed. It lives on, nameless, as
 * long as processes or sockets are in it. */
int netns_remove(const char *name, struct err *err);

struct netns_names {
        VEC(const char *) list; /* sorted */
};
/* All names that begin with prefix; none where there is no /run/netns. */
struct netns_names netns_list(struct arena *arena, const char *prefix);

/* A setting of the namespace the thread is in: "ipv4/ip_forward" in /proc/sys/net. */
int netns_sysctl(const char *key, const char *value, struct err *err);
