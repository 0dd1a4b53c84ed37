#include "iptables/match_options.h"

#include <inttypes.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

/* Values as the tools write them, each read and printed by a pair of functions, and the table. */

/* "10.0.0.0/255.0.0.0", the mask's ones all in front */
static bool parse_netmask(const char *text, struct prefix *ret)
{
        const char *slash = strchr(text, '/');
        char address[IP_TEXT_SIZE];
        struct ip ip, mask;
        uint8_t length = 0;

        if (!slash || (size_t)(slash - text) >= sizeof(address))
                return false;
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = '\0';
        if (!ip_parse(address, &ip) || !ip_parse(slash + 1, &mask) || ip.family != mask.family)
                return false;
        while (length < family_bits(ip.family) && ip_bit(&mask, length))
                length++;
        for (unsigned i = length; i < family_bits(ip.family); i++)
                if (ip_bit(&mask, i))
                        return false;
        *ret = prefix_of(&ip, length);
        return true;
}

static bool parse_prefix(struct reading *reading, const struct word *arguments, struct match *ret)
{
        struct ip ip;

        if (ip_parse(arguments->text, &ip))
                ret->prefix = prefix_host(&ip);
        else if (!prefix_parse(arguments->text, &ret->prefix, NULL) &&
                 !parse_netmask(arguments->text, &ret->prefix))
                return false;
        return ret->prefix.ip.family == reading->family;
}

static void print_prefix(const struct match *match, struct strbuf *out)
{
        char text[PREFIX_TEXT_SIZE];

        strbuf_add(out, prefix_format(&match->prefix, text));
}

static bool parse_text(struct reading *reading, const struct word *arguments, struct match *ret)
{
        ret->text = arguments->text;
        return true;
}

static void print_text(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, match->text);
}

static void print_comment(const struct match *match, struct strbuf *out)
{
        print_quoted(match->text, out);
}

/* The first of a number is how it is printed; those that iptables itself knows. Others have names
 * where /etc/protocols is there, which are read and printed as numbers. */
static const struct {
        uint8_t number;
        const char *name;
        bool printed;
} protocol_words[] = {
    {PROTOCOL_TCP, "tcp", true},
    {PROTOCOL_UDP, "udp", true},
    {PROTOCOL_SCTP, "sctp", true},
    {PROTOCOL_ICMP, "icmp", true},
    {PROTOCOL_ICMPV6, "ipv6-icmp", true},
    {PROTOCOL_ICMPV6, "icmpv6", false},
    {50, "esp", true},
    {51, "ah", true},
    {136, "udplite", true},
    {135, "ipv6-mh", true},
    {135, "mh", false},
    {135, "mobility-header", false},
    {33, "dccp", false},
    {47, "gre", false},
    {4, "ipencap", false},
    {2, "igmp", false},
};

static bool parse_protocol(struct reading *reading, const struct word *arguments, struct match *ret)
{
        uint32_t number = 0;

        for (size_t i = 0; i < ARRAY_SIZE(protocol_words); i++)
                if (strcasecmp(arguments->text, protocol_words[i].name) == 0)
                        number = protocol_words[i].number;
        if (number == 0 &&
            (!parse_number(arguments->text, '\0', UINT8_MAX, &number, NULL) || number == 0))
                return false;
        ret->number = number;
        if (!ret->invert)
                reading->protocol = number;
        return true;
}

static void print_protocol(const struct match *match, struct strbuf *out)
{
        for (size_t i = 0; i < ARRAY_SIZE(protocol_words); i++)
                if (protocol_words[i].printed && match->number == protocol_words[i].number) {
                        strbuf_add(out, protocol_words[i].name);
                        return;
                }
        strbuf_printf(out, "%" PRIu32, match->number);
}

static bool parse_hop_limit(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return parse_number(arguments->text, '\0', UINT8_MAX, &ret->number, NULL);
}

static void print_number(const struct match *match, struct strbuf *out)
{
        strbuf_printf(out, "%" PRIu32, match->number);
}

struct flag_word {
        unsigned flag;
        const char *name;
};

/* In the order in which iptables-save prints them. */
static const struct flag_word ct_words[] = {
    {CT_INVALID, "INVALID"},     {CT_NEW, "NEW"},
    {CT_RELATED, "RELATED"},     {CT_ESTABLISHED, "ESTABLISHED"},
    {CT_UNTRACKED, "UNTRACKED"}, {CT_SNAT, "SNAT"},
    {CT_DNAT, "DNAT"},
};
static const struct flag_word tcp_words[] = {
    {TCP_FIN, "FIN"}, {TCP_SYN, "SYN"}, {TCP_RST, "RST"},
    {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"}, {TCP_URG, "URG"},
};

static bool parse_flags(const char *text, const struct flag_word *words, size_t n, unsigned *ret)
{
        unsigned flags = 0;

        while (true) {
                size_t length = strcspn(text, ","), i = 0;
                while (i < n && (strlen(words[i].name) != length ||
                                 strncasecmp(words[i].name, text, length) != 0))
                        i++;
                if (i == n)
                        return false;
                flags |= words[i].flag;
                if (text[length] == '\0')
                        break;
                text += length + 1;
        }
        *ret = flags;
        return true;
}

static void print_flags(unsigned flags, const struct flag_word *words, size_t n, struct strbuf *out)
{
        const char *comma = "";

        for (size_t i = 0; i < n; i++) {
                if (!(flags & words[i].flag))
                        continue;
                strbuf_add(out, comma);
                strbuf_add(out, words[i].name);
                comma = ",";
        }
}

static bool parse_ctstate(struct reading *reading, const struct word *arguments, struct match *ret)
{
        return parse_flags(arguments->text, ct_words, ARRAY_SIZE(ct_words), &ret->flags);
}

static void print_ctstate(const struct match *match, struct strbuf *out)
{
        print_flags(match->flags, ct_words, ARRAY_SIZE(ct_words), out);
}

static const struct flag_word type_words[] = {
    {ADDRESS_UNSPEC, "UNSPEC"},       {ADDRESS_UNICAST, "UNICAST"},
    {ADDRESS_LOCAL, "LOCAL"},         {ADDRESS_BROADCAST, "BROADCAST"},
    {ADDRESS_ANYCAST, "ANYCAST"},     {ADDRESS_MULTICAST, "MULTICAST"},
    {ADDRESS_BLACKHOLE, "BLACKHOLE"}, {ADDRESS_UNREACHABLE, "UNREACHABLE"},
    {ADDRESS_PROHIBIT, "PROHIBIT"},
};

static bool parse_type(struct reading *reading, const struct word *arguments, struct match *ret)
{
        return parse_flags(arguments->text, type_words, ARRAY_SIZE(type_words),
                           &ret->address_type.types);
}

static void print_type(const struct match *match, struct strbuf *out)
{
        print_flags(match->address_type.types, type_words, ARRAY_SIZE(type_words), out);
}

static void limit_in(struct match *match)
{
        match->address_type.limit_in = true;
}

static bool is_limited_in(const struct match *match)
{
        return match->address_type.limit_in;
}

static void limit_out(struct match *match)
{
        match->address_type.limit_out = true;
}

static bool is_limited_out(const struct match *match)
{
        return match->address_type.limit_out;
}

static bool parse_mark(struct reading *reading, const struct word *arguments, struct match *ret)
{
        return parse_masked(arguments->text, &ret->mark.value, &ret->mark.mask);
}

static void print_mark(const struct match *match, struct strbuf *out)
{
        print_masked(match->mark.value, match->mark.mask, out);
}

/* "10.0.0.1-10.0.0.9"; one address alone is a range, too. */
static bool parse_addresses(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        const char *dash = strchr(arguments->text, '-');
        const size_t length = dash ? (size_t)(dash - arguments->text) : strlen(arguments->text);
        char first[IP_TEXT_SIZE];

        if (length >= sizeof(first))
                return false;
        memcpy(first, arguments->text, length);
        first[length] = '\0';
        return ip_parse(first, &ret->range.first) &&
               ip_parse(dash ? dash + 1 : first, &ret->range.last) &&
               ret->range.first.family == reading->family &&
               ret->range.last.family == reading->family;
}

static void print_addresses(const struct match *match, struct strbuf *out)
{
        char text[IP_TEXT_SIZE];

        strbuf_add(out, ip_format(&match->range.first, text));
        strbuf_printf(out, "-%s", ip_format(&match->range.last, text));
}

static bool parse_tcp_mask(const char *text, uint8_t *ret)
{
        unsigned flags = 0;

        if (strcmp(text, "ALL") == 0)
                flags = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG;
        else if (strcmp(text, "NONE") != 0 &&
                 !parse_flags(text, tcp_words, ARRAY_SIZE(tcp_words), &flags))
                return false;
        *ret = (uint8_t)flags;
        return true;
}

static bool parse_tcp_flags(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return parse_tcp_mask(arguments[0].text, &ret->tcp_flags.mask) &&
               parse_tcp_mask(arguments[1].text, &ret->tcp_flags.set);
}

static bool parse_syn(struct reading *reading, const struct word *arguments, struct match *ret)
{
        ret->tcp_flags.mask = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;
        ret->tcp_flags.set = TCP_SYN;
        return true;
}

static void print_tcp_mask(unsigned flags, struct strbuf *out)
{
        if (flags)
                print_flags(flags, tcp_words, ARRAY_SIZE(tcp_words), out);
        else
                strbuf_add(out, "NONE");
}

static void print_tcp_flags(const struct match *match, struct strbuf *out)
{
        print_tcp_mask(match->tcp_flags.mask, out);
        strbuf_add_char(out, ' ');
        print_tcp_mask(match->tcp_flags.set, out);
}

/* "only INIT"; other chunks, and INIT among others, are not known. */
static bool parse_sctp_init(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return strcmp(arguments[0].text, "only") == 0 && strcmp(arguments[1].text, "INIT") == 0;
}

static void print_sctp_init(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, "only INIT");
}

static bool parse_set(struct reading *reading, const struct word *arguments, struct match *ret)
{
        const char *ends = arguments[1].text;

        ret->set.name = arguments[0].text;
        ret->set.n_ends = 0;
        ret->set.options = NULL;
        while (ret->set.n_ends < SET_DIMENSIONS) {
                size_t length = strcspn(ends, ",");
                bool source = length == 3 && memcmp(ends, "src", 3) == 0;
                if (!source && (length != 3 || memcmp(ends, "dst", 3) != 0))
                        return false;
                ret->set.ends[ret->set.n_ends++] = source ? SET_SOURCE : SET_DESTINATION;
                if (ends[length] == '\0')
                        return true;
                ends += length + 1;
        }
        return false;
}

static void print_set(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, match->set.name);
        for (unsigned i = 0; i < match->set.n_ends; i++) {
                strbuf_add_char(out, i ? ',' : ' ');
                strbuf_add(out, match->set.ends[i] == SET_SOURCE ? "src" : "dst");
        }
}

/* A number, or a command's name of a service, up to end. */
static bool parse_one_port(const struct reading *reading, const char *text, const char *end,
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

        if (!(colon && colon == *text) &&
            !parse_one_port(reading, *text, colon ? colon : end, &first))
                return false;
        if (!colon)
                last = first;
        else if (colon + 1 != end && !parse_one_port(reading, colon + 1, end, &last))
                return false;
        *ret = (struct port_range){(uint16_t)first, (uint16_t)last};
        *text = *end ? end + 1 : end;
        return true;
}

static bool parse_port_list(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        VEC(struct port_range) list = {0};
        struct port_range range;

        for (const char *text = arguments->text; *text || list.n == 0;) {
                if (!parse_range(reading, &text, &range))
                        return false;
                vec_push(reading->ruleset->arena, &list, range);
        }
        ret->ports.items = list.items;
        ret->ports.n = list.n;
        return true;
}

static bool parse_port(struct reading *reading, const struct word *arguments, struct match *ret)
{
        return parse_port_list(reading, arguments, ret) && ret->ports.n == 1;
}

static void print_ports(const struct match *match, struct strbuf *out)
{
        for (size_t i = 0; i < match->ports.n; i++) {
                struct port_range range = match->ports.items[i];
                strbuf_printf(out, "%s%u", i ? "," : "", range.first);
                if (range.last != range.first)
                        strbuf_printf(out, ":%u", range.last);
        }
}

#define ICMP_ANY 255 /* what the kernel holds where no type was said */

/* The names of those that people write rules for; code: -1 is any. */
static const struct {
        enum family family;
        const char *name;
        uint8_t type;
        int code;
} icmp_names[] = {
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

static bool parse_icmp_name(enum family family, const char *text, struct match *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(icmp_names); i++)
                if (icmp_names[i].family == family && strcasecmp(icmp_names[i].name, text) == 0) {
                        ret->icmp.type = icmp_names[i].type;
                        ret->icmp.any_code = icmp_names[i].code < 0;
                        ret->icmp.code = (uint8_t)(ret->icmp.any_code ? 0 : icmp_names[i].code);
                        return true;
                }
        return false;
}

static bool parse_icmp(struct reading *reading, const struct word *arguments, struct match *ret)
{
        const char *text = arguments->text, *rest = NULL;
        uint32_t type, code = 0;

        if (parse_icmp_name(reading->family, text, ret))
                return true;

        ret->icmp.any_code = !strchr(text, '/');
        if (!parse_number(text, ret->icmp.any_code ? '\0' : '/', UINT8_MAX, &type, &rest) ||
            (!ret->icmp.any_code && !parse_number(rest, '\0', UINT8_MAX, &code, NULL)))
                return false;
        ret->icmp.type = (uint8_t)type;
        ret->icmp.code = (uint8_t)code;
        return reading->family == FAMILY_IPV6 || type != ICMP_ANY;
}

static void print_icmp(const struct match *match, struct strbuf *out)
{
        strbuf_printf(out, "%u", match->icmp.type);
        if (!match->icmp.any_code)
                strbuf_printf(out, "/%u", match->icmp.code);
}

/* What a set match may say besides; update-* only where the set counts. */
static const struct grammar_option set_options[] = {
    OPTION("--return-nomatch", NULL),
    OPTION("--update-counters", NULL, INVERTS),
    OPTION("--update-subcounters", NULL, INVERTS),
    OPTION("--packets-eq", argument_number, INVERTS),
    OPTION("--packets-lt", argument_number),
    OPTION("--packets-gt", argument_number),
    OPTION("--bytes-eq", argument_number, INVERTS),
    OPTION("--bytes-lt", argument_number),
    OPTION("--bytes-gt", argument_number),
};
static const struct grammar set_more = GRAMMAR(set_options);

#define ROW(of_kind, of_module, called, arguments, reader, printer, ...)                           \
        {                                                                                          \
                .kind = (of_kind), .module = (of_module), .name = (called),                        \
                .n_arguments = (arguments), .parse = (reader), .print = (printer), __VA_ARGS__     \
        }
#define SHARES .shares = true
#define MODIFIER(of_module, called, with, asked)                                                   \
        {                                                                                          \
                .kind = MATCH_UNKNOWN, .module = (of_module), .name = (called), .modify = (with),  \
                .modified = (asked)                                                                \
        }

/* A kind that has several rows is printed by the first that fits the rule's family and protocol.
 * iptables' own options stand first. */
static const struct match_option rows[] = {
    ROW(MATCH_SOURCE, NULL, "-s", 1, parse_prefix, print_prefix),
    ROW(MATCH_DESTINATION, NULL, "-d", 1, parse_prefix, print_prefix),
    ROW(MATCH_IN_INTERFACE, NULL, "-i", 1, parse_text, print_text),
    ROW(MATCH_OUT_INTERFACE, NULL, "-o", 1, parse_text, print_text),
    ROW(MATCH_PROTOCOL, NULL, "-p", 1, parse_protocol, print_protocol),
    ROW(MATCH_COMMENT, "comment", "--comment", 1, parse_text, print_comment),
    ROW(MATCH_CTSTATE, "conntrack", "--ctstate", 1, parse_ctstate, print_ctstate),
    ROW(MATCH_CTSTATE, "state", "--state", 1, parse_ctstate, NULL),
    ROW(MATCH_SET, "set", "--match-set", 2, parse_set, print_set, .more = &set_more),
    ROW(MATCH_MARK, "mark", "--mark", 1, parse_mark, print_mark),
    ROW(MATCH_CONNMARK, "connmark", "--mark", 1, parse_mark, print_mark),
    ROW(MATCH_SOURCE_PORT, "tcp", "--sport", 1, parse_port, print_ports, .protocol = PROTOCOL_TCP,
        SHARES),
    ROW(MATCH_DESTINATION_PORT, "tcp", "--dport", 1, parse_port, print_ports,
        .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_SOURCE_PORT, "udp", "--sport", 1, parse_port, print_ports, .protocol = PROTOCOL_UDP,
        SHARES),
    ROW(MATCH_DESTINATION_PORT, "udp", "--dport", 1, parse_port, print_ports,
        .protocol = PROTOCOL_UDP, SHARES),
    ROW(MATCH_SOURCE_PORT, "sctp", "--sport", 1, parse_port, print_ports, .protocol = PROTOCOL_SCTP,
        SHARES),
    ROW(MATCH_DESTINATION_PORT, "sctp", "--dport", 1, parse_port, print_ports,
        .protocol = PROTOCOL_SCTP, SHARES),
    ROW(MATCH_SOURCE_PORTS, "multiport", "--sports", 1, parse_port_list, print_ports),
    ROW(MATCH_DESTINATION_PORTS, "multiport", "--dports", 1, parse_port_list, print_ports),
    ROW(MATCH_EITHER_PORTS, "multiport", "--ports", 1, parse_port_list, print_ports),
    ROW(MATCH_TCP_FLAGS, "tcp", "--tcp-flags", 2, parse_tcp_flags, print_tcp_flags,
        .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_TCP_FLAGS, "tcp", "--syn", 0, parse_syn, NULL, .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_SCTP_INIT, "sctp", "--chunk-types", 2, parse_sctp_init, print_sctp_init,
        .protocol = PROTOCOL_SCTP, SHARES),
    ROW(MATCH_ICMP_TYPE, "icmp", "--icmp-type", 1, parse_icmp, print_icmp, ONLY(FAMILY_IPV4)),
    ROW(MATCH_ICMP_TYPE, "icmp6", "--icmpv6-type", 1, parse_icmp, print_icmp, ONLY(FAMILY_IPV6)),
    ROW(MATCH_HOP_LIMIT, "ttl", "--ttl-eq", 1, parse_hop_limit, print_number, ONLY(FAMILY_IPV4)),
    ROW(MATCH_HOP_LIMIT, "hl", "--hl-eq", 1, parse_hop_limit, print_number, ONLY(FAMILY_IPV6)),
    ROW(MATCH_SOURCE_TYPE, "addrtype", "--src-type", 1, parse_type, print_type, SHARES),
    ROW(MATCH_DESTINATION_TYPE, "addrtype", "--dst-type", 1, parse_type, print_type, SHARES),
    MODIFIER("addrtype", "--limit-iface-in", limit_in, is_limited_in),
    MODIFIER("addrtype", "--limit-iface-out", limit_out, is_limited_out),
    ROW(MATCH_SOURCE_RANGE, "iprange", "--src-range", 1, parse_addresses, print_addresses, SHARES),
    ROW(MATCH_DESTINATION_RANGE, "iprange", "--dst-range", 1, parse_addresses, print_addresses,
        SHARES),
};

static bool row_fits(const struct match_option *row, enum family family, enum protocol protocol)
{
        return only_fits(row->only, family) &&
               (row->protocol == PROTOCOL_ANY || row->protocol == protocol);
}

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

const struct match_option *match_option_named(const struct reading *reading, const char *module,
                                              const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (same_text(rows[i].module, module) && strcmp(rows[i].name, name) == 0 &&
                    row_fits(&rows[i], reading->family, reading->protocol))
                        return &rows[i];
        return NULL;
}

static bool same_modifiers(const struct match_option *row, const struct match *a,
                           const struct match *b)
{
        const struct match_option *modifier;

        for (size_t i = 0; (modifier = match_option_modifier(row, i)); i++)
                if (modifier->modified(a) != modifier->modified(b))
                        return false;
        return true;
}

bool match_shares_module(const struct match *previous, const struct match_option *previous_row,
                         const struct match *match, const struct match_option *row)
{
        return previous && previous_row && row && row->shares && !match->apart &&
               previous->kind != match->kind && same_text(row->module, previous_row->module) &&
               same_modifiers(row, previous, match);
}

const struct match_option *match_option_modifier(const struct match_option *row, size_t n)
{
        for (size_t i = 0; row->module && i < ARRAY_SIZE(rows); i++)
                if (rows[i].modify && strcmp(rows[i].module, row->module) == 0 && n-- == 0)
                        return &rows[i];
        return NULL;
}

/* Another name of what stands in the table, as people write it. */
static const struct {
        const char *module, *name, *means;
} synonyms[] = {
    {NULL, "--source", "-s"},
    {NULL, "--src", "-s"},
    {NULL, "--destination", "-d"},
    {NULL, "--dst", "-d"},
    {NULL, "--in-interface", "-i"},
    {NULL, "--out-interface", "-o"},
    {NULL, "--protocol", "-p"},
    {NULL, "--proto", "-p"},
    {"tcp", "--source-port", "--sport"},
    {"tcp", "--destination-port", "--dport"},
    {"udp", "--source-port", "--sport"},
    {"udp", "--destination-port", "--dport"},
    {"sctp", "--source-port", "--sport"},
    {"sctp", "--destination-port", "--dport"},
    {"multiport", "--source-ports", "--sports"},
    {"multiport", "--destination-ports", "--dports"},
    {"ttl", "--ttl", "--ttl-eq"},
    {"hl", "--hl", "--hl-eq"},
};

static const char *find_name(enum family family, const char *module, const char *name, bool exact,
                             unsigned *ret_arguments)
{
        const struct match_option *found = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (!same_text(rows[i].module, module) || !only_fits(rows[i].only, family) ||
                    (exact ? strcmp(rows[i].name, name) != 0
                           : !module || strncmp(rows[i].name, name, strlen(name)) != 0))
                        continue;
                if (found)
                        return NULL;
                found = &rows[i];
        }
        if (found)
                *ret_arguments = found->n_arguments;
        return found ? found->name : NULL;
}

const char *match_option_name(enum family family, const char *module, const char *name,
                              unsigned *ret_arguments)
{
        for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
                if (same_text(synonyms[i].module, module) && strcmp(synonyms[i].name, name) == 0)
                        name = synonyms[i].means;
        const char *found = find_name(family, module, name, true, ret_arguments);
        if (!found && strlen(name) > 2)
                found = find_name(family, module, name, false, ret_arguments);
        if (!found && module && strcmp(module, "set") == 0) {
                const struct grammar_option *more = grammar_option_named(&set_more, name);
                *ret_arguments = more ? grammar_arguments(more) : 0;
                found = more ? more->name : NULL;
        }
        return found;
}

const struct match_option *match_option_of_kind(enum match_kind kind, enum family family,
                                                enum protocol protocol)
{
        const struct match_option *other = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[i].kind != kind || !rows[i].print)
                        continue;
                if (row_fits(&rows[i], family, protocol))
                        return &rows[i];
                if (!other)
                        other = &rows[i];
        }
        return other;
}

const struct match_option *match_option_own(size_t i)
{
        return i < ARRAY_SIZE(rows) && !rows[i].module ? &rows[i] : NULL;
}
