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

/* A number and what ends it: a space, the end, or a slash; taken. */
static bool take_number(const char **text, uint32_t *ret)
{
        char *end;
        unsigned long number = strtoul(*text, &end, 0);

        if (**text < '0' || **text > '9' || !strchr(" /", *end) || number > UINT32_MAX)
                return false;
        *text = end + (*end != '\0');
        *ret = (uint32_t)number;
        return true;
}

/* "--nfmask N --ctmask N", or nothing, which is all bits. */
static bool take_masks(const char *text, uint32_t *ret_packet, uint32_t *ret_connection)
{
        uint32_t packet = UINT32_MAX, connection = UINT32_MAX;

        if (take_word(&text, "--nfmask") && !take_number(&text, &packet))
                return false;
        if (take_word(&text, "--ctmask") && !take_number(&text, &connection))
                return false;
        if (*text)
                return false;
        *ret_packet = packet;
        *ret_connection = connection;
        return true;
}

static bool change_connmark_by(const char *text, struct sim_packet *packet)
{
        uint32_t value, mask;

        if (!take_word(&text, "CONNMARK"))
                return false;
        if (take_word(&text, "--set-xmark")) {
                bool masked_value = take_number(&text, &value) && text[-1] == '/';
                if (!masked_value || !take_number(&text, &mask) || *text)
                        return false;
                set_connmark(packet, mixed(connmark_of(packet), mask, (struct bits){value, 0}));
                return true;
        }
        if (take_word(&text, "--save-mark") && take_masks(text, &value, &mask)) {
                struct bits from = masked(mark_of(packet), value);
                set_connmark(packet, mixed(connmark_of(packet), mask, from));
                return true;
        }
        if (take_word(&text, "--restore-mark") && take_masks(text, &value, &mask)) {
                struct bits from = masked(connmark_of(packet), mask);
                set_mark(packet, mixed(mark_of(packet), value, from));
                return true;
        }
        return false;
}

/* What is not tracked has no connection whose mark could be set or read. Where that is not known,
 * both may be. */
static void change_connmark(const char *text, struct sim_packet *packet)
{
        struct sim_packet untouched = *packet;

        if (!(packet->unknown & SIM_STATE) && packet->state & (CT_INVALID | CT_UNTRACKED))
                return;
        if (!change_connmark_by(text, packet))
                packet->mark_unknown = packet->connmark_unknown = UINT32_MAX;
        if (packet->unknown & SIM_STATE)
                sim_packet_join(packet, &untouched);
}

static void change_hop_limit(const char *text, struct sim_packet *packet)
{
        static const char *const options[] = {"--ttl-set", "--hl-set",  "--ttl-dec",
                                              "--hl-dec",  "--ttl-inc", "--hl-inc"};
        uint32_t number;
        size_t i = 0;

        while (i < ARRAY_SIZE(options) && !take_word(&text, options[i]))
                i++;
        if (i == ARRAY_SIZE(options) || !take_number(&text, &number) || number > UINT8_MAX) {
                packet->unknown |= SIM_HOP_LIMIT;
                return;
        }
        int now = packet->hop_limit, by = (int)number;
        if (i < 2)
                packet->unknown &= ~SIM_HOP_LIMIT;
        int limit = i < 2 ? by : i < 4 ? now - by : now + by;
        packet->hop_limit = (uint8_t)(limit < 0 ? 0 : limit > UINT8_MAX ? UINT8_MAX : limit);
}

/* Most of them do nothing that rules ask about. */
static void do_aside(const char *text, struct sim_packet *packet)
{
        if (take_word(&text, "TTL") || take_word(&text, "HL"))
                change_hop_limit(text, packet);
        else if (take_word(&text, "SET"))
                packet->unknown |= SIM_SETS;
}

void sim_change(const struct target *target, struct sim_packet *packet)
{
        switch (target->kind) {
        case TARGET_MARK:
                set_mark(packet, mixed(mark_of(packet), target->mark.mask,
                                       (struct bits){target->mark.value, 0}));
                break;
        case TARGET_CONNMARK:
                change_connmark(target->text, packet);
                break;
        case TARGET_NOTRACK: /* too late for what is a connection's already */
                if (packet->unknown & SIM_STATE)
                        break;
                if (packet->state & CT_INVALID)
                        packet->state = CT_UNTRACKED;
                break;
        case TARGET_ASIDE:
                do_aside(target->text, packet);
                break;
        default:
                break;
        }
}
