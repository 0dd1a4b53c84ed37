#pragma once

#include "base/err.h"
#include "daemon/log.h"

/* What the agent tells its feeder on the command line. */
struct feeder_options {
        const char *kubeconfig, *context; /* NULL: as in kube/client/config.h */
        const char *metrics;              /* ADDRESS:PORT, or NULL or "": nowhere */
        enum log_level log_level;
        enum log_format log_format;
};

/* Watches the API server and sends what it says to the agent, on standard input, which is one end
 * of a socket pair: until the other end is closed. Returns the status to exit with: 0, 3 where it
 * can't go on, or FEEDER_UNCONFIGURED. */
int feeder_run(const struct feeder_options *options, struct err *err);
