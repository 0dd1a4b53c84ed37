#include "../unit/unit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "change.h"
#include "compile/memo.h"
#include "iptables/text.h"
#include "kube/copy.h"
#include "kube/equal.h"
#include "must_load.h"

/* Random clusters that change at random: what a compile makes with what it remembers of the times
 * before is to the byte what it makes from nothing. Each state is a cluster of its own, whose
 * forerunner is freed before the compile: nothing of the memo may point there. */

#define CLUSTERS 12
#define STEPS    20
#define NODES    4 /* "node-1" to "node-3", of which there may be fewer; and one without pods */

#define MANY_STEPS 2000 /* PENSTOCK_STEPS */

struct change_list {
        struct arena *arena;
        cluster_changes list;
};

static void add_change(struct change_list *to, enum kind kind, const void *before,
                       const void *after)
{
        struct object objects[2] = {0};
        struct cluster_change change = {.kind = kind};

        if (before) {
                objects[0] = object_of(kind, before);
                change.before = arena_copy(to->arena, &objects[0], sizeof(objects[0]));
        }
        if (after) {
                objects[1] = object_of(kind, after);
                change.after = arena_copy(to->arena, &objects[1], sizeof(objects[1]));
        }
        vec_push(to->arena, &to->list, change);
}

static bool same(enum kind kind, const void *a, const void *b)
{
        const struct object x = object_of(kind, a), y = object_of(kind, b);

        return object_equal(&x, &y);
}

static int compare_names(const struct meta *a, const struct meta *b)
{
        int order = strcmp(a->namespace, b->namespace);

        return order ? order : strcmp(a->name, b->name);
}

static void compare_lists(struct change_list *to, enum kind kind, const char *a, size_t n,
                          const char *b, size_t m, size_t size)
{
        const char *a_end = a + n * size, *b_end = b + m * size;

        while (a < a_end || b < b_end) {
                int order = a == a_end   ? 1
                            : b == b_end ? -1
                                         : compare_names((const void *)a, (const void *)b);
                if (order != 0)
                        add_change(to, kind, order < 0 ? a : NULL, order < 0 ? NULL : b);
                else if (!same(kind, a, b))
                        add_change(to, kind, a, b);
                if (order <= 0)
                        a += size;
                if (order >= 0)
                        b += size;
        }
}

#define compare_kind(to, kind, a, b)                                                               \
        compare_lists((to), (kind), (const char *)(a)->items, (a)->n, (const char *)(b)->items,    \
                      (b)->n, sizeof(*(a)->items))

static cluster_changes changes_of(struct arena *arena, const struct cluster *before,
                                  const struct cluster *after)
{
        struct change_list to = {.arena = arena};

        compare_kind(&to, KIND_NAMESPACE, &before->namespaces, &after->namespaces);
        compare_kind(&to, KIND_NODE, &before->nodes, &after->nodes);
        compare_kind(&to, KIND_POD, &before->pods, &after->pods);
        compare_kind(&to, KIND_NETWORK_POLICY, &before->policies, &after->policies);
        return to.list;
}

static void print(const struct ruleset *ruleset, struct strbuf *out)
{
        iptables_print(ruleset, FAMILY_IPV4, false, out);
        iptables_print(ruleset, FAMILY_IPV6, false, out);
        ipset_print(ruleset, out);
}

/* A ruleset that stays, as it stays with whoever installs it. */
struct kept {
        struct arena *arena;
        const struct ruleset *ruleset; /* NULL: none yet */
        struct strbuf text;
};

struct run {
        struct compile_memo *memos[NODES];
        struct kept kept[NODES];
        bool concerned[NODES]; /* since then, by what the memo said of changes */
        unsigned spared;       /* compiles that could have been */
        uint64_t cluster;
        unsigned step;
};

static void run_init(struct run *run, uint64_t number)
{
        run->cluster = number;
        run->spared = 0;
        for (unsigned i = 0; i < NODES; i++) {
                run->memos[i] = compile_memo_new();
                run->concerned[i] = true;
                run->kept[i] = (struct kept){0};
        }
}

static void kept_done(struct kept *kept)
{
        arena_free(kept->arena);
        strbuf_done(&kept->text);
        *kept = (struct kept){0};
}

static void run_done(struct run *run)
{
        for (unsigned i = 0; i < NODES; i++) {
                compile_memo_free(run->memos[i]);
                kept_done(&run->kept[i]);
        }
}

static void keep(struct kept *kept, struct arena *arena, const struct ruleset *ruleset)
{
        kept_done(kept);
        kept->arena = arena;
        kept->ruleset = ruleset;
        print(ruleset, &kept->text);
}

/* Its cluster is gone, the memo may have been told of changes. */
static void hold_kept(const struct kept *kept)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (!kept->ruleset)
                return;
        print(kept->ruleset, &text);
        assert_string_equal(strbuf_text(&text), strbuf_text(&kept->text));
}

static bool is_isolated(const struct cluster *cluster, const struct pod *pod)
{
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                if (strcmp(policy->meta.namespace, pod->meta.namespace) == 0 &&
                    selector_matches(&policy->pod_selector, &pod->meta.labels))
                        return true; /* in one direction at least: there is no policy of none */
        return false;
}

static void hold_pods(const struct compile_memo *memo, const struct cluster *cluster,
                      const char *node)
{
        size_t locals = 0, isolated = 0, ret_locals, ret_isolated;

        vec_foreach (const struct pod, pod, &cluster->pods) {
                if (!pod_takes_part(pod) || strcmp(pod->node, node) != 0)
                        continue;
                locals++;
                isolated += is_isolated(cluster, pod);
        }
        compile_memo_pods(memo, &ret_locals, &ret_isolated);
        assert_int_equal(ret_locals, locals);
        assert_int_equal(ret_isolated, isolated);
}

/* What was said to concern nobody has made no other ruleset. */
static void hold_unconcerned(struct run *run, const struct kept *kept, const char *whole,
                             unsigned node)
{
        if (!run->concerned[node] && kept->ruleset) {
                assert_string_equal(whole, strbuf_text(&kept->text));
                run->spared++;
        }
        run->concerned[node] = false;
}

static void hold(struct run *run, const struct cluster *cluster, unsigned node)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf whole = {0};
        struct kept *kept = &run->kept[node];
        struct arena *again = arena_new();
        const struct compile_options options = {.node = arena_printf(arena, "node-%u", node + 1),
                                                .own_node_egress = node == 0};
        struct err err;
        const struct ruleset *wanted = compile(arena, cluster, &options, &err);
        const struct ruleset *found =
            compile_again(again, cluster, &options, run->memos[node], &err);

        assert_non_null(wanted);
        assert_non_null(found);
        hold_pods(run->memos[node], cluster, options.node);
        print(wanted, &whole);
        hold_unconcerned(run, kept, strbuf_text(&whole), node);
        keep(kept, again, found);
        if (strcmp(strbuf_text(&whole), strbuf_text(&kept->text)) != 0)
                fail_msg("cluster %" PRIu64 ", step %u, %s\n--- from nothing\n%s--- again\n%s",
                         run->cluster, run->step, options.node, strbuf_text(&whole),
                         strbuf_text(&kept->text));
}

static void tell(struct run *run, const struct cluster *before, const struct cluster *after)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        cluster_changes changes = changes_of(arena, before, after);

        for (unsigned i = 0; i < NODES; i++)
                run->concerned[i] |= compile_memo_change(run->memos[i], after, &changes);
}

/* Mostly one change, sometimes so many that it is quicker to forget. */
static void change(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                   const struct manifest *other)
{
        unsigned n = bytes_chance(bytes, 10) ? 12 : 1 + bytes_below(bytes, 2);

        for (unsigned i = 0; i < n; i++)
                manifest_change(arena, bytes, manifest, other);
}

static unsigned hold_cluster(uint64_t seed, unsigned number)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct bytes bytes = world_bytes(seed, number);
        struct manifest manifest = world_generate(arena, &bytes, number);
        const struct manifest other = world_generate(arena, &bytes, number);
        struct cluster *cluster = world_must_load(arena, &manifest);
        struct run run;

        run_init(&run, number);
        for (run.step = 0; run.step < STEPS; run.step++) {
                for (unsigned i = 0; i < NODES; i++)
                        if (!bytes_chance(&bytes, 25)) /* changes gather */
                                hold(&run, cluster, i);
                change(arena, &bytes, &manifest, &other);
                struct cluster *next = world_must_load(arena, &manifest);
                tell(&run, cluster, next);
                cluster_free(cluster);
                for (unsigned i = 0; i < NODES; i++)
                        hold_kept(&run.kept[i]);
                cluster = next;
        }
        cluster_free(cluster);
        run_done(&run);
        return run.spared;
}

static void again_is_as_from_nothing(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        unsigned spared = 0;

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++)
                spared += hold_cluster(size.seed, i);
        print_message("%u compiles made what the one before had made, as was said\n", spared);
        assert_true(spared > size.clusters);
}

static void compile_node_1(struct arena *arena, const struct cluster *cluster,
                           struct compile_memo *memo)
{
        const struct compile_options options = {.node = "node-1"};
        struct err err;

        assert_non_null(compile_again(arena, cluster, &options, memo, &err));
}

struct long_run {
        struct cluster *cluster;
        struct compile_memo *memo;
        size_t most; /* bytes of a memo from nothing */
};

static void run_on(struct long_run *run, const struct manifest *manifest)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cluster *next = world_must_load(arena, manifest);
        const cluster_changes changes = changes_of(arena, run->cluster, next);
        struct compile_memo *fresh = compile_memo_new();

        compile_memo_change(run->memo, next, &changes);
        cluster_free(run->cluster);
        run->cluster = next;
        compile_node_1(arena, next, run->memo);
        compile_node_1(arena, next, fresh);
        if (compile_memo_size(fresh) > run->most)
                run->most = compile_memo_size(fresh);
        compile_memo_free(fresh);
}

static struct manifest copy_manifest(struct arena *arena, const struct manifest *manifest)
{
        struct manifest copy = {.style = manifest->style};

        vec_foreach (struct value *const, document, &manifest->documents)
                vec_push(arena, &copy.documents, value_copy(arena, *document));
        return copy;
}

/* What is held after many changes is no more than a memo may hold that has seen two such clusters.
 */
static void many_changes_leave_nothing(void **state)
{
        const char *wanted = getenv("PENSTOCK_STEPS");
        unsigned steps = wanted ? (unsigned)strtoul(wanted, NULL, 10) : MANY_STEPS;
        struct bytes bytes = world_bytes(run_size(1).seed, 0);
        struct arena *arena = arena_new();
        struct manifest manifest = generate_cluster(arena, &bytes, &SHAPE_DEFAULT);
        struct long_run run = {world_must_load(arena, &manifest), compile_memo_new(), 0};

        for (unsigned i = 0; i < steps; i++) {
                struct arena *next = arena_new();
                manifest = copy_manifest(next, &manifest);
                arena_free(arena);
                arena = next;
                const struct manifest other = generate_cluster(arena, &bytes, &SHAPE_DEFAULT);
                manifest_change(arena, &bytes, &manifest, &other);
                run_on(&run, &manifest);
                if (compile_memo_size(run.memo) > 2 * run.most)
                        fail_msg("after %u changes %zu bytes; from nothing %zu at most", i,
                                 compile_memo_size(run.memo), run.most);
        }
        print_message("%u changes: %zu bytes; from nothing %zu at most\n", steps,
                      compile_memo_size(run.memo), run.most);
        cluster_free(run.cluster);
        compile_memo_free(run.memo);
        arena_free(arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(again_is_as_from_nothing),
            cmocka_unit_test(many_changes_leave_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
