#include "iptables/match_options.h"

#include <inttypes.h>
#include <string.h>

/* Values as the tools write them, each read and printed by a pair of functions, and the table. */

/* Numbers as the tools write them: decimal, no sign, no more than max. */
static bool parse_number(const char *text, char end, unsigned max, unsigned *ret, const char **rest)
{
        unsigned value = 0, digits = 0;

        for (; *text >= '0' && *text <= '9' && digits < 9; text++, digits++)
                value = value * 10 + (unsigned)(*text - '0');
        if (digits == 0 || value > max || *text != end)
                return false;
        *ret = value;
        if (rest)
                *rest = text + 1;
        return true;
}

static bool parse_prefix(struct match_reading *reading, const struct word *arguments,
                         struct match *ret)
{
        struct ip ip;

        if (ip_parse(arguments->text, &ip))
                ret->prefix = prefix_host(&ip);
        else if (!prefix_parse(arguments->text, &ret->prefix, NULL))
                return false;
        return ret->prefix.ip.family == reading->family;
}

static void print_prefix(const struct match *match, struct strbuf *out)
{
        char text[PREFIX_TEXT_SIZE];

        strbuf_add(out, prefix_format(&match->prefix, text));
}

static bool parse_text(struct match_reading *reading, const struct word *arguments,
                       struct match *ret)
{
        ret->text = arguments->text;
        return true;
}

static void print_text(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, match->text);
}

/* iptables-save's own rule: bare where nothing but these, else in quotes. */
static void print_quoted(const struct match *match, struct strbuf *out)
{
        static const char bare[] = "_-0123456789"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const char *text = match->text;

        if (*text && text[strspn(text, bare)] == '\0') {
                strbuf_add(out, text);
                return;
        }
        strbuf_add_char(out, '"');
        for (; *text; text++) {
                if (strchr("\"\\'", *text))
                        strbuf_add_char(out, '\\');
                strbuf_add_char(out, *text);
        }
        strbuf_add_char(out, '"');
}

/* The first of a number is how it is printed. */
static const struct {
        uint8_t number;
        const char *name;
} protocol_words[] = {
    {PROTOCOL_TCP, "tcp"},   {PROTOCOL_UDP, "udp"},          {PROTOCOL_SCTP, "sctp"},
    {PROTOCOL_ICMP, "icmp"}, {PROTOCOL_ICMPV6, "ipv6-icmp"}, {PROTOCOL_ICMPV6, "icmpv6"},
};

static bool parse_protocol(struct match_reading *reading, const struct word *arguments,
                           struct match *ret)
{
        unsigned number = 0;

        for (size_t i = 0; i < ARRAY_SIZE(protocol_words); i++)
                if (strcmp(arguments->text, protocol_words[i].name) == 0)
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
                if (match->number == protocol_words[i].number) {
                        strbuf_add(out, protocol_words[i].name);
                        return;
                }
        strbuf_printf(out, "%" PRIu32, match->number);
}

static bool parse_hop_limit(struct match_reading *reading, const struct word *arguments,
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
    {CT_UNTRACKED, "UNTRACKED"},
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
                                 memcmp(words[i].name, text, length) != 0))
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

static bool parse_ctstate(struct match_reading *reading, const struct word *arguments,
                          struct match *ret)
{
        return parse_flags(arguments->text, ct_words, ARRAY_SIZE(ct_words), &ret->flags);
}

static void print_ctstate(const struct match *match, struct strbuf *out)
{
        print_flags(match->flags, ct_words, ARRAY_SIZE(ct_words), out);
}

static const struct flag_word type_words[] = {
    {ADDRESS_BROADCAST, "BROADCAST"},
    {ADDRESS_MULTICAST, "MULTICAST"},
};

/* Only what says that many hosts are meant; others' "LOCAL" is not known. */
static bool parse_type(struct match_reading *reading, const struct word *arguments,
                       struct match *ret)
{
        return parse_flags(arguments->text, type_words, ARRAY_SIZE(type_words),
                           &ret->address_type.types);
}

static void print_type(const struct match *match, struct strbuf *out)
{
        print_flags(match->address_type.types, type_words, ARRAY_SIZE(type_words), out);
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

static bool parse_tcp_flags(struct match_reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return parse_tcp_mask(arguments[0].text, &ret->tcp_flags.mask) &&
               parse_tcp_mask(arguments[1].text, &ret->tcp_flags.set);
}

static bool parse_syn(struct match_reading *reading, const struct word *arguments,
                      struct match *ret)
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
static bool parse_sctp_init(struct match_reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return strcmp(arguments[0].text, "only") == 0 && strcmp(arguments[1].text, "INIT") == 0;
}

static void print_sctp_init(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, "only INIT");
}

static bool parse_set(struct match_reading *reading, const struct word *arguments,
                      struct match *ret)
{
        const char *ends = arguments[1].text;

        ret->set.name = arguments[0].text;
        ret->set.n_ends = 0;
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

static bool parse_range(const char **text, struct port_range *ret)
{
        unsigned first, last;
        const char *end = *text + strcspn(*text, ",");
        const char *colon = memchr(*text, ':', (size_t)(end - *text));

        if (!parse_number(*text, colon ? ':' : *end, UINT16_MAX, &first, NULL))
                return false;
        last = first;
        if (colon && !parse_number(colon + 1, *end, UINT16_MAX, &last, NULL))
                return false;
        *ret = (struct port_range){(uint16_t)first, (uint16_t)last};
        *text = *end ? end + 1 : end;
        return true;
}

static bool parse_port_list(struct match_reading *reading, const struct word *arguments,
                            struct match *ret)
{
        VEC(struct port_range) list = {0};
        struct port_range range;

        for (const char *text = arguments->text; *text || list.n == 0;) {
                if (!parse_range(&text, &range))
                        return false;
                vec_push(reading->ruleset->arena, &list, range);
        }
        ret->ports.items = list.items;
        ret->ports.n = list.n;
        return true;
}

static bool parse_port(struct match_reading *reading, const struct word *arguments,
                       struct match *ret)
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

static bool parse_icmp(struct match_reading *reading, const struct word *arguments,
                       struct match *ret)
{
        const char *text = arguments->text, *rest = NULL;
        unsigned type, code = 0;

        ret->icmp.any_code = !strchr(text, '/');
        if (!parse_number(text, ret->icmp.any_code ? '\0' : '/', UINT8_MAX, &type, &rest) ||
            (!ret->icmp.any_code && !parse_number(rest, '\0', UINT8_MAX, &code, NULL)))
                return false;
        ret->icmp.type = (uint8_t)type;
        ret->icmp.code = (uint8_t)code;
        return true;
}

static void print_icmp(const struct match *match, struct strbuf *out)
{
        strbuf_printf(out, "%u", match->icmp.type);
        if (!match->icmp.any_code)
                strbuf_printf(out, "/%u", match->icmp.code);
}

/* A kind that has several rows is printed by the first that fits the rule's family and protocol.
 * iptables' own options stand first. */
static const struct match_option rows[] = {
    {MATCH_SOURCE, NULL, "-s", 1, FAMILY_ANY, 0, parse_prefix, print_prefix},
    {MATCH_DESTINATION, NULL, "-d", 1, FAMILY_ANY, 0, parse_prefix, print_prefix},
    {MATCH_IN_INTERFACE, NULL, "-i", 1, FAMILY_ANY, 0, parse_text, print_text},
    {MATCH_OUT_INTERFACE, NULL, "-o", 1, FAMILY_ANY, 0, parse_text, print_text},
    {MATCH_PROTOCOL, NULL, "-p", 1, FAMILY_ANY, 0, parse_protocol, print_protocol},
    {MATCH_COMMENT, "comment", "--comment", 1, FAMILY_ANY, 0, parse_text, print_quoted},
    {MATCH_CTSTATE, "conntrack", "--ctstate", 1, FAMILY_ANY, 0, parse_ctstate, print_ctstate},
    {MATCH_SET, "set", "--match-set", 2, FAMILY_ANY, 0, parse_set, print_set},
    {MATCH_SOURCE_PORT, "tcp", "--sport", 1, FAMILY_ANY, PROTOCOL_TCP, parse_port, print_ports},
    {MATCH_DESTINATION_PORT, "tcp", "--dport", 1, FAMILY_ANY, PROTOCOL_TCP, parse_port,
     print_ports},
    {MATCH_SOURCE_PORT, "udp", "--sport", 1, FAMILY_ANY, PROTOCOL_UDP, parse_port, print_ports},
    {MATCH_DESTINATION_PORT, "udp", "--dport", 1, FAMILY_ANY, PROTOCOL_UDP, parse_port,
     print_ports},
    {MATCH_SOURCE_PORT, "sctp", "--sport", 1, FAMILY_ANY, PROTOCOL_SCTP, parse_port, print_ports},
    {MATCH_DESTINATION_PORT, "sctp", "--dport", 1, FAMILY_ANY, PROTOCOL_SCTP, parse_port,
     print_ports},
    {MATCH_SOURCE_PORTS, "multiport", "--sports", 1, FAMILY_ANY, 0, parse_port_list, print_ports},
    {MATCH_DESTINATION_PORTS, "multiport", "--dports", 1, FAMILY_ANY, 0, parse_port_list,
     print_ports},
    {MATCH_TCP_FLAGS, "tcp", "--tcp-flags", 2, FAMILY_ANY, PROTOCOL_TCP, parse_tcp_flags,
     print_tcp_flags},
    {MATCH_TCP_FLAGS, "tcp", "--syn", 0, FAMILY_ANY, PROTOCOL_TCP, parse_syn, NULL},
    {MATCH_SCTP_INIT, "sctp", "--chunk-types", 2, FAMILY_ANY, PROTOCOL_SCTP, parse_sctp_init,
     print_sctp_init},
    {MATCH_ICMP_TYPE, "icmp", "--icmp-type", 1, FAMILY_IPV4, 0, parse_icmp, print_icmp},
    {MATCH_ICMP_TYPE, "icmp6", "--icmpv6-type", 1, FAMILY_IPV6, 0, parse_icmp, print_icmp},
    {MATCH_HOP_LIMIT, "ttl", "--ttl-eq", 1, FAMILY_IPV4, 0, parse_hop_limit, print_number},
    {MATCH_HOP_LIMIT, "hl", "--hl-eq", 1, FAMILY_IPV6, 0, parse_hop_limit, print_number},
    {MATCH_DESTINATION_TYPE, "addrtype", "--dst-type", 1, FAMILY_ANY, 0, parse_type, print_type},
};

static bool row_fits(const struct match_option *row, enum family family, enum protocol protocol)
{
        return (row->family == FAMILY_ANY || row->family == family) &&
               (row->protocol == PROTOCOL_ANY || row->protocol == protocol);
}

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

const struct match_option *match_option_named(const struct match_reading *reading,
                                              const char *module, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (same_text(rows[i].module, module) && strcmp(rows[i].name, name) == 0 &&
                    row_fits(&rows[i], reading->family, reading->protocol))
                        return &rows[i];
        return NULL;
}

bool match_options_share_module(const struct match_option *row, const struct match_option *previous)
{
        return previous && row->protocol != PROTOCOL_ANY &&
               same_text(row->module, previous->module);
}

const struct match_option *match_option_of_kind(enum match_kind kind, enum family family,
                                                enum protocol protocol)
{
        const struct match_option *other = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[i].kind != kind)
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

bool is_protocols_module(const char *module)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].protocol != PROTOCOL_ANY && strcmp(rows[i].module, module) == 0)
                        return true;
        return false;
}
