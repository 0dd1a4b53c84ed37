#include "verify/sim_address.h"
#include "verify/sim_run.h"

#include <string.h>

/* The hooks that one packet meets, with what the kernel does in between: it asks its routes, and
 * forwards with a hop less. */

static bool may_drop(struct sim_run *run, bool surely)
{
        run->may_drop = true;
        run->drop = (struct sim_place){0};
        return !surely;
}

static bool goes_elsewhere(const struct sim_packet *packet, const struct sim_packet *before)
{
        return packet->unknown & SIM_DESTINATION ||
               !ip_equal(&packet->destination, &before->destination);
}

/* Broadcasts end here as well. What goes to many ends here, is forwarded, or both, by who listens.
 */
static enum truth is_for_node(const struct sim_run *run, const struct sim_state *state)
{
        const struct sim_node *node = run->options ? run->options->node : NULL;
        const struct ip *ip = &state->packet.destination;

        if (state->redirected)
                return YES;
        if (state->packet.unknown & SIM_DESTINATION ||
            sim_address_is_of_type(node, ip, ADDRESS_MULTICAST, false) == YES)
                return UNKNOWN;
        return ip->family == FAMILY_IPV4
                   ? sim_address_is_of_type(node, ip, ADDRESS_LOCAL | ADDRESS_BROADCAST, false)
                   : sim_address_is_local(node, ip);
}

/* From outside nothing gets to 127.0.0.0/8 or ::1, unless a setting of the link lets it. */
static bool is_martian(const struct sim_packet *packet)
{
        static const struct ip loopback6 = {.family = FAMILY_IPV6, .bytes = {[15] = 1}};
        const struct ip *ip = &packet->destination;
        bool loopback = ip->family == FAMILY_IPV4 ? ip->bytes[0] == 127 : ip_equal(ip, &loopback6);

        return loopback && !(packet->unknown & SIM_DESTINATION) &&
               (!packet->in_interface || strcmp(packet->in_interface, "lo") != 0);
}

static bool input(struct sim_run *run, struct sim_state *state)
{
        if (is_martian(&state->packet))
                may_drop(run, false);
        return sim_run_hook(run, HOOK_INPUT, state);
}

static bool forward(struct sim_run *run, struct sim_state *state)
{
        struct sim_packet *packet = &state->packet;

        if (packet->unknown & SIM_HOP_LIMIT)
                may_drop(run, false);
        else if (packet->hop_limit <= 1)
                return may_drop(run, true);
        packet->hop_limit--;
        return sim_run_hook(run, HOOK_FORWARD, state) && sim_run_hook(run, HOOK_POSTROUTING, state);
}

/* Along both, where it is not known which. */
static bool follow(struct sim_run *run, enum truth first_way, struct sim_state *state,
                   bool (*first)(struct sim_run *run, struct sim_state *state),
                   bool (*second)(struct sim_run *run, struct sim_state *state))
{
        if (first_way != UNKNOWN)
                return first_way == YES ? first(run, state) : second(run, state);
        state->unsure = true;
        struct sim_state other = *state;
        bool on = first(run, state), other_on = second(run, &other);
        if (on && other_on)
                sim_state_join(state, &other);
        else if (other_on)
                *state = other;
        return on || other_on;
}

static bool from_wire(struct sim_run *run, struct sim_state *state)
{
        const struct sim_packet before = state->packet;

        if (!sim_run_hook(run, HOOK_PREROUTING, state))
                return false;
        if (goes_elsewhere(&state->packet, &before))
                state->packet.out_interface = NULL;
        return follow(run, is_for_node(run, state), state, input, forward);
}

static bool come_back(struct sim_run *run, struct sim_state *state)
{
        state->packet.in_interface = state->packet.out_interface = "lo";
        if (!sim_run_hook(run, HOOK_POSTROUTING, state))
                return false;
        run->looped = true;
        bool on = sim_run_hook(run, HOOK_PREROUTING, state) && input(run, state);
        run->looped = false;
        return on;
}

static bool go_out(struct sim_run *run, struct sim_state *state)
{
        return sim_run_hook(run, HOOK_POSTROUTING, state);
}

/* Routes are asked again where OUTPUT has changed what they go by: also the mark, here. */
static bool from_node_on(struct sim_run *run, struct sim_state *state)
{
        const struct sim_packet before = state->packet;
        struct sim_packet *packet = &state->packet;

        packet->in_interface = "";
        if (!sim_run_hook(run, HOOK_OUTPUT, state))
                return false;
        if (goes_elsewhere(packet, &before) || packet->mark_unknown || packet->mark != before.mark)
                packet->out_interface = NULL;
        return follow(run, is_for_node(run, state), state, come_back, go_out);
}

struct sim_result simulate_path(const struct enforced *enforced, bool from_node,
                                const struct sim_packet *packet, const struct sim_options *options)
{
        const uint32_t ends = SIM_SOURCE | SIM_DESTINATION | SIM_SOURCE_PORT | SIM_DESTINATION_PORT;
        struct sim_run run = {.enforced = enforced, .options = options};
        struct sim_state state = {.packet = *packet};
        bool alive = from_node ? from_node_on(&run, &state) : from_wire(&run, &state);
        struct sim_result result = sim_run_result(&run, alive, &state);

        result.rerouted = state.packet.unknown & ends ||
                          !ip_equal(&packet->source, &state.packet.source) ||
                          !ip_equal(&packet->destination, &state.packet.destination) ||
                          packet->source_port != state.packet.source_port ||
                          packet->destination_port != state.packet.destination_port;
        return result;
}
