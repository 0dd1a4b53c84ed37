#include "iptables/match_ports.h"

#include <netdb.h>
#include <string.h>

#include "base/vec.h"
#include "iptables/numbers.h"

/* A number, or a command's name of a service, up to end. */
static bool parse_port(const struct reading *reading, const char *text, const char *end,
                       uint32_t *ret)
{
        char name[64], buffer[1024];
        struct servent entry, *found = NULL;
        const char *protocol = reading->protocol == PROTOCOL_UDP    ? "udp"
                               : reading->protocol == PROTOCOL_SCTP ? "sctp"
                                                                    : "tcp";

        if (parse_number(text, *end, UINT16_MAX, ret, NULL))
                return true;
        if (!reading->command || (size_t)(end - text) >= sizeof(name))
                return false;
        memcpy(name, text, (size_t)(end - text));
        name[end - text] = '\0';
        if (getservbyname_r(name, protocol, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
                return false;
        *ret = ntohs((uint16_t)found->s_port);
        return true;
}

/* "80", "80:90", "80:", ":90" */
static bool parse_range(const struct reading *reading, const char **text, struct port_range *ret)
{
        uint32_t first = 0, last = UINT16_MAX;
        const char *end = *text + strcspn(*text, ",");
        const char *colon = memchr(*text, ':', (size_t)(end - *text));

        if (!(colon && colon == *text) && !parse_port(reading, *text, colon ? colon : end, &first))
                return false;
        if (!colon)
                last = first;
        else if (colon + 1 != end && !parse_port(reading, colon + 1, end, &last))
                return false;
        *ret = (struct port_range){(uint16_t)first, (uint16_t)last};
        *text = *end ? end + 1 : end;
        return true;
}

bool match_ports_read(struct reading *reading, const struct word *argument, struct match *ret)
{
        VEC(struct port_range) list = {0};
        struct port_range range;

        for (const char *text = argument->text; *text || list.n == 0;) {
                if (!parse_range(reading, &text, &range))
                        return false;
                vec_push(reading->ruleset->arena, &list, range);
        }
        ret->ports.items = list.items;
        ret->ports.n = list.n;
        return true;
}

bool match_port_read(struct reading *reading, const struct word *argument, struct match *ret)
{
        return match_ports_read(reading, argument, ret) && ret->ports.n == 1;
}

void match_ports_print(const struct match *match, struct strbuf *out)
{
        for (size_t i = 0; i < match->ports.n; i++) {
                struct port_range range = match->ports.items[i];
                strbuf_printf(out, "%s%u", i ? "," : "", range.first);
                if (range.last != range.first)
                        strbuf_printf(out, ":%u", range.last);
        }
}
