#pragma once

#include "cmd/options.h"

/* From options to the wanted ruleset of one node: load, seal, choose the node, compile. What can go
 * wrong is printed; on failure the exit status is returned and there is nothing to release. */
struct snapshot {
        struct arena *arena; /* of the ruleset */
        struct cluster *cluster;
        struct ruleset *ruleset;
        const char *node;
};

/* The node that --node names, or the only one that there is, or the one with this host's name;
 * NULL where that can't be told, which was printed. The cluster is sealed. */
const char *snapshot_node(const char *command, const struct options *options,
                          struct cluster *cluster);
/* Load (cmd/source.h), seal and choose the node: ruleset is NULL. */
int snapshot_load(const char *command, struct options *options, struct snapshot *ret);
int snapshot_make(const char *command, struct options *options, struct snapshot *ret);
/* The same from a cluster that is loaded and sealed already, which stays the caller's. */
int snapshot_compile(const char *command, const struct options *options,
                     const struct cluster *cluster, const char *node, struct snapshot *ret);
void snapshot_done(struct snapshot *snapshot);
#define _cleanup_snapshot_ __attribute__((cleanup(snapshot_done)))
