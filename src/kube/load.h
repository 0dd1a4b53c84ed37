#pragma once

#include "kube/cluster.h"
#include "kube/problem.h"

/* Reads manifests into a cluster: files, directories, "-" for standard input; YAML or JSON by
 * content (JSON where the first character is '{', as kubectl); any number of documents; lists
 * (kind: List, PodList, …) as kubectl prints them, also lists in lists. The namespace of namespaced
 * objects that name none is default_namespace. Kinds that penstock has no use for are counted in
 * skipped.
 *
 * A directory stands for all *.yaml, *.yml and *.json in it and below, hidden ones too, in order of
 * their names. Symbolic links in it are followed to files, not to directories; what has such a name
 * and is no regular file is refused. A path that is named may be anything that can be read, such as
 * the pipe of a shell's <(…). A path without a single object is refused: it hardly is what was
 * meant, and nothing but an empty cluster could come of it.
 *
 * Every problem of every file is collected; where there is any, the cluster is not to be used. A
 * file is read up to its first mistake in syntax. The cluster is not sealed. */

/* The caps on input, all in one place. Memory is bounded by them and not by the length of a file.
 */
#define LOAD_MAX_FILES        100000
#define LOAD_MAX_OBJECT_BYTES (16u << 20) /* of one object's texts and decoded nodes */
#define LOAD_MAX_DEPTH        100         /* nesting of maps and lists, aliases followed */
#define LOAD_MAX_ALIAS_NODES  100000      /* nodes that aliases of one YAML document may add */
#define LOAD_MAX_TEXT         (1u << 20)  /* bytes of one scalar */
/* Of items that say no kind, before their list's kind. */
#define LOAD_MAX_WAITING_BYTES (256u << 20)

struct load_stats {
        size_t files, objects;           /* read; added to the cluster */
        VEC(const char *) skipped_kinds; /* "Deployment.apps" and the like, each once, sorted */
        VEC(size_t) skipped_counts;      /* beside it */
};

/* 0, or -1 with at least one problem. */
int load_paths(struct cluster *cluster, const char *const *paths, size_t n,
               const char *default_namespace, struct problems *problems, struct load_stats *stats);
/* One text, for tests and fuzzing; file is the name in messages. */
int load_text(struct cluster *cluster, const char *text, size_t length, const char *file,
              const char *default_namespace, struct problems *problems, struct load_stats *stats);
