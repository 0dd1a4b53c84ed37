#include "../unit/unit.h"

#include <inttypes.h>

#include "every_node.h"
#include "minimise.h"
#include "packets.h"
#include "reach.h"
#include "world.h"

/* The reference and the compiled rulesets of all nodes say the same of every packet. */

#define CLUSTERS 300
#define PACKETS  1200 /* of each cluster */

/* One way to compile, and a packet. */
struct attempt {
        struct policy_options options;
        enum deny_action deny;
        struct packet packet;
};

struct answer {
        bool reference;
        enum outcome outcome;
};

static bool agree(struct answer answer)
{
        return answer.outcome == (answer.reference ? OUTCOME_PASS : OUTCOME_DROP);
}

/* False where the manifest is refused. */
static bool answer_for(const struct manifest *manifest, const struct attempt *attempt,
                       struct answer *ret)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        const char *problem;
        _cleanup_cluster_ struct cluster *cluster = world_load(arena, manifest, &problem);
        struct err err;

        if (!cluster)
                return false;
        const struct every_node *every = every_node_compile(
            arena, cluster, attempt->options.own_node_egress, attempt->deny, &err);
        if (!every)
                return false;
        ret->reference = policy_allows(cluster, &attempt->options, &attempt->packet);
        ret->outcome = every_node_judge(every, &attempt->packet);
        return true;
}

static bool still_differs(const struct manifest *manifest, void *data)
{
        struct answer answer;

        return answer_for(manifest, data, &answer) && !agree(answer);
}

static void report(struct arena *arena, struct manifest *manifest, struct attempt *attempt,
                   uint64_t seed, unsigned i)
{
        static const char *const outcomes[] = {
            [OUTCOME_PASS] = "allowed", [OUTCOME_DROP] = "denied", [OUTCOME_UNKNOWN] = "unknown"};
        _cleanup_strbuf_ struct strbuf text = {0};
        struct answer answer;

        manifest_minimise(manifest, still_differs, attempt);
        manifest->style = MANIFEST_YAML;
        manifest_print(manifest, &text);
        assert_true(answer_for(manifest, attempt, &answer));
        fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u%s%s, packet %s: the reference says %s, the "
                 "rulesets say %s:\n%s",
                 seed, i, attempt->options.own_node_egress ? ", own-node egress by policy" : "",
                 attempt->deny == DENY_REJECT ? ", reject" : "",
                 packet_text(arena, &attempt->packet), answer.reference ? "allowed" : "denied",
                 outcomes[answer.outcome], strbuf_text(&text));
}

/* What connections are cut by: each node judges by its own rules, and no other's. */
static void hold_nodes(const struct cluster *cluster, const struct every_node *every,
                       const struct attempt *attempt, uint64_t seed, unsigned i)
{
        vec_foreach (const struct node_rules, node, &every->nodes) {
                struct policy_options options = attempt->options;
                options.node = node->name;
                struct answer answer = {policy_allows(cluster, &options, &attempt->packet),
                                        node_rules_judge(node, &attempt->packet)};
                _cleanup_arena_ struct arena *arena = agree(answer) ? NULL : arena_new();
                if (arena)
                        fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u%s, packet %s: for node "
                                 "\"%s\" alone the reference says %s, its ruleset does not",
                                 seed, i,
                                 options.own_node_egress ? ", own-node egress by policy" : "",
                                 packet_text(arena, &attempt->packet), node->name,
                                 answer.reference ? "allowed" : "denied");
        }
}

static void refuse(struct manifest *manifest, const char *problem)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        manifest_print(manifest, &text);
        fail_msg("a valid manifest is refused: %s\n%s", problem, strbuf_text(&text));
}

/* Both settings of own-node egress for each packet; the deny action by turns. */
static void hold_cluster(uint64_t seed, unsigned i, struct reach *reach)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        struct bytes bytes = world_bytes(seed, i);
        struct manifest manifest = world_generate(arena, &bytes, i);
        const char *problem = NULL;
        _cleanup_cluster_ struct cluster *cluster = world_load(arena, &manifest, &problem);
        const struct every_node *every[2];
        struct attempt attempt = {.deny = i % 2 ? DENY_REJECT : DENY_DROP};
        struct err err;

        if (!cluster)
                refuse(&manifest, problem);
        for (int own = 0; own < 2; own++) {
                every[own] = every_node_compile(arena, cluster, own, attempt.deny, &err);
                assert_non_null(every[own]);
        }
        struct packet_pool pool = packet_pool_of(arena, cluster);
        for (unsigned n = 0; n < PACKETS; n++) {
                attempt.packet = packet_pool_draw(&pool, &bytes);
                attempt.options.own_node_egress = n % 2;
                arena_reset(scratch);
                struct verdict verdict =
                    policy_verdict(scratch, cluster, &attempt.options, &attempt.packet);
                struct answer answer = {verdict.allowed,
                                        every_node_judge(every[n % 2], &attempt.packet)};
                if (!agree(answer) ||
                    verdict.allowed != policy_allows(cluster, &attempt.options, &attempt.packet))
                        report(arena, &manifest, &attempt, seed, i);
                hold_nodes(cluster, every[n % 2], &attempt, seed, i);
                reach_count(reach, &verdict);
        }
}

static void reference_and_rulesets_agree(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        _cleanup_strbuf_ struct strbuf summary = {0};
        struct reach reach = {0};

        for (unsigned i = 0; i < size.clusters; i++)
                hold_cluster(size.seed, i, &reach);
        reach_print(&reach, &summary);
        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters, %s\n", size.seed, size.clusters,
                      strbuf_text(&summary));
        const char *lacking = reach_lacking(&reach);
        if (lacking && size.clusters >= CLUSTERS)
                fail_msg("no packet was decided by %s: the generator has lost its reach", lacking);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(reference_and_rulesets_agree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
