#pragma once

#include "kube/client/config.h"

/* What is mounted into a pod's containers: the token that it is known by, whom to trust, and the
 * namespace that it is in. The server is in the environment. */
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

int service_account_read(struct arena *arena, const char *directory, const char *host,
                         const char *port, struct kube_config *ret, struct err *err);
