#pragma once

#include "kube/cluster.h"
#include "kube/problem.h"

/* Reads manifests into a cluster: files, directories (recursive, *.yaml *.yml *.json, in order of
 * their names), "-" for standard input; YAML or JSON by content; any number of documents; lists
 * (kind: List, PodList, …) as kubectl prints them. The namespace of namespaced objects that name none
 * is default_namespace. Kinds that penstock has no use for are counted in skipped.
 *
 * Every problem of every file is collected; where there is any, the cluster is not to be used.
 * The caps on input are in load.h so that they are documented in one place. The cluster is not sealed. */

#define LOAD_MAX_FILES        100000
#define LOAD_MAX_OBJECT_BYTES (16u << 20) /* of one object's text and decoded nodes */
#define LOAD_MAX_DEPTH        100         /* nesting of maps and lists */
#define LOAD_MAX_ALIAS_NODES  100000      /* nodes that aliases of one YAML document may add */
#define LOAD_MAX_TEXT         (1u << 20)  /* bytes of one scalar */

struct load_stats {
        size_t files, objects;
        VEC(const char *) skipped_kinds; /* "Deployment.apps" and the like, each once, sorted */
        VEC(size_t) skipped_counts;      /* beside it */
};

/* 0, or -1 with at least one problem. */
int load_paths(struct cluster *cluster, const char *const *paths, size_t n,
               const char *default_namespace, struct problems *problems, struct load_stats *stats);
/* One text, for tests and fuzzing; file is the name in messages. */
int load_text(struct cluster *cluster, const char *text, size_t length, const char *file,
              const char *default_namespace, struct problems *problems, struct load_stats *stats);
