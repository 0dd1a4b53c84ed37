#include "../unit/unit.h"

#include <inttypes.h>

#include "agent/touched.h"
#include "kube/copy.h"
#include "must_load.h"
#include "packets.h"
#include "policy/verdict.h"

/* A cluster that changes at random: a connection that a node let through before and no longer does
 * is one of those whose connections are asked for. */

#define CLUSTERS 30
#define STEPS    20
#define PACKETS  300

struct run {
        struct arena *arena;
        struct bytes bytes;
        struct cluster *cluster;
        struct cluster *other; /* whose objects come */
        unsigned number, step;
        unsigned shut, others; /* packets; changes that did not touch everybody */
};

static struct cluster *make(struct run *run)
{
        const struct manifest manifest = world_generate(run->arena, &run->bytes, run->number);

        return world_must_load(run->arena, &manifest);
}

#define any_in(run, kind, list)                                                                    \
        ((list)->n == 0 ? NULL : &(list)->items[bytes_below(&(run)->bytes, (unsigned)(list)->n)])

/* Mostly a pod or a policy: the rest touch everybody. */
static const void *any_of(struct run *run, const struct cluster *cluster, enum kind *ret_kind)
{
        static const enum kind kinds[] = {KIND_POD, KIND_POD, KIND_NETWORK_POLICY,
                                          KIND_NETWORK_POLICY, KIND_NAMESPACE};

        *ret_kind = kinds[bytes_below(&run->bytes, ARRAY_SIZE(kinds))];
        if (*ret_kind == KIND_POD)
                return any_in(run, *ret_kind, &cluster->pods);
        if (*ret_kind == KIND_NAMESPACE)
                return any_in(run, *ret_kind, &cluster->namespaces);
        return any_in(run, *ret_kind, &cluster->policies);
}

static void change(struct run *run, cluster_changes *changes)
{
        bool add = bytes_chance(&run->bytes, 60);
        enum kind kind;
        const void *item = any_of(run, add ? run->other : run->cluster, &kind);

        if (!item)
                return;
        struct object object = object_of(kind, item);
        if (kind == KIND_POD)
                object.pod.ips = object.pod.given;
        if (add)
                cluster_put(run->cluster, &object, changes);
        else
                cluster_remove(run->cluster, kind, object.meta.namespace, object.meta.name,
                               changes);
}

static bool is_touched(const struct touched *touched, const struct packet *packet)
{
        if (touched->everybody || policy_is_of_link(packet))
                return true;
        vec_foreach (const struct ip, ip, &touched->addresses)
                if (ip_equal(ip, &packet->source) || ip_equal(ip, &packet->destination))
                        return true;
        return false;
}

static void check(struct run *run, const struct cluster *before, const struct touched *touched,
                  const struct policy_options *options)
{
        const struct cluster *drawn = bytes_chance(&run->bytes, 50) ? before : run->cluster;
        const struct packet_pool pool = packet_pool_of(run->arena, drawn);

        for (unsigned i = 0; i < PACKETS; i++) {
                const struct packet packet = packet_pool_draw(&pool, &run->bytes);

                if (policy_allows(run->cluster, options, &packet) ||
                    !policy_allows(before, options, &packet))
                        continue;
                run->shut++;
                if (!is_touched(touched, &packet))
                        fail_msg("cluster %u, step %u: %s is shut on %s, and not asked for",
                                 run->number, run->step, packet_text(run->arena, &packet),
                                 options->node);
        }
}

static void step(struct run *run)
{
        _cleanup_cluster_ struct cluster *before = cluster_copy(run->cluster);
        const struct policy_options options = {
            .own_node_egress = bytes_chance(&run->bytes, 30),
            .node = bytes_chance(&run->bytes, 70) ? "node-1" : "node-2",
        };
        struct touched touched = {.arena = run->arena};
        cluster_changes changes = {0};

        for (unsigned i = 1 + bytes_below(&run->bytes, 3); i > 0; i--)
                change(run, &changes);
        touched_add(&touched, run->cluster, &changes, options.node);
        run->others += changes.n > 0 && !touched.everybody;
        check(run, before, &touched, &options);
}

static void whoever_is_shut_out_is_asked_for(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        unsigned shut = 0, others = 0;

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++) {
                struct run run = {
                    .arena = arena_new(), .bytes = world_bytes(size.seed, i), .number = i};

                run.cluster = make(&run);
                run.other = make(&run);
                for (run.step = 0; run.step < STEPS; run.step++)
                        step(&run);
                shut += run.shut;
                others += run.others;
                cluster_free(run.cluster);
                cluster_free(run.other);
                arena_free(run.arena);
        }
        print_message("%u packets were shut out; %u changes touched some only\n", shut, others);
        assert_true(shut > 100 && others > 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(whoever_is_shut_out_is_asked_for)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
