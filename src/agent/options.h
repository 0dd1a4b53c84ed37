#pragma once

#include <stdbool.h>

#include "compile/compile.h"
#include "daemon/log.h"
#include "iptables/backend.h"

#define AGENT_SOCKET  "/run/penstock/agent.sock"
#define AGENT_METRICS "127.0.0.1:9469"

/* What the agent is told by its flags and its configuration file. Texts live as long as it. */
struct agent_options {
        const char *kubeconfig, *context; /* NULL: a pod's service account, or kubectl's default */
        const char *node;
        bool has_flavour;
        enum flavour flavour; /* else flavour_detect()'s */
        bool own_node_egress;
        enum deny_action deny;
        const char *socket;  /* where list, explain and verify ask; "": nowhere */
        const char *metrics; /* ADDRESS:PORT of /metrics, /healthz, /readyz; "": nowhere */
        enum log_level log_level;
        enum log_format log_format;
        unsigned period_seconds; /* of reading all that is installed */
};

/* The daemon; returns when it was told to stop (SIGTERM, SIGINT): 0, or -1 where it cannot start.
 * The rules stay. */
int agent_run(const struct agent_options *options, struct err *err);
