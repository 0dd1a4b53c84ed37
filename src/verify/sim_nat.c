#include "verify/sim_run.h"

#include <string.h>

/* What the nat table makes of a packet's ends. The kernel chooses freely from a range of addresses
 * or ports, may move any source port that is taken, and takes the address of a link where rules
 * name none: these fields are not known afterwards. */

static bool has_ports(const struct sim_packet *packet)
{
        return packet->source_port || packet->destination_port;
}

/* The kernel notes on a connection that it was translated where that has changed anything. */
static void note(struct sim_packet *packet, const struct sim_packet *before, uint32_t fields,
                 uint32_t flag)
{
        bool differs = !ip_equal(&packet->source, &before->source) ||
                       !ip_equal(&packet->destination, &before->destination) ||
                       packet->source_port != before->source_port ||
                       packet->destination_port != before->destination_port;

        if ((packet->unknown | before->unknown) & fields)
                packet->unknown |= SIM_TRANSLATED;
        else if (differs)
                packet->state |= flag;
}

static void choose_ip(const struct nat *nat, struct sim_packet *packet, struct ip *ip,
                      uint32_t field)
{
        if (!nat->has_ip)
                return;
        *ip = nat->first;
        packet->unknown &= ~field;
        if (!ip_equal(&nat->first, &nat->last))
                packet->unknown |= field;
}

static void choose_port(const struct nat *nat, struct sim_packet *packet, uint16_t *port,
                        uint32_t field)
{
        if (!nat->has_port)
                return;
        *port = nat->ports.first;
        packet->unknown &= ~field;
        if (nat->ports.first != nat->ports.last)
                packet->unknown |= field;
}

static void translate_destination(const struct nat *nat, struct sim_packet *packet)
{
        const struct sim_packet before = *packet;

        choose_ip(nat, packet, &packet->destination, SIM_DESTINATION);
        choose_port(nat, packet, &packet->destination_port, SIM_DESTINATION_PORT);
        note(packet, &before, SIM_DESTINATION | SIM_DESTINATION_PORT, CT_DNAT);
}

static void translate_source(const struct nat *nat, struct sim_packet *packet)
{
        const struct sim_packet before = *packet;

        if (has_ports(packet))
                packet->unknown |= SIM_SOURCE_PORT;
        choose_ip(nat, packet, &packet->source, SIM_SOURCE);
        choose_port(nat, packet, &packet->source_port, SIM_SOURCE_PORT);
        if (!nat->has_ip)
                packet->unknown |= SIM_SOURCE;
        note(packet, &before, SIM_SOURCE | SIM_SOURCE_PORT, CT_SNAT);
}

static const struct sim_link *link_of(const struct sim_node *node, const char *name,
                                      enum family family)
{
        for (size_t i = 0; i < node->n_links; i++)
                if (node->links[i].ip.family == family && strcmp(node->links[i].name, name) == 0)
                        return &node->links[i];
        return NULL;
}

/* To loopback from the node itself, else to an address of the link that it came by: of IPv4 the
 * first, of IPv6 one of the destination's scope. */
static bool redirect(const struct sim_run *run, const struct nat *nat, struct sim_state *state)
{
        const struct sim_node *node = run->options ? run->options->node : NULL;
        struct sim_packet *packet = &state->packet;
        const enum family family = packet->source.family;
        struct nat full = *nat;
        const struct sim_link *link = NULL;

        if (node && node->known && packet->in_interface)
                link = link_of(node, packet->in_interface, family);
        full.has_ip = true;
        state->redirected = true;
        if (run->hook == HOOK_OUTPUT) {
                full.first = (struct ip){.family = (uint8_t)family};
                if (family == FAMILY_IPV4)
                        memcpy(full.first.bytes, "\x7f\0\0\1", 4);
                else
                        full.first.bytes[15] = 1;
        } else if (link) {
                full.first = link->ip;
        } else {
                full.first = packet->destination;
        }
        full.last = full.first;
        translate_destination(&full, packet);
        if (run->hook == HOOK_OUTPUT || (link && family == FAMILY_IPV4))
                return true;
        packet->unknown |= SIM_DESTINATION | SIM_TRANSLATED;
        return link;
}

bool sim_translate(const struct sim_run *run, const struct target *target, struct sim_state *state)
{
        state->translated = YES;
        if (target->kind == TARGET_REDIRECT)
                return redirect(run, &target->nat, state);
        if (target->kind == TARGET_DNAT)
                translate_destination(&target->nat, &state->packet);
        else
                translate_source(&target->nat, &state->packet);
        return true;
}

static bool translates_destinations(const struct sim_run *run)
{
        return run->hook == HOOK_PREROUTING || run->hook == HOOK_OUTPUT;
}

/* The host's bits stay, the net's are another's. */
static struct ip moved(const struct ip *ip, const struct prefix *net)
{
        struct ip to = *ip;

        for (unsigned i = 0; i < net->length; i++) {
                uint8_t bit = (uint8_t)(0x80 >> i % 8);
                to.bytes[i / 8] =
                    (uint8_t)((to.bytes[i / 8] & ~bit) | (net->ip.bytes[i / 8] & bit));
        }
        return to;
}

bool sim_translate_net(const struct sim_run *run, const struct target *target,
                       struct sim_state *state)
{
        static const char name[] = "NETMAP --to ";
        struct sim_packet *packet = &state->packet;
        const bool destination = translates_destinations(run);
        const uint32_t field = destination ? SIM_DESTINATION : SIM_SOURCE;
        const bool known = !(packet->unknown & field);
        struct nat nat = {.has_ip = true};
        struct prefix net;

        if (strncmp(target->text, name, sizeof(name) - 1) != 0 ||
            !prefix_parse(target->text + sizeof(name) - 1, &net, NULL) ||
            net.ip.family != packet->source.family)
                return false;
        state->translated = YES;
        nat.first = moved(destination ? &packet->destination : &packet->source, &net);
        nat.last = nat.first;
        if (destination)
                translate_destination(&nat, packet);
        else
                translate_source(&nat, packet);
        if (!known)
                packet->unknown |= field;
        return true;
}

void sim_translate_again(const struct sim_run *run, struct sim_packet *packet)
{
        bool maybe = packet->unknown & (SIM_TRANSLATED | SIM_STATE);

        if (!maybe && !(packet->state & (CT_SNAT | CT_DNAT)))
                return;
        packet->unknown |= translates_destinations(run) ? SIM_DESTINATION | SIM_DESTINATION_PORT
                                                        : SIM_SOURCE | SIM_SOURCE_PORT;
}
