#include "../unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "compile/compile.h"
#include "judge.h"
#include "mutate.h"
#include "world.h"

/* Faults, one at a time, in what is installed: each that changes a verdict is found, with a packet
 * that comes true, and each that changes none is called equal. What changes a verdict is for the
 * judge to say, by running every packet. */

#define CLUSTERS 4
#define ROUNDS   1 /* of all kinds of fault, at each node */
/* Packets of each mutant; all of them where there are no more. */
#define BUDGET 6000

static unsigned long number_from(const char *name, unsigned long otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

struct tally {
        size_t tried, changed, found;
};

struct campaign {
        struct run_size size;
        unsigned cluster;
        size_t budget;
        struct tally *tallies; /* by mutation */
        size_t packets, nodes;
};

/* A node's rules as they should be, and as they were when the cluster was another. */
struct subject_node {
        const char *name;
        struct policy_options options;
        struct judge judge;
        const struct ruleset *installed, *stale;
};

static void fail_at(const struct campaign *campaign, const struct subject_node *node,
                    const struct mutation *mutation, const struct mutant *mutant,
                    const char *format, ...)
{
        char text[2000];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u, node %s%s, %s: %s: %s",
                 campaign->size.seed, campaign->cluster, node->name,
                 node->options.own_node_egress ? ", own-node egress by policy" : "",
                 mutation ? mutation->name : "no fault", mutation ? mutant->what : "", text);
}

static const struct ruleset *install(struct arena *arena, const struct cluster *cluster,
                                     const struct policy_options *policy, enum deny_action deny)
{
        const struct compile_options options = {
            .node = policy->node, .own_node_egress = policy->own_node_egress, .deny = deny};
        struct err err;
        const struct ruleset *compiled = compile(arena, cluster, &options, &err);

        if (!compiled)
                fail_msg("%s", err.text);
        struct ruleset *installed = ruleset_installed(arena, compiled);
        ruleset_finish(installed);
        return installed;
}

/* By hand on the data, or as the tools would print it: the same to everybody. */
static const struct ruleset *as_read(struct arena *arena, struct bytes *bytes,
                                     const struct ruleset *ruleset)
{
        struct err err;

        bool plain = !ruleset_table(ruleset, FAMILY_IPV4, "mangle") &&
                     !ruleset_table(ruleset, FAMILY_IPV6, "mangle");
        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                vec_foreach (const struct match, match, &rule->matches)
                                        if (match->kind == MATCH_CHANCE ||
                                            match->kind == MATCH_MARK)
                                                plain = false;
        if (bytes_chance(bytes, 50) || !plain)
                return ruleset;
        const struct ruleset *read = ruleset_by_text(arena, bytes, ruleset, &err);
        if (!read)
                fail_msg("%s", err.text);
        return read;
}

/* False where the rules hold nothing to mutate so, or the kernel would not take it. */
static bool mutate(struct arena *arena, struct bytes *bytes, const struct subject_node *node,
                   const struct mutation *mutation, struct mutant *ret)
{
        for (unsigned tries = 0; tries < 8; tries++) {
                *ret = (struct mutant){
                    .arena = arena,
                    .bytes = bytes,
                    .ruleset = ruleset_copy(arena, node->installed),
                    .beside = ruleset_new(arena),
                    .stale = node->stale,
                };
                if (!mutation->change(ret))
                        continue;
                ruleset_finish(ret->ruleset);
                if (ruleset_is_possible(ret->ruleset))
                        return true;
        }
        return false;
}

static void hold_mutant(struct campaign *campaign, const struct subject_node *node,
                        struct bytes *bytes, size_t at)
{
        const struct mutation *mutation = mutation_at(at);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct tally *tally = &campaign->tallies[at];
        struct mutant mutant;

        if (!mutate(arena, bytes, node, mutation, &mutant))
                return;
        const struct ruleset *read = as_read(arena, bytes, mutant.ruleset);
        struct enforced enforced = {.rules = {read, mutant.beside}, .n = 2, .sets = read};
        struct space space = space_of(arena, node->judge.cluster, &enforced);
        struct trial trial = trial_of(arena, &enforced);
        struct judgement judgement =
            judge_space(&node->judge, &trial, &space, bytes, campaign->budget);
        campaign->packets += judgement.packets;
        tally->tried++;
        bool changed = false;
        for (size_t kind = 0; kind < FINDING_KINDS; kind++)
                changed |= judgement.counts[kind] > 0;
        tally->changed += changed;
        if (changed && mutation->harmless)
                fail_at(campaign, node, mutation, &mutant, "changes a verdict");
}

static void hold_faultless(struct campaign *campaign, const struct subject_node *node,
                           struct arena *arena, struct bytes *bytes)
{
        struct enforced enforced = enforced_of(node->installed);
        struct trial trial = trial_of(arena, &enforced);
        struct space space = space_of(arena, node->judge.cluster, &enforced);
        struct judgement judgement =
            judge_space(&node->judge, &trial, &space, bytes, campaign->budget);

        campaign->packets += judgement.packets;
        for (size_t kind = 0; kind < FINDING_KINDS; kind++)
                if (judgement.counts[kind] > 0)
                        fail_at(campaign, node, NULL, NULL, "finding %zu: %s", kind,
                                sim_packet_text(arena, &node->judge, &judgement.examples[kind]));
}

static void hold_node(struct campaign *campaign, struct arena *arena, const struct cluster *cluster,
                      const struct cluster *other, const char *name, struct bytes *bytes)
{
        enum deny_action deny = campaign->cluster % 3 ? DENY_DROP : DENY_REJECT;
        struct subject_node node = {
            .name = name,
            .options = {.node = name, .own_node_egress = campaign->cluster % 2},
        };

        node.judge = judge_of(arena, cluster, &node.options);
        node.installed = install(arena, cluster, &node.options, deny);
        node.stale = install(arena, other, &node.options, deny);
        campaign->nodes++;
        hold_faultless(campaign, &node, arena, bytes);
        for (size_t round = 0; round < ROUNDS; round++)
                for (size_t at = 0; at < mutations_n(); at++)
                        hold_mutant(campaign, &node, bytes, at);
}

static struct cluster *load(struct arena *arena, const struct manifest *manifest)
{
        const char *problem;
        struct cluster *cluster = world_load(arena, manifest, &problem);

        if (!cluster)
                fail_msg("%s", problem);
        return cluster;
}

/* Before some of it was added. */
static struct cluster *load_earlier(struct arena *arena, const struct manifest *manifest,
                                    struct bytes *bytes)
{
        struct manifest earlier = {.style = manifest->style};

        for (size_t i = 0; i < manifest->documents.n; i++)
                if (bytes_chance(bytes, 80))
                        vec_push(arena, &earlier.documents, manifest->documents.items[i]);
        return load(arena, &earlier);
}

static void hold_cluster(struct campaign *campaign)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct bytes bytes = world_bytes(campaign->size.seed, campaign->cluster);
        struct manifest manifest = generate_cluster(arena, &bytes, &SHAPE_DEFAULT);
        _cleanup_cluster_ struct cluster *cluster = load(arena, &manifest);
        _cleanup_cluster_ struct cluster *other = load_earlier(arena, &manifest, &bytes);

        vec_foreach (const struct node, node, &cluster->nodes)
                hold_node(campaign, arena, cluster, other, node->meta.name, &bytes);
}

static void report(const struct campaign *campaign)
{
        struct tally all = {0};

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters, %zu nodes, %zu packets\n",
                      campaign->size.seed, campaign->size.clusters, campaign->nodes,
                      campaign->packets);
        for (size_t at = 0; at < mutations_n(); at++) {
                const struct tally *tally = &campaign->tallies[at];
                print_message("%-42s %6zu faults, %6zu change a verdict, %6zu found\n",
                              mutation_at(at)->name, tally->tried, tally->changed, tally->found);
                all.tried += tally->tried;
                all.changed += tally->changed;
                all.found += tally->found;
        }
        print_message("%-42s %6zu faults, %6zu change a verdict, %6zu found\n", "all", all.tried,
                      all.changed, all.found);
}

static void every_fault_is_found(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct campaign campaign = {
            .size = run_size(CLUSTERS),
            .budget = number_from("PENSTOCK_PACKETS", BUDGET),
            .tallies = arena_new_array(arena, struct tally, mutations_n()),
        };

        for (; campaign.cluster < campaign.size.clusters; campaign.cluster++)
                hold_cluster(&campaign);
        report(&campaign);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_fault_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
