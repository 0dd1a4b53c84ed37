#include "verify/sim_run.h"

#include <string.h>

static const char *const hook_names[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

const char *sim_hook_name(enum sim_hook hook)
{
        return hook_names[hook];
}

struct base {
        const struct table *table;
        const struct chain *chain;
};

/* A step of two whose order is not known. */
struct step {
        bool (*run)(struct sim_run *run, const struct step *step, struct sim_state *state);
        struct base base;
};

/* A table that a packet may come through or not. */
static bool run_table_maybe(struct sim_run *run, const struct base *base, struct sim_state *state)
{
        struct sim_state ran = *state;
        const bool unsure = state->unsure;

        ran.unsure = true;
        if (sim_run_table(run, base->table, base->chain, &ran)) {
                sim_state_join(state, &ran);
                state->unsure = unsure;
        } else {
                state->unsure = true;
        }
        return true;
}

/* Of the nat tables the first that translates is the last. */
static bool run_base(struct sim_run *run, const struct step *step, struct sim_state *state)
{
        const struct base *base = &step->base;

        if (state->translated == YES)
                return true;
        if (state->translated == UNKNOWN)
                return run_table_maybe(run, base, state);
        return sim_run_table(run, base->table, base->chain, state);
}

/* Where one step changes what the other asks for, or a packet may not come to it, both orders are
 * run; the second is neither traced nor counted. */
static bool run_both(struct sim_run *run, const struct step *first, const struct step *second,
                     struct sim_state *state)
{
        const struct sim_state start = *state;
        struct sim_state other = start;
        const bool again = run->again;
        bool on = first->run(run, first, state);
        bool changed = !on || !sim_packet_equal(&start.packet, &state->packet);

        if (on)
                on = second->run(run, second, state);
        if (!changed && (!on || sim_packet_equal(&start.packet, &state->packet)))
                return on;
        run->again = true;
        bool other_on = second->run(run, second, &other) && first->run(run, first, &other);
        run->again = again;
        if (on && other_on)
                sim_state_join(state, &other);
        else if (other_on)
                *state = other;
        return on || other_on;
}

/* A table of this name in every ruleset. Which of two comes first is a matter of which was loaded
 * last. */
static bool run_level(struct sim_run *run, const char *name, struct sim_state *state)
{
        struct step steps[MAX_RULESETS];
        size_t n = 0;

        for (size_t i = 0; i < run->enforced->n; i++) {
                const struct table *table =
                    ruleset_table(run->enforced->rules[i], state->packet.source.family, name);
                const struct chain *chain =
                    table ? table_chain(table, hook_names[run->hook]) : NULL;
                if (chain)
                        steps[n++] = (struct step){run_base, {table, chain}};
        }
        if (n == 0)
                return true;
        if (n == 1)
                return run_base(run, &steps[0], state);
        return run_both(run, &steps[0], &steps[1], state);
}

/* In front of conntrack a packet is of no connection and so INVALID, unless the node made it in
 * answer to another, or it comes to the node itself by loopback. */
static bool run_raw(struct sim_run *run, struct sim_state *state)
{
        struct sim_packet *packet = &state->packet;
        const uint32_t given = packet->state, unknown = packet->unknown & SIM_STATE;
        const bool from_node = run->hook == HOOK_OUTPUT;
        bool maybe = unknown || (from_node ? given & (CT_ESTABLISHED | CT_RELATED)
                                           : packet->in_interface == NULL);

        if (!from_node && packet->in_interface && strcmp(packet->in_interface, "lo") == 0)
                return run_level(run, "raw", state);
        run->changed_tracking = false;
        packet->state = CT_INVALID;
        if (maybe)
                packet->unknown |= SIM_STATE;
        bool on = run_level(run, "raw", state);
        if (packet->state == CT_UNTRACKED && !(packet->unknown & SIM_STATE))
                return on;
        packet->state = given;
        packet->unknown &= ~SIM_STATE;
        packet->unknown |= run->changed_tracking ? SIM_STATE : unknown;
        return on;
}

static bool is_icmp(const struct sim_packet *packet)
{
        return packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6;
}

/* Only what begins a connection comes through the tables, once. Which of the RELATED do, nothing
 * here says; the NAT of ICMP errors follows what they are related to. */
static bool run_nat(struct sim_run *run, struct sim_state *state)
{
        struct sim_packet *packet = &state->packet;
        const bool known = !(packet->unknown & SIM_STATE);

        if (run->looped || (known && packet->state & (CT_INVALID | CT_UNTRACKED)))
                return true;
        state->translated = NO;
        if (!known || !(packet->state & CT_NEW)) {
                sim_translate_again(run, packet);
                if (known && (packet->state & CT_ESTABLISHED || is_icmp(packet)))
                        return true;
                state->translated = UNKNOWN;
        }
        bool on = run_level(run, "nat", state);
        state->translated = NO;
        return on;
}

static bool run_mangle(struct sim_run *run, struct sim_state *state)
{
        return run_level(run, "mangle", state);
}

static bool run_filter(struct sim_run *run, struct sim_state *state)
{
        return run_level(run, "filter", state);
}

static bool run_security(struct sim_run *run, struct sim_state *state)
{
        return run_level(run, "security", state);
}

static bool run_nat_step(struct sim_run *run, const struct step *step, struct sim_state *state)
{
        return run_nat(run, state);
}

static bool run_security_step(struct sim_run *run, const struct step *step, struct sim_state *state)
{
        return run_security(run, state);
}

/* iptables-nft has security behind the nat of sources, iptables-legacy in front of it. */
static bool run_end_of_input(struct sim_run *run, struct sim_state *state)
{
        static const struct step security = {.run = run_security_step}, nat = {.run = run_nat_step};

        return run_both(run, &security, &nat, state);
}

/* In the order of the kernel's priorities. */
static bool (*const levels[][5])(struct sim_run *run, struct sim_state *state) = {
    [HOOK_PREROUTING] = {run_raw, run_mangle, run_nat},
    [HOOK_INPUT] = {run_mangle, run_filter, run_end_of_input},
    [HOOK_FORWARD] = {run_mangle, run_filter, run_security},
    [HOOK_OUTPUT] = {run_raw, run_mangle, run_nat, run_filter, run_security},
    [HOOK_POSTROUTING] = {run_mangle, run_nat},
};

/* Links that the packet has not met yet, or no more. Where a forwarded packet came from, newer
 * kernels still know in POSTROUTING. */
static void hide_links(enum sim_hook hook, struct sim_packet *packet)
{
        if (hook == HOOK_PREROUTING || hook == HOOK_INPUT)
                packet->out_interface = "";
        if (hook == HOOK_OUTPUT)
                packet->in_interface = "";
        if (hook == HOOK_POSTROUTING && packet->in_interface && *packet->in_interface)
                packet->in_interface = NULL;
}

bool sim_run_hook(struct sim_run *run, enum sim_hook hook, struct sim_state *state)
{
        const char *in = state->packet.in_interface, *out = state->packet.out_interface;
        bool on = true;

        run->hook = hook;
        hide_links(hook, &state->packet);
        for (size_t i = 0; on && i < ARRAY_SIZE(levels[hook]) && levels[hook][i]; i++)
                on = levels[hook][i](run, state);
        state->packet.in_interface = in;
        state->packet.out_interface = out;
        return on;
}

struct sim_result sim_run_result(const struct sim_run *run, bool alive,
                                 const struct sim_state *state)
{
        struct sim_result result = {.outcome = OUTCOME_DROP, .packet = state->packet};
        struct sim_place place = run->drop;

        if (alive) {
                result.outcome = run->may_drop ? OUTCOME_UNKNOWN : OUTCOME_PASS;
                place = run->may_drop ? run->doubt : run->accept;
        }
        if (alive && run->may_drop && !place.table)
                place = run->drop;
        result.table = place.table;
        result.chain = place.chain;
        result.rule = place.rule;
        result.evaluated = run->evaluated;
        return result;
}

struct sim_result simulate(const struct enforced *enforced, enum sim_hook hook,
                           const struct sim_packet *packet, const struct sim_options *options)
{
        struct sim_run run = {.enforced = enforced, .options = options};
        struct sim_state state = {.packet = *packet};
        bool alive = sim_run_hook(&run, hook, &state);

        return sim_run_result(&run, alive, &state);
}

struct sim_result simulate_ruleset(const struct ruleset *ruleset, enum sim_hook hook,
                                   const struct sim_packet *packet)
{
        static const struct sim_node bare = {.known = true};
        static const struct sim_options options = {.node = &bare};
        const struct enforced enforced = enforced_of(ruleset);

        return simulate(&enforced, hook, packet, &options);
}
