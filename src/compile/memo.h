#pragma once

#include "compile/compile.h"

/* What one compile has found out and the next can use: a pod that comes, goes or changes touches
 * few sets, and which pods a selector names need not be asked again of ten thousand others. The
 * result is the same, to the byte, as without.
 *
 * Nothing of it points into the cluster or into a ruleset that was made. */
struct compile_memo;

struct compile_memo *compile_memo_new(void);
void compile_memo_free(struct compile_memo *memo);
/* Forgets what these changes touch; to be told of each, before the next compile. False where none
 * of them can make another ruleset: pods of other nodes that have no address yet, what a pod's
 * status says besides, policies of namespaces without a pod of the node. */
bool compile_memo_change(struct compile_memo *memo, const struct cluster *cluster,
                         const cluster_changes *changes);

/* Of the last compile: the node's pods that take part, and those of them that a policy isolates in
 * any direction. */
void compile_memo_pods(const struct compile_memo *memo, size_t *ret_local, size_t *ret_isolated);

/* Bytes held. */
size_t compile_memo_size(const struct compile_memo *memo);

/* compile() with a memo, of a cluster that has been changed as was told since the last time, and
 * with the same options. */
struct ruleset *compile_again(struct arena *arena, const struct cluster *cluster,
                              const struct compile_options *options, struct compile_memo *memo,
                              struct err *err);
