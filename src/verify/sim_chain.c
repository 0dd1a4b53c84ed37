#include "verify/sim_run.h"

#include <string.h>

/* One packet through the chains of one table. */

/* No ruleset that a kernel took nests deeper: nf_tables refuses more than 16 jumps, and loops are
 * refused by both. What was never in a kernel may. */
#define MAX_DEPTH 64

static enum truth rule_matches(const struct sim_run *run, const struct rule *rule,
                               const struct sim_packet *packet)
{
        enum truth all = YES;

        vec_foreach (const struct match, match, &rule->matches) {
                enum truth truth = sim_match(run->enforced->sets, match, packet, run->options);
                if (truth == NO)
                        return NO;
                if (truth == UNKNOWN)
                        all = UNKNOWN;
        }
        return all;
}

static void blame(struct sim_run *run, const struct sim_state *state)
{
        if (state->doubt.table && !run->ends.doubt.table)
                run->ends.doubt = state->doubt;
}

static void end_drop(struct sim_run *run, const struct sim_state *state, struct sim_place place)
{
        struct sim_ends *ends = &run->ends;

        blame(run, state);
        ends->n++;
        ends->dropped = true;
        ends->drop = place;
}

/* The filter's word counts for people, where other tables accept as well. */
static bool is_of_filter(const struct table *table)
{
        return strcmp(table->name, "filter") == 0 || strcmp(table->name, "security") == 0;
}

static void end_pass(struct sim_run *run, const struct sim_state *state, struct sim_place place)
{
        struct sim_ends *ends = &run->ends;

        blame(run, state);
        ends->n++;
        if (ends->passed)
                sim_state_join(&ends->pass, state);
        else
                ends->pass = *state;
        ends->passed = true;
        if (place.rule && place.rule->target.kind == TARGET_ACCEPT &&
            (is_of_filter(place.table) || !run->accept.table))
                run->accept = place;
}

/* Anything may come of it, and any packet with it. */
static void give_up(struct sim_run *run, struct sim_state *state, struct sim_place place)
{
        if (!state->doubt.table)
                state->doubt = place;
        sim_packet_forget(&state->packet);
        run->changed_tracking = true;
        end_drop(run, state, place);
        end_pass(run, state, place);
}

/* Packets that return from a chain before its end. */
struct exits {
        bool any;
        struct sim_state state;
};

static void leave(struct exits *exits, const struct sim_state *state)
{
        if (exits->any)
                sim_state_join(&exits->state, state);
        else
                exits->state = *state;
        exits->any = true;
}

/* False where nothing comes back. */
static bool run_chain(struct sim_run *run, const struct chain *chain, struct sim_state *state);

static bool enter(struct sim_run *run, struct sim_place from, struct sim_state *state)
{
        const struct chain *to = table_chain(run->table, from.rule->target.text);

        if (!to || run->depth == MAX_DEPTH || run->met > SIM_MAX_RULES) {
                give_up(run, state, from);
                return false;
        }
        run->depth++;
        bool back = run_chain(run, to, state);
        run->depth--;
        return back;
}

static bool is_nat(const struct table *table)
{
        return strcmp(table->name, "nat") == 0;
}

static bool translate(struct sim_run *run, struct sim_place here, struct sim_state *state)
{
        if (!is_nat(run->table) || !sim_translate(run, &here.rule->target, state)) {
                if (!state->doubt.table)
                        state->doubt = here;
                end_drop(run, state, here);
        }
        end_pass(run, state, here);
        return false;
}

/* What the rule's target does to a packet that matches. False where it does not go on to the next
 * rule. */
static bool take(struct sim_run *run, struct sim_place here, struct sim_state *state,
                 struct exits *exits)
{
        switch (here.rule->target.kind) {
        case TARGET_NONE:
                return true;
        case TARGET_ACCEPT:
                end_pass(run, state, here);
                return false;
        case TARGET_DROP:
        case TARGET_REJECT:
                end_drop(run, state, here);
                return false;
        case TARGET_RETURN:
                leave(exits, state);
                return false;
        case TARGET_JUMP:
                return enter(run, here, state);
        case TARGET_GOTO:
                if (enter(run, here, state))
                        leave(exits, state);
                return false;
        case TARGET_NOTRACK:
                run->changed_tracking = true;
                sim_change(&here.rule->target, &state->packet);
                return true;
        case TARGET_MARK:
        case TARGET_CONNMARK:
        case TARGET_ASIDE:
                sim_change(&here.rule->target, &state->packet);
                return true;
        case TARGET_DNAT:
        case TARGET_SNAT:
        case TARGET_REDIRECT:
        case TARGET_MASQUERADE:
                return translate(run, here, state);
        case TARGET_BEYOND:
                if (sim_change_more(&here.rule->target, &state->packet))
                        return true;
                if (is_nat(run->table) && sim_translate_net(run, &here.rule->target, state)) {
                        end_pass(run, state, here);
                        return false;
                }
                break;
        case TARGET_UNKNOWN:
                break;
        }
        give_up(run, state, here);
        return true;
}

/* The rule may match: the packet goes on behind it, and where its target leads. */
static void take_both(struct sim_run *run, struct sim_place here, struct sim_state *state,
                      struct exits *exits)
{
        struct sim_state taken = *state;
        const unsigned ends = run->ends.n;

        if (!taken.doubt.table)
                taken.doubt = here;
        bool on = take(run, here, &taken, exits);
        if (!state->doubt.table && (!on || run->ends.n != ends))
                state->doubt = here;
        if (on)
                sim_packet_join(&state->packet, &taken.packet);
}

static void trace(const struct sim_run *run, struct sim_place here, enum truth truth,
                  const struct sim_state *state)
{
        const struct sim_options *options = run->options;

        if (!options || !options->trace || run->again)
                return;
        if (state->unsure || state->doubt.table)
                truth = UNKNOWN;
        options->trace(here.table, here.chain, here.rule, truth, options->trace_data);
}

/* A rule at which the packet has arrived. False where it does not go on to the next one. */
static bool meet(struct sim_run *run, struct sim_place here, struct sim_state *state,
                 struct exits *exits)
{
        enum truth truth = rule_matches(run, here.rule, &state->packet);

        run->met++;
        run->evaluated += !run->again;
        if (truth == NO)
                return true;
        trace(run, here, truth, state);
        if (truth == YES)
                return take(run, here, state, exits);
        take_both(run, here, state, exits);
        return true;
}

static bool run_chain(struct sim_run *run, const struct chain *chain, struct sim_state *state)
{
        const struct sim_place doubt = state->doubt;
        const unsigned ends = run->ends.n;
        struct exits exits;
        bool on = true;

        exits.any = false;
        vec_foreach (const struct rule, rule, &chain->rules) {
                on = meet(run, (struct sim_place){run->table, chain, rule}, state, &exits);
                if (!on)
                        break;
        }
        if (exits.any) {
                if (on)
                        sim_state_join(&exits.state, state);
                *state = exits.state;
        }
        if (run->ends.n == ends) /* all of it came out again, whichever way */
                state->doubt = doubt;
        return on || exits.any;
}

bool sim_run_table(struct sim_run *run, const struct table *table, const struct chain *chain,
                   struct sim_state *state)
{
        const struct sim_place policy = {table, chain, NULL};
        struct sim_ends *ends = &run->ends;

        run->table = table;
        ends->n = 0;
        ends->passed = ends->dropped = false;
        ends->doubt = state->doubt = (struct sim_place){0};
        if (run_chain(run, chain, state)) {
                if (chain_drops(chain))
                        end_drop(run, state, policy);
                else
                        end_pass(run, state, policy);
        }
        if (ends->dropped) {
                run->may_drop = true;
                run->drop = ends->drop;
                if (ends->passed && !run->doubt.table)
                        run->doubt = ends->doubt;
        }
        if (!ends->passed)
                return false;
        bool unsure = state->unsure || ends->dropped;
        *state = ends->pass;
        state->unsure = unsure;
        return true;
}
