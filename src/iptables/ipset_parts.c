#include "iptables/ipset_parts.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "iptables/protocols.h"

/* Digits without leading zeros, as every tool writes them. */
static bool read_ipv4(struct span span, struct ip *ret)
{
        struct ip ip = {.family = FAMILY_IPV4};
        const char *p = span.at;

        for (unsigned part = 0; part < 4; part++) {
                const char *first = p;
                unsigned value = 0;
                while (p < span.end && *p >= '0' && *p <= '9' && p - first < 3)
                        value = value * 10 + (unsigned)(*p++ - '0');
                if (p == first || value > 255 || (*first == '0' && p - first > 1))
                        return false;
                if (part < 3 && (p == span.end || *p++ != '.'))
                        return false;
                ip.bytes[part] = (uint8_t)value;
        }
        *ret = ip;
        return p == span.end;
}

static bool read_ipv6(struct span span, struct ip *ret)
{
        struct ip ip = {.family = FAMILY_IPV6};
        char text[IP_TEXT_SIZE];

        if (span_length(span) >= sizeof(text))
                return false;
        memcpy(text, span.at, span_length(span));
        text[span_length(span)] = '\0';
        if (inet_pton(AF_INET6, text, ip.bytes) != 1)
                return false;
        *ret = ip;
        return true;
}

bool span_address(struct span span, enum family family, struct ip *ret)
{
        return family == FAMILY_IPV4 ? read_ipv4(span, ret) : read_ipv6(span, ret);
}

static bool read_whole(struct span span, enum family family, struct prefix *ret)
{
        struct ip ip;

        if (!span_address(span, family, &ip))
                return false;
        *ret = prefix_host(&ip);
        return true;
}

static bool read_net(struct span span, enum family family, struct prefix *ret)
{
        struct span address = span_take(&span, '/');
        uint64_t length = family_bits(family);
        struct ip ip;

        if (!span_address(address, family, &ip))
                return false;
        if (address.end != span.end && !span_number(span, family_bits(family), &length))
                return false;
        *ret = prefix_of(&ip, (uint8_t)length);
        return true;
}

static void print_net(const struct prefix *prefix, struct strbuf *out)
{
        char text[PREFIX_TEXT_SIZE];

        if (prefix->length == family_bits(prefix->ip.family))
                strbuf_add(out, ip_format(&prefix->ip, text));
        else
                strbuf_add(out, prefix_format(prefix, text));
}

static bool read_address_part(struct element_reading *reading, struct span text)
{
        return read_whole(text, reading->set->family, &reading->element.prefix);
}

static bool read_net_part(struct element_reading *reading, struct span text)
{
        return read_net(text, reading->set->family, &reading->element.prefix);
}

static void print_first(const struct set *set, const struct set_element *element,
                        struct strbuf *out)
{
        print_net(&element->prefix, out);
}

static bool read_second_address(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        return read_whole(text, reading->set->family, &reading->more.second);
}

static bool read_second_net(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        return read_net(text, reading->set->family, &reading->more.second);
}

static void print_second(const struct set *set, const struct set_element *element,
                         struct strbuf *out)
{
        print_net(&set_element_more(element)->second, out);
}

static bool is_icmp(const struct set *set, uint8_t protocol)
{
        return protocol == (set->family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}

/* "echo-request" or "8/0" */
static bool read_icmp(struct element_reading *reading, struct span text)
{
        uint64_t type, code;

        if (icmp_of_word(reading->set->family, text, &reading->element.port))
                return true;
        if (!span_number(span_take(&text, '/'), UINT8_MAX, &type) ||
            !span_number(text, UINT8_MAX, &code))
                return false;
        reading->element.port = (uint16_t)(type << 8 | code);
        return true;
}

static bool read_port_number(struct element_reading *reading, struct span text)
{
        uint64_t port;

        if (!span_number(text, UINT16_MAX, &port))
                return false;
        reading->element.port = (uint16_t)port;
        return true;
}

/* A system that has no names for protocols has numbers for all of them. */
static bool read_protocol(struct element_reading *reading, struct span text)
{
        uint64_t number;

        if (protocol_of_word(text, &reading->element.protocol))
                return true;
        if (!span_number(text, UINT8_MAX, &number) || number == 0)
                return false;
        reading->element.protocol = (uint8_t)number;
        if (protocol_word((uint8_t)number))
                reading->set->protocol_numbers = true;
        return true;
}

static bool read_protocol_and_port(struct element_reading *reading, struct span text)
{
        if (!read_protocol(reading, span_take(&text, ':')))
                return false;
        return is_icmp(reading->set, reading->element.protocol) ? read_icmp(reading, text)
                                                                : read_port_number(reading, text);
}

static void print_protocol_and_port(const struct set *set, const struct set_element *element,
                                    struct strbuf *out)
{
        const char *name = set->protocol_numbers ? NULL : protocol_word(element->protocol);
        const char *icmp =
            is_icmp(set, element->protocol) ? icmp_word(set->family, element->port) : NULL;

        if (name)
                strbuf_add(out, name);
        else
                strbuf_printf(out, "%u", element->protocol);
        if (icmp)
                strbuf_printf(out, ":%s", icmp);
        else if (is_icmp(set, element->protocol))
                strbuf_printf(out, ":%u/%u", element->port >> 8, element->port & 0xff);
        else
                strbuf_printf(out, ":%u", element->port);
}

static void print_port(const struct set *set, const struct set_element *element, struct strbuf *out)
{
        strbuf_printf(out, "%u", element->port);
}

static bool read_mark(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        return span_hex(text, &reading->more.mark);
}

static void print_mark(const struct set *set, const struct set_element *element, struct strbuf *out)
{
        strbuf_printf(out, "0x%08" PRIx32, set_element_more(element)->mark);
}

static bool read_mac(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        for (size_t i = 0; i < sizeof(reading->more.mac); i++) {
                struct span digits = span_take(&text, ':');
                char hex[] = "0x00";
                uint32_t byte;
                if (span_length(digits) != 2)
                        return false;
                memcpy(hex + 2, digits.at, 2);
                if (!span_hex((struct span){hex, hex + 4}, &byte))
                        return false;
                reading->more.mac[i] = (uint8_t)byte;
        }
        return text.at == text.end;
}

static void print_mac(const struct set *set, const struct set_element *element, struct strbuf *out)
{
        const uint8_t *mac = set_element_more(element)->mac;

        for (size_t i = 0; i < sizeof(element->more->mac); i++)
                strbuf_printf(out, "%s%02X", i ? ":" : "", mac[i]);
}

static bool has_mac(const struct set_element *element)
{
        static const uint8_t none[6];

        return memcmp(set_element_more(element)->mac, none, sizeof(none)) != 0;
}

static bool read_interface(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        reading->interface = text;
        return text.at < text.end;
}

static void print_interface(const struct set *set, const struct set_element *element,
                            struct strbuf *out)
{
        strbuf_add(out, set_element_more(element)->interface);
}

static bool read_member(struct element_reading *reading, struct span text)
{
        reading->has_more = true;
        reading->member = text;
        return text.at < text.end;
}

static void print_member(const struct set *set, const struct set_element *element,
                         struct strbuf *out)
{
        strbuf_add(out, set_element_more(element)->member);
}

struct part {
        bool (*read)(struct element_reading *reading, struct span text);
        void (*print)(const struct set *set, const struct set_element *element, struct strbuf *out);
        /* NULL: it is always there. */
        bool (*is_there)(const struct set_element *element);
};

static const struct part address = {.read = read_address_part, .print = print_first};
static const struct part net = {.read = read_net_part, .print = print_first};
static const struct part protocol_and_port = {.read = read_protocol_and_port,
                                              .print = print_protocol_and_port};
static const struct part port = {.read = read_port_number, .print = print_port};
static const struct part second_address = {.read = read_second_address, .print = print_second};
static const struct part second_net = {.read = read_second_net, .print = print_second};
static const struct part mark = {.read = read_mark, .print = print_mark};
static const struct part mac = {.read = read_mac, .print = print_mac};
static const struct part mac_if_known = {.read = read_mac, .print = print_mac, .is_there = has_mac};
static const struct part interface = {.read = read_interface, .print = print_interface};
static const struct part member = {.read = read_member, .print = print_member};

#define MAX_PARTS 3
static const struct part *const kinds[][MAX_PARTS] = {
    [SET_HASH_IP] = {&address},
    [SET_HASH_NET] = {&net},
    [SET_HASH_IP_PORT] = {&address, &protocol_and_port},
    [SET_HASH_IP_PORT_IP] = {&address, &protocol_and_port, &second_address},
    [SET_HASH_IP_PORT_NET] = {&address, &protocol_and_port, &second_net},
    [SET_HASH_IP_MARK] = {&address, &mark},
    [SET_HASH_IP_MAC] = {&address, &mac},
    [SET_HASH_MAC] = {&mac},
    [SET_HASH_NET_PORT] = {&net, &protocol_and_port},
    [SET_HASH_NET_NET] = {&net, &second_net},
    [SET_HASH_NET_PORT_NET] = {&net, &protocol_and_port, &second_net},
    [SET_HASH_NET_IFACE] = {&net, &interface},
    [SET_BITMAP_IP] = {&address},
    [SET_BITMAP_IP_MAC] = {&address, &mac_if_known},
    [SET_BITMAP_PORT] = {&port},
    [SET_LIST] = {&member},
    [SET_UNKNOWN] = {&member},
};

bool ipset_read_parts(struct element_reading *reading, struct span text)
{
        const struct part *const *parts = kinds[reading->set->type];
        bool more = true;

        for (size_t i = 0; i < MAX_PARTS && parts[i]; i++) {
                bool last = i + 1 == MAX_PARTS || !parts[i + 1];
                if (!more)
                        return parts[i]->is_there != NULL;
                struct span rest = text, part = last ? rest : span_take(&text, ',');
                more = part.end != rest.end;
                if (!parts[i]->read(reading, part))
                        return false;
        }
        return !more;
}

void ipset_print_address(const struct set *set, const struct set_element *element,
                         struct strbuf *out)
{
        const struct part *const *parts = kinds[set->type];

        for (size_t i = 0; i < MAX_PARTS && parts[i]; i++) {
                if (parts[i]->is_there && !parts[i]->is_there(element))
                        continue;
                if (i > 0)
                        strbuf_add_char(out, ',');
                parts[i]->print(set, element, out);
        }
}
