#include "compile/memo.h"

#include <stdlib.h>

#include "base/memory.h"
#include "compile/compiler.h"
#include "kube/equal.h"

/* What takes time is asking of every pod whether a selector names it, and digests. So the names are
 * remembered by what they describe, the elements of sets of pods with them, and which pods are the
 * node's; policies need not be looked at for changes, as another policy asks for another name. The
 * rules are made anew each time: they are few, because they are the node's own. */

struct compile_memo {
        struct known *known;
        struct locals *locals;
        size_t local_pods, isolated_pods; /* of the last compile */
        struct doubts doubts;
};

/* So many suspects, as a part of the cluster's pods, that asking each set of each of them takes
 * longer than finding the sets anew. */
#define SUSPECT_PART 16

struct compile_memo *compile_memo_new(void)
{
        struct compile_memo *memo = memory_alloc(sizeof(*memo));

        memo->known = known_new();
        memo->locals = locals_new();
        return memo;
}

void compile_memo_free(struct compile_memo *memo)
{
        if (!memo)
                return;
        known_free(memo->known);
        locals_free(memo->locals);
        doubts_done(&memo->doubts);
        free(memo);
}

static void forget(struct compile_memo *memo)
{
        known_free(memo->known);
        memo->known = known_new();
        doubts_done(&memo->doubts);
}

static bool pod_counts(const struct locals *locals, const struct pod *pod)
{
        return pod_takes_part(pod) && (pod->ips.n > 0 || locals_are_of(locals, pod->node));
}

static bool pod_concerns(const struct locals *locals, const struct object *before,
                         const struct object *after)
{
        bool counted = before && pod_counts(locals, &before->pod);
        bool counts = after && pod_counts(locals, &after->pod);

        if (!counted || !counts)
                return counted || counts;
        struct object same = *after;
        same.pod.phase = before->pod.phase;
        same.meta.terminating = before->meta.terminating;
        return !object_equal(before, &same);
}

/* Where pods come to a policy's namespace, or leave it, at the same time, they concern. */
static bool concerns(const struct compile_memo *memo, const struct cluster_change *change)
{
        const struct object *either = change->after ? change->after : change->before;

        if (change->kind == KIND_POD)
                return pod_concerns(memo->locals, change->before, change->after);
        return change->kind != KIND_NETWORK_POLICY ||
               locals_are_in(memo->locals, either->meta.namespace);
}

bool compile_memo_change(struct compile_memo *memo, const struct cluster *cluster,
                         const cluster_changes *changes)
{
        bool any = false;

        vec_foreach (const struct cluster_change, change, changes) {
                doubts_add(&memo->doubts, cluster, change);
                any |= concerns(memo, change);
                if (change->kind != KIND_POD)
                        continue;
                if (change->before)
                        locals_remove(memo->locals, &change->before->pod);
                if (change->after)
                        locals_add(memo->locals, &change->after->pod);
        }
        if (memo->doubts.n > 16 + cluster->pods.n / SUSPECT_PART)
                forget(memo);
        return any;
}

void compile_memo_pods(const struct compile_memo *memo, size_t *ret_local, size_t *ret_isolated)
{
        *ret_local = memo->local_pods;
        *ret_isolated = memo->isolated_pods;
}

size_t compile_memo_size(const struct compile_memo *memo)
{
        return sizeof(*memo) + known_size(memo->known) + locals_size(memo->locals) +
               memo->doubts.cap * sizeof(*memo->doubts.items);
}

static void run(struct compiler *compiler, struct compile_memo *memo)
{
        const struct cluster *cluster = compiler->cluster;

        compiler->locals =
            locals_find(memo->locals, compiler->scratch, cluster, compiler->options->node);
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                compiler->suspects[family] =
                    suspects_of(compiler->scratch, &memo->doubts, cluster, family);
        known_begin(memo->known);
        compiler_run(compiler);
        known_end(memo->known);
        memo->local_pods = compiler->locals.n;
        memo->isolated_pods = compiler->isolated_pods;
        doubts_done(&memo->doubts);
        if (compiler->failed)
                forget(memo);
}

struct ruleset *compile_again(struct arena *arena, const struct cluster *cluster,
                              const struct compile_options *options, struct compile_memo *memo,
                              struct err *err)
{
        _cleanup_arena_ struct arena *scratch = arena_new();
        _cleanup_strbuf_ struct strbuf key = {0};
        struct compiler compiler = {
            .arena = arena,
            .scratch = scratch,
            .cluster = cluster,
            .options = options,
            .ruleset = ruleset_new(arena),
            .known = memo->known,
            .key = &key,
            .err = err,
        };

        run(&compiler, memo);
        return compiler.failed ? NULL : compiler.ruleset;
}

struct ruleset *compile(struct arena *arena, const struct cluster *cluster,
                        const struct compile_options *options, struct err *err)
{
        struct compile_memo *memo = compile_memo_new();
        struct ruleset *ruleset = compile_again(arena, cluster, options, memo, err);

        compile_memo_free(memo);
        return ruleset;
}
