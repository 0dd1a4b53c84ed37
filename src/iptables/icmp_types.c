#include "iptables/icmp_types.h"

#include <string.h>
#include <strings.h>

#include "base/vec.h"
#include "iptables/numbers.h"

#define ICMP_ANY 255 /* what the kernel holds where no type was said */

/* The names of those that people write rules for; code: -1 is any. */
static const struct {
        enum family family;
        const char *name;
        uint8_t type;
        int code;
} names[] = {
    {FAMILY_IPV4, "echo-reply", 0, -1},
    {FAMILY_IPV4, "pong", 0, -1},
    {FAMILY_IPV4, "destination-unreachable", 3, -1},
    {FAMILY_IPV4, "network-unreachable", 3, 0},
    {FAMILY_IPV4, "host-unreachable", 3, 1},
    {FAMILY_IPV4, "protocol-unreachable", 3, 2},
    {FAMILY_IPV4, "port-unreachable", 3, 3},
    {FAMILY_IPV4, "fragmentation-needed", 3, 4},
    {FAMILY_IPV4, "source-quench", 4, 0},
    {FAMILY_IPV4, "redirect", 5, -1},
    {FAMILY_IPV4, "echo-request", 8, -1},
    {FAMILY_IPV4, "ping", 8, -1},
    {FAMILY_IPV4, "router-advertisement", 9, -1},
    {FAMILY_IPV4, "router-solicitation", 10, -1},
    {FAMILY_IPV4, "time-exceeded", 11, -1},
    {FAMILY_IPV4, "parameter-problem", 12, -1},
    {FAMILY_IPV4, "timestamp-request", 13, -1},
    {FAMILY_IPV4, "timestamp-reply", 14, -1},
    {FAMILY_IPV6, "destination-unreachable", 1, -1},
    {FAMILY_IPV6, "packet-too-big", 2, -1},
    {FAMILY_IPV6, "time-exceeded", 3, -1},
    {FAMILY_IPV6, "parameter-problem", 4, -1},
    {FAMILY_IPV6, "echo-request", 128, -1},
    {FAMILY_IPV6, "ping", 128, -1},
    {FAMILY_IPV6, "echo-reply", 129, -1},
    {FAMILY_IPV6, "router-solicitation", 133, -1},
    {FAMILY_IPV6, "router-advertisement", 134, -1},
    {FAMILY_IPV6, "neighbour-solicitation", 135, -1},
    {FAMILY_IPV6, "neighbor-solicitation", 135, -1},
    {FAMILY_IPV6, "neighbour-advertisement", 136, -1},
    {FAMILY_IPV6, "neighbor-advertisement", 136, -1},
    {FAMILY_IPV6, "redirect", 137, -1},
};

static bool find_name(enum family family, const char *text, struct match *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].family == family && strcasecmp(names[i].name, text) == 0) {
                        ret->icmp.type = names[i].type;
                        ret->icmp.any_code = names[i].code < 0;
                        ret->icmp.code = (uint8_t)(ret->icmp.any_code ? 0 : names[i].code);
                        return true;
                }
        return false;
}

bool icmp_type_read(struct reading *reading, const struct word *argument, struct match *ret)
{
        const char *text = argument->text, *rest = NULL;
        uint32_t type, code = 0;

        if (find_name(reading->family, text, ret))
                return true;

        ret->icmp.any_code = !strchr(text, '/');
        if (!parse_number(text, ret->icmp.any_code ? '\0' : '/', UINT8_MAX, &type, &rest) ||
            (!ret->icmp.any_code && !parse_number(rest, '\0', UINT8_MAX, &code, NULL)))
                return false;
        ret->icmp.type = (uint8_t)type;
        ret->icmp.code = (uint8_t)code;
        return reading->family == FAMILY_IPV6 || type != ICMP_ANY;
}

void icmp_type_print(const struct match *match, struct strbuf *out)
{
        strbuf_printf(out, "%u", match->icmp.type);
        if (!match->icmp.any_code)
                strbuf_printf(out, "/%u", match->icmp.code);
}
