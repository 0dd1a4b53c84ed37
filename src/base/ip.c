#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/vec.h"

unsigned family_bits(enum family family)
{
        return family == FAMILY_IPV4 ? 32 : 128;
}

const char *family_name(enum family family)
{
        return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

static bool parse_ipv4(const char *text, bool sloppy, struct ip *ret)
{
        struct ip ip = {.family = FAMILY_IPV4};

        for (unsigned part = 0; part < 4; part++) {
                unsigned value = 0, digits = 0;

                for (; *text >= '0' && *text <= '9'; text++, digits++) {
                        if (!sloppy && digits > 0 && value == 0)
                                return false;
                        value = value * 10 + (unsigned)(*text - '0');
                        if (value > 255)
                                return false;
                }
                if (digits == 0 || *text != (part < 3 ? '.' : '\0'))
                        return false;
                ip.bytes[part] = (uint8_t)value;
                text++;
        }
        *ret = ip;
        return true;
}

static bool parse_ip(const char *text, bool sloppy, struct ip *ret)
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        struct ip ip = {.family = FAMILY_IPV6};

        if (!strchr(text, ':'))
                return parse_ipv4(text, sloppy, ret);
        if (inet_pton(AF_INET6, text, ip.bytes) != 1)
                return false;
        if (memcmp(ip.bytes, mapped, sizeof(mapped)) == 0) {
                struct ip v4 = {.family = FAMILY_IPV4};
                memcpy(v4.bytes, ip.bytes + 12, 4);
                ip = v4;
        }
        *ret = ip;
        return true;
}

bool ip_parse(const char *text, struct ip *ret)
{
        return parse_ip(text, false, ret);
}

bool ip_parse_sloppy(const char *text, struct ip *ret)
{
        return parse_ip(text, true, ret);
}

static bool parse_port(const char *text, uint16_t *ret)
{
        size_t digits = strspn(text, "0123456789");
        unsigned long port = strtoul(text, NULL, 10);

        if (digits == 0 || digits > 5 || text[digits] || port > UINT16_MAX)
                return false;
        *ret = (uint16_t)port;
        return true;
}

bool listen_address_parse(const char *text, struct listen_address *ret)
{
        char host[IP_TEXT_SIZE + 2] = "";
        const char *colon = strrchr(text, ':');
        size_t length = colon ? (size_t)(colon - text) : 0;
        struct listen_address address = {.any = length == 0};

        if (!colon || length >= sizeof(host) || !parse_port(colon + 1, &address.port))
                return false;
        bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
        memcpy(host, text + bracketed, length - 2 * bracketed);
        if (!address.any && !ip_parse(host, &address.ip))
                return false;
        if (!address.any && bracketed != (strchr(host, ':') != NULL))
                return false;
        *ret = address;
        return true;
}

const char *ip_format(const struct ip *ip, char text[static IP_TEXT_SIZE])
{
        char *end = text;

        if (ip->family == FAMILY_IPV6) {
                inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT_SIZE);
                return text;
        }
        for (unsigned i = 0; i < 4; i++) {
                if (i > 0)
                        *end++ = '.';
                end = decimal_put(end, ip->bytes[i]);
        }
        return text;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int ip_compare_items(const void *a, const void *b)
{
        return ip_compare(a, b);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
        return ip_compare(a, b) == 0;
}

const struct ip *ip_of_family(const struct ip *ips, size_t n, enum family family)
{
        for (size_t i = 0; i < n; i++)
                if (ips[i].family == family)
                        return &ips[i];
        return NULL;
}

static bool parse_prefix(const char *text, bool sloppy, struct prefix *ret, bool *ret_host_bits)
{
        const char *slash = strchr(text, '/');
        char address[IP_TEXT_SIZE];
        struct ip ip;
        unsigned length = 0;

        if (!slash || (size_t)(slash - text) >= sizeof(address))
                return false;
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = '\0';
        if (!parse_ip(address, sloppy, &ip))
                return false;
        const char *digits = slash + 1;
        if (!*digits || (!sloppy && digits[0] == '0' && digits[1]))
                return false;
        for (; *digits; digits++) {
                if (*digits < '0' || *digits > '9')
                        return false;
                length = length * 10 + (unsigned)(*digits - '0');
                if (length > 128)
                        return false;
        }
        /* Go reads ::ffff:10.0.0.0/104 as an IPv4 address behind a mask of 128 bits: 10.0.0.0/8. */
        if (ip.family == FAMILY_IPV4 && strchr(address, ':')) {
                if (length < 96)
                        return false;
                length -= 96;
        }
        if (length > family_bits(ip.family))
                return false;
        *ret = prefix_of(&ip, (uint8_t)length);
        if (ret_host_bits)
                *ret_host_bits = !ip_equal(&ret->ip, &ip);
        return true;
}

bool prefix_parse(const char *text, struct prefix *ret, bool *ret_host_bits)
{
        return parse_prefix(text, false, ret, ret_host_bits);
}

bool prefix_parse_sloppy(const char *text, struct prefix *ret, bool *ret_host_bits)
{
        return parse_prefix(text, true, ret, ret_host_bits);
}

struct prefix prefix_of(const struct ip *ip, uint8_t length)
{
        struct prefix prefix = {.ip = *ip, .length = length};

        for (unsigned i = 0; i < sizeof(ip->bytes); i++) {
                unsigned first = i * 8;
                if (first >= length)
                        prefix.ip.bytes[i] = 0;
                else if (length - first < 8)
                        prefix.ip.bytes[i] &= (uint8_t)(0xff << (8 - (length - first)));
        }
        return prefix;
}

struct prefix prefix_host(const struct ip *ip)
{
        return (struct prefix){.ip = *ip, .length = (uint8_t)family_bits(ip->family)};
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE])
{
        ip_format(&prefix->ip, text);
        char *end = text + strlen(text);
        *end++ = '/';
        decimal_put(end, prefix->length);
        return text;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
        int order = ip_compare(&a->ip, &b->ip);

        return order ? order : (int)a->length - (int)b->length;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
        return prefix_compare(a, b) == 0;
}

bool prefix_contains(const struct prefix *prefix, const struct ip *ip)
{
        unsigned whole = prefix->length / 8, rest = prefix->length % 8;

        if (prefix->ip.family != ip->family || memcmp(prefix->ip.bytes, ip->bytes, whole) != 0)
                return false;
        return rest == 0 || (prefix->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
        return outer->length <= inner->length && prefix_contains(outer, &inner->ip);
}

bool ip_bit(const struct ip *ip, unsigned index)
{
        return ip->bytes[index / 8] >> (7 - index % 8) & 1;
}

static const struct {
        enum protocol protocol;
        const char *name;
} protocols[] = {
    {PROTOCOL_TCP, "TCP"},
    {PROTOCOL_UDP, "UDP"},
    {PROTOCOL_SCTP, "SCTP"},
    {PROTOCOL_ICMP, "ICMP"},
};

const char *protocol_name(enum protocol protocol)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (protocols[i].protocol == protocol)
                        return protocols[i].name;
        return NULL;
}

bool protocol_parse(const char *name, enum protocol *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
                if (strcmp(protocols[i].name, name) == 0) {
                        *ret = protocols[i].protocol;
                        return true;
                }
        return false;
}

bool port_range_contains(struct port_range range, uint16_t port)
{
        return range.first <= port && port <= range.last;
}
