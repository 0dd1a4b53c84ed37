#include "iptables/plan.h"

#include <inttypes.h>
#include <string.h>

#include "iptables/plan_sets.h"
#include "iptables/text.h"

/* A chain that differs is emptied and filled again inside the transaction, whatever stands in it:
 * no positions that somebody may have moved meanwhile, and rules that stay take their counters
 * along. Jumps are deleted by what they say, not by where they stand, for the same reason. */

/* One family's filter table of one flavour. */
struct table_plan {
        struct arena *arena;
        enum flavour flavour;
        enum family family;
        const struct table *now, *wanted; /* NULL where there is none */
        bool diff;
        struct apply_report *report;
        struct strbuf declarations, deletions, insertions, rules, removals;
};

static const struct chain *chain_of(const struct table *table, const char *name)
{
        return table ? table_chain(table, name) : NULL;
}

/* A line of the diff: "+ iptables-nft -A CHAIN …" */
static void show(struct table_plan *plan, char sign, const char *command, const char *chain,
                 const struct rule *rule)
{
        struct strbuf *diff = &plan->report->diff;

        if (!plan->diff)
                return;
        strbuf_printf(diff, "%c %s %s %s", sign, flavour_tool(plan->flavour, plan->family, ""),
                      command, chain);
        if (rule)
                iptables_print_rule(plan->family, rule, diff);
        strbuf_add_char(diff, '\n');
}

static void print_rule(struct table_plan *plan, const char *command, const char *chain,
                       const struct rule *rule, struct counters counters, struct strbuf *out)
{
        if (counters.packets)
                strbuf_printf(out, "[%" PRIu64 ":%" PRIu64 "] ", counters.packets, counters.bytes);
        strbuf_printf(out, "%s %s", command, chain);
        iptables_print_rule(plan->family, rule, out);
        strbuf_add_char(out, '\n');
        plan->report->rules_sent++;
}

/* Which rule of a chain each rule of another one is: the next equal one behind the last found, so
 * that what is left over on either side is what a diff shows. */
static size_t find_rule(const struct chain *chain, size_t from, const struct rule *rule)
{
        size_t i = from;

        while (i < chain->rules.n && !rule_equal(&chain->rules.items[i], rule))
                i++;
        return i;
}

static void show_changes(struct table_plan *plan, const struct chain *now,
                         const struct chain *wanted)
{
        static const struct chain none;
        const struct chain *old = now ? now : &none, *new = wanted ? wanted : &none;
        size_t at = 0;

        if (!plan->diff)
                return;
        vec_foreach (const struct rule, rule, &new->rules) {
                size_t found = find_rule(old, at, rule);
                if (found == old->rules.n) {
                        show(plan, '+', "-A", new->name, rule);
                        continue;
                }
                while (at < found)
                        show(plan, '-', "-A", old->name, &old->rules.items[at++]);
                at++;
        }
        while (at < old->rules.n)
                show(plan, '-', "-A", old->name, &old->rules.items[at++]);
}

struct counters plan_counters(const struct chain *now, size_t *at, const struct rule *rule)
{
        size_t found;

        if (!now || now->rules.n == 0)
                return rule->counters;
        found = find_rule(now, *at, rule);
        if (found == now->rules.n)
                found = find_rule(now, 0, rule);
        if (found == now->rules.n)
                return rule->counters;
        *at = found + 1;
        return now->rules.items[found].counters;
}

static void declare(struct table_plan *plan, const char *name)
{
        strbuf_printf(&plan->declarations, ":%s - [0:0]\n", name);
}

static void fill_chain(struct table_plan *plan, const struct chain *now, const struct chain *wanted)
{
        size_t at = 0;

        declare(plan, wanted->name);
        vec_foreach (const struct rule, rule, &wanted->rules)
                print_rule(plan, "-A", wanted->name, rule, plan_counters(now, &at, rule),
                           &plan->rules);
}

static void plan_wanted_chain(struct table_plan *plan, const struct chain *wanted)
{
        const struct chain *now = chain_of(plan->now, wanted->name);

        if (now && chain_rules_equal(now, wanted))
                return;
        if (now)
                plan->report->chains_changed++;
        else
                plan->report->chains_added++;
        if (!now)
                show(plan, '+', "-N", wanted->name, NULL);
        show_changes(plan, now, wanted);
        fill_chain(plan, now, wanted);
}

const struct chain *plan_reference(const struct table *table, const char *name)
{
        vec_foreach (const struct chain, chain, &table->chains) {
                if (is_own_chain(chain->name) || chain_is_builtin(chain->name))
                        continue;
                vec_foreach (const struct rule, rule, &chain->rules)
                        if (leads_to_own(rule) && strcmp(rule->target.text, name) == 0)
                                return chain;
        }
        return NULL;
}

static void plan_stale_chain(struct table_plan *plan, const struct chain *now)
{
        const struct chain *reference = plan_reference(plan->now, now->name);

        if (reference)
                strbuf_printf(&plan->report->notes,
                              "chain %s (%s) is no longer needed, but a rule of chain %s leads "
                              "into it: it is left empty\n",
                              now->name, flavour_tool(plan->flavour, plan->family, ""),
                              reference->name);
        if (reference && now->rules.n == 0)
                return;
        show_changes(plan, now, NULL);
        declare(plan, now->name);
        if (reference) {
                plan->report->chains_changed++;
                return;
        }
        show(plan, '-', "-N", now->name, NULL);
        strbuf_printf(&plan->removals, "-X %s\n", now->name);
        plan->report->chains_removed++;
}

/* One of penstock's jumps in a built-in chain. */
struct jump {
        size_t position; /* that it has or is to have, from 1 */
        const struct rule *rule;
};

typedef VEC(struct jump) jump_list;

static jump_list jumps_of(struct arena *arena, const struct chain *chain)
{
        jump_list jumps = {0};

        for (size_t i = 0; chain && i < chain->rules.n; i++) {
                struct jump jump = {i + 1, &chain->rules.items[i]};
                if (is_own_jump(chain, jump.rule))
                        vec_push(arena, &jumps, jump);
        }
        return jumps;
}

static bool jumps_equal(const jump_list *a, const jump_list *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->items[i].position != b->items[i].position ||
                    !rule_equal(a->items[i].rule, b->items[i].rule))
                        return false;
        return true;
}

/* All of them are taken out and those that are wanted put in, from the top down, so that each comes
 * to stand at its position. */
static void plan_jumps(struct table_plan *plan, const char *name)
{
        const struct chain *now = chain_of(plan->now, name);
        jump_list old = jumps_of(plan->arena, now);
        jump_list new = jumps_of(plan->arena, chain_of(plan->wanted, name));
        size_t at = 0;

        if (jumps_equal(&old, &new))
                return;
        vec_foreach (const struct jump, jump, &old) {
                show(plan, '-', "-A", name, jump->rule);
                strbuf_printf(&plan->deletions, "-D %s", name);
                iptables_print_rule(plan->family, jump->rule, &plan->deletions);
                strbuf_add_char(&plan->deletions, '\n');
        }
        vec_foreach (const struct jump, jump, &new) {
                const char *to = arena_printf(plan->arena, "%s %zu", name, jump->position);
                show(plan, '+', "-I", to, jump->rule);
                print_rule(plan, "-I", to, jump->rule, plan_counters(now, &at, jump->rule),
                           &plan->insertions);
        }
        plan->report->chains_changed++;
}

static void plan_chains(struct table_plan *plan)
{
        static const char *const hooks[] = {"INPUT", "FORWARD", "OUTPUT"};

        if (plan->wanted)
                vec_foreach (const struct chain, chain, &plan->wanted->chains)
                        if (is_own_chain(chain->name))
                                plan_wanted_chain(plan, chain);
        if (plan->now)
                vec_foreach (const struct chain, chain, &plan->now->chains)
                        if (is_own_chain(chain->name) && !chain_of(plan->wanted, chain->name))
                                plan_stale_chain(plan, chain);
        for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
                plan_jumps(plan, hooks[i]);
}

static void finish_table(struct table_plan *plan, struct strbuf *out)
{
        struct strbuf *parts[] = {&plan->declarations, &plan->deletions, &plan->insertions,
                                  &plan->rules, &plan->removals};
        size_t length = 0;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                length += parts[i]->length;
        if (length > 0)
                strbuf_add(out, "*filter\n");
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                strbuf_add_bytes(out, strbuf_text(parts[i]), parts[i]->length);
                strbuf_done(parts[i]);
        }
        if (length > 0)
                strbuf_add(out, "COMMIT\n");
}

static const struct table *filter_of(const struct ruleset *ruleset, enum family family)
{
        return ruleset ? ruleset_table(ruleset, family, "filter") : NULL;
}

enum sets_turn sets_turn_back(enum sets_turn turn)
{
        static const enum sets_turn back[] = {
            [SETS_AROUND] = SETS_AROUND,
            [SETS_GROW_LAST] = SETS_SHRINK_FIRST,
            [SETS_SHRINK_FIRST] = SETS_GROW_LAST,
        };

        return back[turn];
}

void plan_make(const struct installed *installed, const struct wanted *wanted, bool diff,
               struct apply_report *report, struct plan *ret)
{
        _cleanup_arena_ struct arena *arena = arena_new();

        *ret = (struct plan){.turn = wanted->turn};
        plan_sets(arena, installed, wanted, diff, report, ret);
        for (unsigned i = 0; i < FLAVOURS * FAMILIES; i++) {
                enum flavour flavour = i / FAMILIES;
                enum family family = i % FAMILIES;
                struct table_plan plan = {
                    .arena = arena,
                    .flavour = flavour,
                    .family = family,
                    .now = filter_of(installed->rules[flavour], family),
                    .wanted = filter_of(wanted->rules[flavour], family),
                    .diff = diff,
                    .report = report,
                };
                if (!installed->families[family])
                        continue;
                plan_chains(&plan);
                finish_table(&plan, &ret->rules[flavour][family]);
        }
}

bool plan_has_rules(const struct plan *plan)
{
        for (unsigned i = 0; i < FLAVOURS * FAMILIES; i++)
                if (plan->rules[i / FAMILIES][i % FAMILIES].length > 0)
                        return true;
        return false;
}

bool plan_has_steps(const struct plan *plan)
{
        return plan_has_rules(plan) || plan->before.length > 0 || plan->after.length > 0 ||
               plan->destroy.length > 0;
}

void plan_done(struct plan *plan)
{
        strbuf_done(&plan->before);
        for (unsigned i = 0; i < FLAVOURS * FAMILIES; i++)
                strbuf_done(&plan->rules[i / FAMILIES][i % FAMILIES]);
        strbuf_done(&plan->after);
        strbuf_done(&plan->destroy);
}
