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
        unsigned period_seconds;         /* of reading all that is installed */
        unsigned feeder_silence_seconds; /* so long it may say nothing; a feeder that hangs is
                                            replaced */
};

/* What is not said; node is NULL. */
struct agent_options agent_options_default(void);

/* The fields by their names in the configuration file ("ownNodeEgress"), which are those of the
 * flags where they have one: one table says what each may be. */
struct agent_option;
const struct agent_option *agent_option(const char *name);      /* NULL where there is none */
bool agent_option_is_number(const struct agent_option *option); /* in YAML; else text */
/* Sets it from its text, which must live as long as options. NULL, or what it would have taken:
 * "drop or reject". */
const char *agent_option_set(const struct agent_option *option, const char *text,
                             struct agent_options *options);

/* The daemon; returns when it was told to stop (SIGTERM, SIGINT): 0, or -1 where it cannot start.
 * The rules stay. */
int agent_run(const struct agent_options *options, struct err *err);
