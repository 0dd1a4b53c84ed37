#include "verify/simulate.h"

#include <string.h>

#include "verify/set_test.h"

#define MAX_DEPTH 64 /* the kernel's own limit is 16 nested jumps in nf_tables */

struct run {
        const struct ruleset *sets;
        const struct table *table;
        const struct sim_packet *packet;
        const struct sim_options *options;
        struct sim_result result;
        unsigned depth;
};

static enum truth rule_matches(const struct run *run, const struct rule *rule)
{
        enum truth all = YES;

        vec_foreach (const struct match, match, &rule->matches) {
                enum truth truth = sim_match(run->sets, match, run->packet, run->options);
                if (truth == NO)
                        return NO;
                if (truth == UNKNOWN)
                        all = UNKNOWN;
        }
        return all;
}

/* True where the packet's fate is decided; false where it fell off the end or returned. */
static bool run_chain(struct run *run, const struct chain *chain);

static bool decide(struct run *run, const struct chain *chain, const struct rule *rule,
                   enum outcome outcome)
{
        run->result.outcome = outcome;
        run->result.table = run->table;
        run->result.chain = chain;
        run->result.rule = rule;
        return true;
}

static bool enter(struct run *run, const struct chain *from, const struct rule *rule)
{
        const struct chain *to = table_chain(run->table, rule->target.text);

        if (!to || run->depth == MAX_DEPTH)
                return decide(run, from, rule, OUTCOME_UNKNOWN);
        run->depth++;
        bool decided = run_chain(run, to);
        run->depth--;
        return decided;
}

static bool run_chain(struct run *run, const struct chain *chain)
{
        vec_foreach (const struct rule, rule, &chain->rules) {
                run->result.evaluated++;
                enum truth truth = rule_matches(run, rule);
                if (truth == NO || rule->target.kind == TARGET_NONE)
                        continue;
                if (truth == UNKNOWN)
                        return decide(run, chain, rule, OUTCOME_UNKNOWN);
                switch (rule->target.kind) {
                case TARGET_ACCEPT:
                        return decide(run, chain, rule, OUTCOME_PASS);
                case TARGET_DROP:
                case TARGET_REJECT:
                        return decide(run, chain, rule, OUTCOME_DROP);
                case TARGET_RETURN:
                        return false;
                case TARGET_JUMP:
                        if (enter(run, chain, rule))
                                return true;
                        continue;
                case TARGET_GOTO:
                        return enter(run, chain, rule);
                case TARGET_NONE:
                        continue;
                default:
                        return decide(run, chain, rule, OUTCOME_UNKNOWN);
                }
        }
        return false;
}

const char *sim_hook_name(enum sim_hook hook)
{
        static const char *const names[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                            "POSTROUTING"};

        return names[hook];
}

struct sim_result simulate(const struct enforced *enforced, enum sim_hook hook,
                           const struct sim_packet *packet, const struct sim_options *options)
{
        struct run run = {
            .sets = enforced->sets,
            .table = ruleset_table(enforced->rules[0], packet->source.family, "filter"),
            .packet = packet,
            .options = options,
        };
        const struct chain *chain = run.table ? table_chain(run.table, sim_hook_name(hook)) : NULL;

        run.result.packet = *packet;
        if (!chain || run_chain(&run, chain))
                return run.result;
        if (chain->policy && strcmp(chain->policy, "DROP") == 0)
                decide(&run, chain, NULL, OUTCOME_DROP);
        return run.result;
}

struct sim_result simulate_ruleset(const struct ruleset *ruleset, enum sim_hook hook,
                                   const struct sim_packet *packet)
{
        static const struct sim_node bare = {.known = true};
        static const struct sim_options options = {.node = &bare};
        const struct enforced enforced = enforced_of(ruleset);

        return simulate(&enforced, hook, packet, &options);
}
