#include "verify/sim_run.h"

#include <stdlib.h>
#include <string.h>

/* Bits with those among them that are not known. What is not known of a bit may be either, so that
 * XOR with one is not known. */
struct bits {
        uint32_t value, unknown;
};

/* As xt_MARK and xt_CONNMARK have it: (old & ~mask) ^ with */
static struct bits mixed(struct bits old, uint32_t mask, struct bits with)
{
        return (struct bits){(old.value & ~mask) ^ with.value,
                             (old.unknown & ~mask) | with.unknown};
}

static struct bits masked(struct bits bits, uint32_t mask)
{
        return (struct bits){bits.value & mask, bits.unknown & mask};
}

static struct bits mark_of(const struct sim_packet *packet)
{
        return (struct bits){packet->mark, packet->mark_unknown};
}

static struct bits connmark_of(const struct sim_packet *packet)
{
        return (struct bits){packet->connmark, packet->connmark_unknown};
}

static void set_mark(struct sim_packet *packet, struct bits bits)
{
        packet->mark = bits.value;
        packet->mark_unknown = bits.unknown;
}

static void set_connmark(struct sim_packet *packet, struct bits bits)
{
        packet->connmark = bits.value;
        packet->connmark_unknown = bits.unknown;
}

/* Takes the word if it stands there, with the space behind it. */
static bool take_word(const char **text, const char *word)
{
        size_t length = strlen(word);

        if (strncmp(*text, word, length) != 0 || ((*text)[length] && (*text)[length] != ' '))
                return false;
        *text += length + ((*text)[length] == ' ');
        return true;
}

/* A number to the end of the text. */
static bool parse_byte(const char *text, int *ret)
{
        char *end;
        unsigned long number = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || number > UINT8_MAX)
                return false;
        *ret = (int)number;
        return true;
}

static void change_mark_of(const struct target *target, struct sim_packet *packet)
{
        const struct bits mark = mark_of(packet), connmark = connmark_of(packet);
        const uint32_t mask = target->connmark.mask, packet_mask = target->connmark.packet_mask;

        switch (target->connmark.action) {
        case CONNMARK_SET:
                set_connmark(packet,
                             mixed(connmark, mask, (struct bits){target->connmark.value, 0}));
                return;
        case CONNMARK_SAVE:
                set_connmark(packet, mixed(connmark, mask, masked(mark, packet_mask)));
                return;
        case CONNMARK_RESTORE:
                set_mark(packet, mixed(mark, packet_mask, masked(connmark, mask)));
                return;
        }
}

/* What is not tracked has no connection whose mark could be set or read. Where that is not known,
 * both may be. */
static void change_connmark(const struct target *target, struct sim_packet *packet)
{
        const struct sim_packet untouched = *packet;

        if (!(packet->unknown & SIM_STATE) && packet->state & (CT_INVALID | CT_UNTRACKED))
                return;
        change_mark_of(target, packet);
        if (packet->unknown & SIM_STATE)
                sim_packet_join(packet, &untouched);
}

/* "--ttl-set 64" and the like. It stays within a byte. */
static bool change_hop_limit(const char *text, struct sim_packet *packet)
{
        const bool ttl = strncmp(text, "--ttl-", 6) == 0, hl = strncmp(text, "--hl-", 5) == 0;
        int limit = packet->hop_limit, by;

        text += ttl ? 6 : 5;
        if (!(ttl || hl) || !strchr(text, ' ') || !parse_byte(strchr(text, ' ') + 1, &by))
                return false;
        if (take_word(&text, "set")) {
                packet->unknown &= ~SIM_HOP_LIMIT;
                limit = by;
        } else if (take_word(&text, "dec")) {
                limit -= by;
        } else if (take_word(&text, "inc")) {
                limit += by;
        } else {
                return false;
        }
        packet->hop_limit = (uint8_t)(limit < 0 ? 0 : limit > UINT8_MAX ? UINT8_MAX : limit);
        return true;
}

bool sim_change_more(const struct target *target, struct sim_packet *packet)
{
        const char *text = target->text;

        if (take_word(&text, "TTL") || take_word(&text, "HL"))
                return change_hop_limit(text, packet);
        if (!take_word(&text, "SET"))
                return false;
        packet->unknown |= SIM_SETS;
        if (strstr(text, "--map-mark"))
                packet->mark_unknown = UINT32_MAX;
        return true;
}

void sim_change(const struct target *target, struct sim_packet *packet)
{
        switch (target->kind) {
        case TARGET_MARK:
                set_mark(packet, mixed(mark_of(packet), target->mark.mask,
                                       (struct bits){target->mark.value, 0}));
                break;
        case TARGET_CONNMARK:
                change_connmark(target, packet);
                break;
        case TARGET_NOTRACK: /* too late for what is a connection's already */
                if (packet->unknown & SIM_STATE)
                        break;
                if (packet->state & CT_INVALID)
                        packet->state = CT_UNTRACKED;
                break;
        default: /* ASIDE: nothing that rules ask about */
                break;
        }
}
