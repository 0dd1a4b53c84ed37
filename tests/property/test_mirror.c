#include "../unit/unit.h"

#include <inttypes.h>

#include "compile/memo.h"
#include "iptables/text.h"
#include "kube/decode/decode.h"
#include "kube/mirror.h"
#include "same.h"
#include "world.h"

/* A mirror of random clusters that change while they are listed and watched: whenever no list is
 * under way, it is what sealing all that the API server has would have made; and what a compile
 * makes with what it remembers, and was told of the mirror's changes, is to the byte what it makes
 * from nothing of that. */

#define CLUSTERS 30
#define STEPS    40
#define WORLDS   3
#define NODES    3 /* "node-1" and on; of the last there may be no pods */

struct entry {
        enum kind kind;
        const char *namespace, *name;
        const struct value *object;
};

struct entries {
        struct entry *items;
        size_t n, cap;
};

struct run {
        struct arena *arena;
        struct bytes bytes;
        struct entries pool, stored; /* what may come, what the API server has */
        struct mirror *mirror;
        struct compile_memo *memos[NODES];
        unsigned number, step;
};

static void fail_step(const struct run *run, const char *what)
{
        print_error("cluster %u, step %u: ", run->number, run->step);
        fail_msg("%s", what);
}

static enum kind kind_of(const struct value *object)
{
        int kind = 0;

        while (strcmp(api_kinds[kind].kind, value_member_text(object, "kind")) != 0)
                kind++;
        return (enum kind)kind;
}

static void fill_pool(struct run *run)
{
        struct manifest manifest = world_generate(run->arena, &run->bytes, run->number);

        for (size_t i = 0; i < manifest.documents.n; i++) {
                const struct value *object = manifest.documents.items[i];
                const struct value *metadata = value_member(object, "metadata");
                struct entry entry = {kind_of(object), value_member_text(metadata, "namespace"),
                                      value_member_text(metadata, "name"), object};

                vec_push(run->arena, &run->pool, entry);
        }
}

static const struct entry *any_of(struct run *run, const struct entries *entries)
{
        return entries->n ? &entries->items[bytes_below(&run->bytes, (unsigned)entries->n)] : NULL;
}

static void delete (struct run *run, const struct entry *entry)
{
        size_t kept = 0;

        for (size_t i = 0; i < run->stored.n; i++) {
                const struct entry *stored = &run->stored.items[i];

                if (stored->kind != entry->kind || strcmp(stored->name, entry->name) != 0 ||
                    strcmp(stored->namespace, entry->namespace) != 0)
                        run->stored.items[kept++] = *stored;
        }
        run->stored.n = kept;
}

/* Something happens at the API server; the mirror hears of it where it is told to. */
static void change(struct run *run, bool told, const enum kind *only)
{
        bool add = bytes_chance(&run->bytes, 60);
        const struct entry *any = any_of(run, add ? &run->pool : &run->stored);

        if (!any || (only && any->kind != *only))
                return;
        const struct entry entry = *any;
        delete (run, &entry);
        if (add)
                vec_push(run->arena, &run->stored, entry);
        if (!told)
                return;
        if (add)
                mirror_object(run->mirror, entry.kind, entry.object);
        else
                mirror_deleted(run->mirror, entry.kind, entry.object);
}

/* A list, that is given up half-way now and then; what happens while it is under way is in it, and
 * other kinds are watched meanwhile. */
static void list(struct run *run, enum kind kind, bool whole)
{
        mirror_begin(run->mirror, kind);
        for (size_t i = 0, n = run->stored.n; i < n && i < run->stored.n; i++) {
                if (run->stored.items[i].kind == kind)
                        mirror_object(run->mirror, kind, run->stored.items[i].object);
                if (!whole && bytes_chance(&run->bytes, 10)) {
                        mirror_abort(run->mirror, kind);
                        list(run, kind, true);
                        return;
                }
        }
        for (unsigned i = bytes_below(&run->bytes, 4); i > 0; i--)
                change(run, true, &kind);
        mirror_end(run->mirror, kind);
}

/* Whatever went by unheard is found by listing again. */
static void miss(struct run *run)
{
        enum kind kind = (enum kind)bytes_below(&run->bytes, OBJECT_KINDS);

        for (unsigned i = bytes_below(&run->bytes, 8); i > 0; i--)
                change(run, false, &kind);
        list(run, kind, false);
}

static struct cluster *expected(struct run *run)
{
        struct cluster *cluster = cluster_new();
        struct problems problems = problems_in(cluster->arena);
        const struct decode_context context = {cluster->arena, cluster->intern, &problems, "", ""};
        struct object object;

        for (size_t i = 0; i < run->stored.n; i++) {
                const struct entry *entry = &run->stored.items[i];

                if (!decode_stored(&context, entry->kind, entry->object, &object))
                        fail_step(run, "what was generated is not valid");
                cluster_add(cluster, &object);
        }
        cluster_seal(cluster);
        return cluster;
}

static const char *printed(struct arena *arena, const struct ruleset *ruleset)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        assert_non_null(ruleset);
        iptables_print(ruleset, FAMILY_IPV4, false, &text);
        iptables_print(ruleset, FAMILY_IPV6, false, &text);
        ipset_print(ruleset, &text);
        return arena_strdup(arena, strbuf_text(&text));
}

static void compile_both(struct run *run, unsigned node, const struct cluster *cluster)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        const struct compile_options options = {.node = arena_printf(arena, "node-%u", node + 1),
                                                .own_node_egress = node == 0};
        struct err err;
        const char *again = printed(arena, compile_again(arena, mirror_cluster(run->mirror),
                                                         &options, run->memos[node], &err));

        if (strcmp(again, printed(arena, compile(arena, cluster, &options, &err))) != 0)
                fail_step(run,
                          arena_printf(run->arena, "%s is compiled to\n%s", options.node, again));
}

/* As the agent does; what a memo is told may gather before the next compile. */
static void settle(struct run *run, const struct cluster *cluster)
{
        for (unsigned i = 0; i < NODES; i++)
                compile_memo_change(run->memos[i], mirror_cluster(run->mirror),
                                    mirror_changes(run->mirror));
        mirror_settle(run->mirror);
        for (unsigned i = 0; i < NODES; i++)
                if (!bytes_chance(&run->bytes, 20))
                        compile_both(run, i, cluster);
}

static void step(struct run *run)
{
        if (bytes_chance(&run->bytes, 70))
                change(run, true, NULL);
        else
                miss(run);
        _cleanup_cluster_ struct cluster *cluster = expected(run);
        const char *difference = clusters_differ(run->arena, mirror_cluster(run->mirror), cluster);
        if (difference)
                fail_step(run, difference);
        if (bytes_chance(&run->bytes, 30))
                settle(run, cluster);
        if (mirror_refused(run->mirror, &(const struct refused *){NULL}))
                fail_step(run, "something is refused");
}

static void check_run(uint64_t seed, unsigned number)
{
        struct run run = {
            .arena = arena_new(),
            .bytes = world_bytes(seed, number),
            .mirror = mirror_new(),
            .number = number,
        };

        for (unsigned i = 0; i < NODES; i++)
                run.memos[i] = compile_memo_new();
        for (unsigned i = 0; i < WORLDS; i++) {
                fill_pool(&run);
                for (size_t j = 0; i == 0 && j < run.pool.n; j++) {
                        delete (&run, &run.pool.items[j]);
                        vec_push(run.arena, &run.stored, run.pool.items[j]);
                }
        }
        for (enum kind kind = 0; kind < OBJECT_KINDS; kind++) {
                assert_false(mirror_is_whole(run.mirror));
                list(&run, kind, false);
        }
        assert_true(mirror_is_whole(run.mirror));
        for (run.step = 0; run.step < STEPS; run.step++)
                step(&run);
        for (unsigned i = 0; i < NODES; i++)
                compile_memo_free(run.memos[i]);
        mirror_free(run.mirror);
        arena_free(run.arena);
}

static void a_mirror_is_what_is_stored(void **state)
{
        struct run_size size = run_size(CLUSTERS);

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++)
                check_run(size.seed, i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_mirror_is_what_is_stored)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
