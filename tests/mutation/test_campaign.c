#include "../unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "judge.h"
#include "mutate.h"
#include "world.h"

/* Faults, one at a time, in what is installed: each that changes a verdict is found, with a packet
 * that comes true, and each that changes none is called equal. What changes a verdict is for the
 * judge to say, by running every packet. */

#define CLUSTERS          3
#define COMPILED_CLUSTERS 20 /* the last one is crowded */
#define ROUNDS            1  /* of all kinds of fault, at each node */
/* Packets of each mutant; all of them where there are no more. */
#define BUDGET         6000
#define MAX_COMPLAINTS 20 /* in words; the rest is counted */

static const char *const kind_names[FINDING_KINDS] = {"open", "shut", "shut by others", "unproven"};

static unsigned long number_from(const char *name, unsigned long otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

struct tally {
        size_t tried, changed, found, missed, false_alarms;
};

struct campaign {
        struct run_size size;
        unsigned cluster;
        size_t budget;
        struct tally *tallies; /* by mutation */
        size_t packets, nodes, complaints;
        const struct mutant *complained_of;
};

/* A node's rules as they should be, and as they were when the cluster was another. */
struct subject_node {
        const char *name;
        struct policy_options options;
        struct judge judge;
        const struct ruleset *installed, *stale;
};

/* All of them, before the test fails: a campaign takes minutes. */
static void __attribute__((format(printf, 5, 6)))
complain(struct campaign *campaign, const struct subject_node *node,
         const struct mutation *mutation, const struct mutant *mutant, const char *format, ...)
{
        char text[1000];
        va_list args;

        if (mutant == campaign->complained_of)
                return; /* once of each */
        campaign->complained_of = mutant;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (campaign->complaints++ < MAX_COMPLAINTS)
                print_message("PENSTOCK_SEED=%" PRIu64
                              ", cluster %u, node %s%s: %s\n        %s\n        %s\n",
                              campaign->size.seed, campaign->cluster, node->name,
                              node->options.own_node_egress ? ", own-node egress by policy" : "",
                              text, mutation ? mutation->name : "no fault",
                              mutation ? mutant->what : "");
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

        if (bytes_chance(bytes, 50))
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

struct answers {
        struct judgement judged;
        struct proof proof;
};

static bool differs(const size_t counts[FINDING_KINDS])
{
        for (size_t kind = 0; kind < FINDING_KINDS; kind++)
                if (counts[kind] > 0)
                        return true;
        return false;
}

/* Each packet that the prover shows is run by the judge. */
static void hold_finding(struct campaign *campaign, const struct subject_node *node,
                         const struct mutation *mutation, const struct mutant *mutant,
                         struct arena *arena, const struct enforced *enforced,
                         const struct finding *finding)
{
        enum finding_kind kind;
        const char *text = sim_packet_text(arena, &node->judge, &finding->packet);

        if (judge_hook(&node->judge, &finding->packet) != finding->hook)
                complain(campaign, node, mutation, mutant, "not at %s: %s",
                         sim_hook_name(finding->hook), text);
        else if (!judge_finds(&node->judge, enforced, &finding->packet, finding->chance, &kind))
                complain(campaign, node, mutation, mutant, "called %s, and is as it should be: %s",
                         kind_names[finding->kind], text);
        else if (kind != finding->kind)
                complain(campaign, node, mutation, mutant, "called %s, and is %s: %s",
                         kind_names[finding->kind], kind_names[kind], text);
}

static const char *example_of(struct arena *arena, const struct subject_node *node,
                              const struct proof *proof, enum finding_kind kind)
{
        vec_foreach (const struct finding, finding, &proof->findings)
                if (finding->kind == kind)
                        return sim_packet_text(arena, &node->judge, &finding->packet);
        return "none";
}

/* Where the judge ran but some packets, the prover may have found more. */
static void hold_kinds(struct campaign *campaign, const struct subject_node *node,
                       const struct mutation *mutation, const struct mutant *mutant,
                       struct arena *arena, const struct answers *answers)
{
        for (size_t kind = 0; kind < FINDING_KINDS; kind++) {
                const struct sim_packet *example = &answers->judged.examples[kind];
                bool judged = answers->judged.counts[kind] > 0,
                     proved = answers->proof.counts[kind] > 0;
                if (judged && !proved)
                        complain(campaign, node, mutation, mutant, "missed as %s: %s",
                                 kind_names[kind], sim_packet_text(arena, &node->judge, example));
                if (proved && !judged && answers->judged.whole)
                        complain(campaign, node, mutation, mutant, "%s, but no packet is: %s",
                                 kind_names[kind],
                                 example_of(arena, node, &answers->proof, (enum finding_kind)kind));
        }
}

/* False where the prover gives up. */
static bool ask_both(struct campaign *campaign, const struct subject_node *node,
                     const struct mutation *mutation, const struct mutant *mutant,
                     struct arena *arena, const struct enforced *enforced, struct bytes *bytes,
                     struct answers *ret)
{
        const struct prove_options options = {.node = node->name,
                                              .own_node_egress = node->options.own_node_egress,
                                              .node_facts = node->judge.facts};
        struct universe universe = universe_of(arena, node->judge.cluster, enforced);
        struct err err;

        ret->judged = judge_universe(&node->judge, enforced, &universe, bytes, campaign->budget);
        campaign->packets += ret->judged.packets;
        if (prove(arena, node->judge.cluster, enforced, &options, &ret->proof, &err) < 0) {
                complain(campaign, node, mutation, mutant, "%s", err.text);
                return false;
        }
        hold_kinds(campaign, node, mutation, mutant, arena, ret);
        vec_foreach (const struct finding, finding, &ret->proof.findings)
                if (!finding->doubt) /* else its packet alone shows nothing */
                        hold_finding(campaign, node, mutation, mutant, arena, enforced, finding);
        return true;
}

static void hold_mutant(struct campaign *campaign, const struct subject_node *node,
                        struct bytes *bytes, size_t at)
{
        const struct mutation *mutation = mutation_at(at);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct tally *tally = &campaign->tallies[at];
        struct mutant mutant;

        campaign->complained_of = NULL;
        if (!mutate(arena, bytes, node, mutation, &mutant))
                return;
        const struct ruleset *read = as_read(arena, bytes, mutant.ruleset);
        const struct enforced enforced = {.rules = {read, mutant.beside}, .n = 2, .sets = read};
        struct answers answers;
        if (!ask_both(campaign, node, mutation, &mutant, arena, &enforced, bytes, &answers))
                return;
        bool changed = differs(answers.judged.counts), found = differs(answers.proof.counts);
        tally->tried++;
        tally->changed += changed;
        tally->found += changed && found;
        tally->missed += changed && !found;
        if (answers.judged.whole && found && !changed)
                tally->false_alarms++;
        if ((changed || found) && mutation->harmless)
                complain(campaign, node, mutation, &mutant, "changes a verdict");
}

static void hold_faultless(struct campaign *campaign, const struct subject_node *node,
                           struct arena *arena, struct bytes *bytes)
{
        const struct enforced enforced = enforced_of(node->installed);
        struct answers answers;

        if (ask_both(campaign, node, NULL, NULL, arena, &enforced, bytes, &answers) &&
            (differs(answers.judged.counts) || differs(answers.proof.counts)))
                complain(campaign, node, NULL, NULL, "what was compiled is not equal");
}

static void hold_node(struct campaign *campaign, struct arena *arena, const struct cluster *cluster,
                      const struct cluster *other, const char *name, struct bytes *bytes)
{
        const char *only = getenv("PENSTOCK_FAULT"); /* by name */
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
        for (size_t round = 0; round < number_from("PENSTOCK_ROUNDS", ROUNDS); round++)
                for (size_t at = 0; at < mutations_n(); at++)
                        if (!only || strcmp(only, mutation_at(at)->name) == 0)
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

static void report_tally(const char *name, const struct tally *tally)
{
        print_message("%-40s %6zu faults, %6zu change a verdict: %6zu found, %zu missed; %zu false "
                      "alarms\n",
                      name, tally->tried, tally->changed, tally->found, tally->missed,
                      tally->false_alarms);
}

static void report(const struct campaign *campaign)
{
        struct tally all = {0};

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters, %zu nodes, %zu packets\n",
                      campaign->size.seed, campaign->size.clusters, campaign->nodes,
                      campaign->packets);
        for (size_t at = 0; at < mutations_n(); at++) {
                const struct tally *tally = &campaign->tallies[at];
                report_tally(mutation_at(at)->name, tally);
                all.tried += tally->tried;
                all.changed += tally->changed;
                all.found += tally->found;
                all.missed += tally->missed;
                all.false_alarms += tally->false_alarms;
        }
        report_tally("all", &all);
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
        if (campaign.complaints > 0)
                fail_msg("the prover and the judge differ %zu times", campaign.complaints);
}

static void hold_compiled(struct arena *arena, const struct cluster *cluster, const char *name,
                          bool own_node_egress, enum deny_action deny, uint64_t seed, unsigned i)
{
        const struct policy_options policy = {.node = name, .own_node_egress = own_node_egress};
        const struct prove_options options = {.node = name, .own_node_egress = own_node_egress};
        const struct enforced enforced = enforced_of(install(arena, cluster, &policy, deny));
        struct proof proof;
        struct err err;

        if (prove(arena, cluster, &enforced, &options, &proof, &err) < 0)
                fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u, node %s: %s", seed, i, name,
                         err.text);
        if (differs(proof.counts))
                fail_msg("PENSTOCK_SEED=%" PRIu64
                         ", cluster %u, node %s%s%s: open %zu, shut %zu, by others %zu, unproven "
                         "%zu",
                         seed, i, name, own_node_egress ? ", own-node egress by policy" : "",
                         deny == DENY_REJECT ? ", reject" : "", proof.counts[FINDING_OPEN],
                         proof.counts[FINDING_SHUT], proof.counts[FINDING_SHUT_BY_OTHERS],
                         proof.counts[FINDING_UNPROVEN]);
}

/* Every node, compiled in every way. */
static void what_is_compiled_is_proven_equal(void **state)
{
        struct run_size size = run_size(COMPILED_CLUSTERS);

        for (unsigned i = 0; i < size.clusters; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct bytes bytes = world_bytes(size.seed, i);
                struct manifest manifest = world_generate(arena, &bytes, i);
                _cleanup_cluster_ struct cluster *cluster = load(arena, &manifest);
                vec_foreach (const struct node, node, &cluster->nodes)
                        for (unsigned way = 0; way < 4; way++)
                                hold_compiled(arena, cluster, node->meta.name, way & 1,
                                              way & 2 ? DENY_REJECT : DENY_DROP, size.seed, i);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_compiled_is_proven_equal),
            cmocka_unit_test(every_fault_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
