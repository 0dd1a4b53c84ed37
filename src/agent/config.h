#pragma once

#include "agent/options.h"
#include "base/arena.h"
#include "kube/problem.h"

/* The agent's configuration file, YAML or JSON:
 *
 *     apiVersion: penstock.dev/v1alpha1
 *     kind: AgentConfiguration
 *     node: node-1
 *     ownNodeEgress: Policy
 *     logLevel: debug
 *     period: 30
 *
 * Its fields are those of agent/options.h, each may be absent or null; it is one document. Whatever
 * else stands in it is a problem: "FILE:LINE: .field: why". All are found. */

/* Sets what the file says; 0, or -1 with at least one problem and nothing set. Texts live in the
 * arena. */
int agent_config_load(struct arena *arena, const char *path, struct agent_options *options,
                      struct problems *problems);
/* One text, for tests and fuzzing; file is the name in messages. */
int agent_config_text(struct arena *arena, const char *text, size_t length, const char *file,
                      struct agent_options *options, struct problems *problems);
