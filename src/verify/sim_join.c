#include "verify/sim_run.h"

/* Two packets that may both be meant, as one. */

static uint32_t differing(const struct sim_packet *a, const struct sim_packet *b)
{
        uint32_t fields = 0;

        if (!ip_equal(&a->source, &b->source))
                fields |= SIM_SOURCE;
        if (!ip_equal(&a->destination, &b->destination))
                fields |= SIM_DESTINATION;
        if (a->source_port != b->source_port)
                fields |= SIM_SOURCE_PORT;
        if (a->destination_port != b->destination_port)
                fields |= SIM_DESTINATION_PORT;
        if (a->hop_limit != b->hop_limit)
                fields |= SIM_HOP_LIMIT;
        if ((a->state ^ b->state) & (CT_SNAT | CT_DNAT))
                fields |= SIM_TRANSLATED;
        if ((a->state ^ b->state) & ~(CT_SNAT | CT_DNAT))
                fields |= SIM_STATE;
        return fields;
}

void sim_packet_join(struct sim_packet *packet, const struct sim_packet *other)
{
        packet->unknown |= other->unknown | differing(packet, other);
        packet->mark_unknown |= other->mark_unknown | (packet->mark ^ other->mark);
        packet->connmark_unknown |= other->connmark_unknown | (packet->connmark ^ other->connmark);
}

bool sim_packet_equal(const struct sim_packet *a, const struct sim_packet *b)
{
        return a->unknown == b->unknown && differing(a, b) == 0 && a->mark == b->mark &&
               a->mark_unknown == b->mark_unknown && a->connmark == b->connmark &&
               a->connmark_unknown == b->connmark_unknown;
}

void sim_packet_forget(struct sim_packet *packet)
{
        packet->unknown = SIM_SOURCE | SIM_DESTINATION | SIM_SOURCE_PORT | SIM_DESTINATION_PORT |
                          SIM_STATE | SIM_TRANSLATED | SIM_HOP_LIMIT | SIM_SETS | SIM_REST;
        packet->mark_unknown = packet->connmark_unknown = UINT32_MAX;
}

void sim_state_join(struct sim_state *state, const struct sim_state *other)
{
        sim_packet_join(&state->packet, &other->packet);
        if (state->translated != other->translated)
                state->translated = UNKNOWN;
        if (state->redirected != other->redirected) {
                state->redirected = false;
                state->packet.unknown |= SIM_DESTINATION;
        }
        state->unsure |= other->unsure;
        if (!state->doubt.rule)
                state->doubt = other->doubt;
}
