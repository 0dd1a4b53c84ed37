#include "iptables/ipset_create.h"

#include <string.h>

#include "iptables/ipset_parts.h"
#include "iptables/text.h"

/* One row for each option: what it says of the set. hashsize, bucketsize, initval, forceadd and
 * size are the kernel's business, comment and skbinfo no packet's way in. */

struct options {
        struct arena *arena;
        struct set *set;
        struct set_mask mask;
        bool masked;
};

static bool read_family(struct options *options, struct span value)
{
        options->set->family = span_is(value, "inet6") ? FAMILY_IPV6 : FAMILY_IPV4;
        return span_is(value, "inet6") || span_is(value, "inet");
}

static bool read_counters(struct options *options, struct span value)
{
        options->set->counters = true;
        return true;
}

static bool read_timeout(struct options *options, struct span value)
{
        uint64_t seconds;

        if (!span_number(value, UINT32_MAX, &seconds))
                return false;
        options->set->plain &= seconds == 0;
        return true;
}

/* The family stands in front of it, or is IPv4. */
static bool read_netmask(struct options *options, struct span value)
{
        enum family family = options->set->family;
        struct ip ones = {.family = (uint8_t)family};
        uint64_t length;

        if (options->masked || !span_number(value, family_bits(family), &length))
                return false;
        memset(ones.bytes, 0xff, family_bits(family) / 8);
        options->mask.ip = prefix_of(&ones, (uint8_t)length).ip;
        options->masked = true;
        return true;
}

/* The kernel tells an address and no more; ipset 7.17 may print behind it the prefix length of some
 * net that it printed before ("bitmask ffff::ffff/42"). */
static bool read_bitmask(struct options *options, struct span value)
{
        struct span address = span_take(&value, '/');

        if (options->masked || !span_address(address, options->set->family, &options->mask.ip))
                return false;
        options->masked = true;
        return true;
}

static bool read_markmask(struct options *options, struct span value)
{
        options->masked = true;
        return span_hex(value, &options->mask.mark);
}

static bool read_number(struct options *options, struct span value)
{
        uint64_t number;

        return span_number(value, UINT32_MAX, &number);
}

static bool read_anything(struct options *options, struct span value)
{
        return true;
}

static const struct {
        const char *name;
        bool has_value;
        bool (*read)(struct options *options, struct span value);
        bool own; /* one that penstock's sets have, or that the kernel adds to them */
} rows[] = {
    {"family", .has_value = true, .read = read_family, .own = true},
    {"hashsize", .has_value = true, .read = read_number, .own = true},
    {"maxelem", .has_value = true, .read = read_number, .own = true},
    {"bucketsize", .has_value = true, .read = read_number, .own = true},
    {"initval", .has_value = true, .read = read_anything, .own = true},
    {"counters", .read = read_counters, .own = true},
    {"netmask", .has_value = true, .read = read_netmask},
    {"bitmask", .has_value = true, .read = read_bitmask},
    {"markmask", .has_value = true, .read = read_markmask},
    {"range", .has_value = true, .read = read_anything},
    {"timeout", .has_value = true, .read = read_timeout},
    {"size", .has_value = true, .read = read_number},
    {"comment", .read = read_anything},
    {"skbinfo", .read = read_anything},
    {"forceadd", .read = read_anything},
};

static bool read_option(struct options *options, struct span name, struct span *rest)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (!span_is(name, rows[i].name))
                        continue;
                struct span value = {rest->at, rest->at};
                if (rows[i].has_value) {
                        value = span_take(rest, ' ');
                        if (span_length(value) == 0)
                                return false;
                }
                return rows[i].read(options, value);
        }
        return false;
}

bool ipset_read_options(struct arena *arena, struct span text, struct set *set)
{
        struct options options = {.arena = arena, .set = set, .mask = {.mark = UINT32_MAX}};

        set->options = arena_strndup(arena, text.at, span_length(text));
        memset(options.mask.ip.bytes, 0xff, sizeof(options.mask.ip.bytes));
        while (text.at < text.end) {
                struct span name = span_take(&text, ' ');
                if (!read_option(&options, name, &text))
                        return false;
        }
        options.mask.ip.family = (uint8_t)set->family;
        if (options.masked) {
                set->mask = arena_copy(arena, &options.mask, sizeof(options.mask));
                set->plain = false;
        }
        return true;
}

static bool is_own_option(struct span name)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (span_is(name, rows[i].name))
                        return rows[i].own;
        return false;
}

/* One that is too small would refuse elements, one that counts where it should not would be taken
 * for a shortcut. */
bool ipset_is_as_made(const struct set *set)
{
        struct span text = {set->options, set->options + strlen(set->options)};
        bool large = false;

        while (text.at < text.end) {
                struct span name = span_take(&text, ' ');
                if (!is_own_option(name))
                        return false;
                if (span_is(name, "counters"))
                        continue;
                struct span value = span_take(&text, ' ');
                uint64_t number;
                if (span_is(name, "maxelem") && span_number(value, UINT32_MAX, &number))
                        large = number >= IPSET_MAX_ELEMENTS;
        }
        return large && set->type <= SET_HASH_IP_PORT &&
               (!set->counters || set->type != SET_HASH_NET);
}
