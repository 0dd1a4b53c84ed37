#include "iptables/match_options.h"

#include <inttypes.h>
#include <string.h>

#include "iptables/flag_words.h"
#include "iptables/icmp_types.h"
#include "iptables/match_ports.h"
#include "iptables/nat_range.h"
#include "iptables/numbers.h"
#include "iptables/protocols.h"

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

static bool parse_protocol(struct reading *reading, const struct word *arguments, struct match *ret)
{
        uint32_t number = iptables_protocol_of(arguments->text);

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
        const char *word = iptables_protocol_word(match->number);

        if (word)
                strbuf_add(out, word);
        else
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

static bool parse_ctstate(struct reading *reading, const struct word *arguments, struct match *ret)
{
        return flags_parse(arguments->text, ct_state_words, CT_STATES, &ret->flags);
}

static void print_ctstate(const struct match *match, struct strbuf *out)
{
        flags_print(match->flags, ct_state_words, CT_STATES, out);
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
        return flags_parse(arguments->text, type_words, ARRAY_SIZE(type_words),
                           &ret->address_type.types);
}

static void print_type(const struct match *match, struct strbuf *out)
{
        flags_print(match->address_type.types, type_words, ARRAY_SIZE(type_words), out);
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

static bool parse_addresses(struct reading *reading, const struct word *arguments,
                            struct match *ret)
{
        return ip_range_parse(arguments->text, strlen(arguments->text), reading->family,
                              &ret->range.first, &ret->range.last);
}

static void print_addresses(const struct match *match, struct strbuf *out)
{
        char text[IP_TEXT_SIZE];

        strbuf_add(out, ip_format(&match->range.first, text));
        strbuf_printf(out, "-%s", ip_format(&match->range.last, text));
}

static const struct flag_word tcp_words[] = {
    {TCP_FIN, "FIN"}, {TCP_SYN, "SYN"}, {TCP_RST, "RST"},
    {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"}, {TCP_URG, "URG"},
};

static bool parse_tcp_mask(const char *text, uint8_t *ret)
{
        unsigned flags = 0;

        if (strcmp(text, "ALL") == 0)
                flags = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG;
        else if (strcmp(text, "NONE") != 0 &&
                 !flags_parse(text, tcp_words, ARRAY_SIZE(tcp_words), &flags))
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
                flags_print(flags, tcp_words, ARRAY_SIZE(tcp_words), out);
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
        ret->set.name = arguments[0].text;
        ret->set.options = NULL;
        return set_ends_parse(arguments[1].text, ret->set.ends, &ret->set.n_ends);
}

static void print_set(const struct match *match, struct strbuf *out)
{
        strbuf_add(out, match->set.name);
        for (unsigned i = 0; i < match->set.n_ends; i++) {
                strbuf_add_char(out, i ? ',' : ' ');
                strbuf_add(out, match->set.ends[i] == SET_SOURCE ? "src" : "dst");
        }
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
    ROW(MATCH_SOURCE_PORT, "tcp", "--sport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_DESTINATION_PORT, "tcp", "--dport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_SOURCE_PORT, "udp", "--sport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_UDP, SHARES),
    ROW(MATCH_DESTINATION_PORT, "udp", "--dport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_UDP, SHARES),
    ROW(MATCH_SOURCE_PORT, "sctp", "--sport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_SCTP, SHARES),
    ROW(MATCH_DESTINATION_PORT, "sctp", "--dport", 1, match_port_read, match_ports_print,
        .protocol = PROTOCOL_SCTP, SHARES),
    ROW(MATCH_SOURCE_PORTS, "multiport", "--sports", 1, match_ports_read, match_ports_print),
    ROW(MATCH_DESTINATION_PORTS, "multiport", "--dports", 1, match_ports_read, match_ports_print),
    ROW(MATCH_EITHER_PORTS, "multiport", "--ports", 1, match_ports_read, match_ports_print),
    ROW(MATCH_TCP_FLAGS, "tcp", "--tcp-flags", 2, parse_tcp_flags, print_tcp_flags,
        .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_TCP_FLAGS, "tcp", "--syn", 0, parse_syn, NULL, .protocol = PROTOCOL_TCP, SHARES),
    ROW(MATCH_SCTP_INIT, "sctp", "--chunk-types", 2, parse_sctp_init, print_sctp_init,
        .protocol = PROTOCOL_SCTP, SHARES),
    ROW(MATCH_ICMP_TYPE, "icmp", "--icmp-type", 1, icmp_type_read, icmp_type_print,
        ONLY(FAMILY_IPV4)),
    ROW(MATCH_ICMP_TYPE, "icmp6", "--icmpv6-type", 1, icmp_type_read, icmp_type_print,
        ONLY(FAMILY_IPV6)),
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
