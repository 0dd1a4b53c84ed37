#include "iptables/nat_range.h"

#include <string.h>

#include "iptables/numbers.h"

bool nat_ports_parse(const char *text, struct nat *ret)
{
        uint32_t first, last;

        if (!parse_number_pair(text, '-', UINT16_MAX, false, &first, &last))
                return false;
        ret->has_port = true;
        ret->ports = (struct port_range){(uint16_t)first, (uint16_t)last};
        return true;
}

bool ip_range_parse(const char *text, size_t length, enum family family, struct ip *ret_first,
                    struct ip *ret_last)
{
        char range[2 * IP_TEXT_SIZE];
        struct ip first, last;

        if (length >= sizeof(range))
                return false;
        memcpy(range, text, length);
        range[length] = '\0';
        char *dash = strchr(range, '-');
        if (dash)
                *dash++ = '\0';
        if (!ip_parse(range, &first) || !ip_parse(dash ? dash : range, &last) ||
            first.family != family || last.family != family)
                return false;
        *ret_first = first;
        *ret_last = last;
        return true;
}

static bool parse_ips(const char *text, size_t length, enum family family, struct nat *ret)
{
        ret->has_ip = ip_range_parse(text, length, family, &ret->first, &ret->last);
        return ret->has_ip && ip_compare(&ret->first, &ret->last) <= 0;
}

bool nat_parse(const char *text, enum family family, struct nat *ret)
{
        struct nat nat = {0};
        const bool bracket = text[0] == '[';
        size_t length = bracket                 ? strcspn(text, "]")
                        : family == FAMILY_IPV6 ? strlen(text)
                                                : strcspn(text, ":");
        const char *rest = text + length;

        if (bracket && *rest++ != ']')
                return false;
        if (length > 0 && !parse_ips(text + bracket, length - bracket, family, &nat))
                return false;
        if (*rest && (*rest != ':' || !nat_ports_parse(rest + 1, &nat)))
                return false;
        if (!nat.has_ip && !nat.has_port)
                return false;
        *ret = nat;
        return true;
}

void nat_ports_print(struct port_range ports, struct strbuf *out)
{
        strbuf_printf(out, "%u", ports.first);
        if (ports.last != ports.first)
                strbuf_printf(out, "-%u", ports.last);
}

void nat_print(const struct nat *nat, struct strbuf *out)
{
        const bool bracket = nat->has_ip && nat->has_port && nat->first.family == FAMILY_IPV6;
        char text[IP_TEXT_SIZE];

        if (bracket)
                strbuf_add_char(out, '[');
        if (nat->has_ip)
                strbuf_add(out, ip_format(&nat->first, text));
        if (nat->has_ip && !ip_equal(&nat->first, &nat->last))
                strbuf_printf(out, "-%s", ip_format(&nat->last, text));
        if (bracket)
                strbuf_add_char(out, ']');
        if (nat->has_port) {
                strbuf_add_char(out, ':');
                nat_ports_print(nat->ports, out);
        }
}
