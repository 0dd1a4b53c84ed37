#include "iptables/arguments.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "iptables/flag_words.h"
#include "iptables/nat_range.h"
#include "iptables/numbers.h"
#include "iptables/protocols.h"

static void print_in_quotes(const char *text, struct strbuf *out)
{
        strbuf_add_char(out, '"');
        for (; *text; text++) {
                if (strchr("\"\\'", *text))
                        strbuf_add_char(out, '\\');
                strbuf_add_char(out, *text);
        }
        strbuf_add_char(out, '"');
}

void print_quoted(const char *text, struct strbuf *out)
{
        static const char bare[] = "_-0123456789"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

        if (*text && text[strspn(text, bare)] == '\0')
                strbuf_add(out, text);
        else
                print_in_quotes(text, out);
}

bool argument_number(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value;

        if (!parse_number(words->text, '\0', UINT32_MAX, &value, NULL))
                return false;
        strbuf_printf(out, "%" PRIu32, value);
        return true;
}

static bool read_pair(const char *text, char between, uint32_t max, bool open, struct strbuf *out)
{
        uint32_t first, last;

        if (!parse_number_pair(text, between, max, open, &first, &last))
                return false;
        strbuf_printf(out, "%" PRIu32, first);
        if (last != first)
                strbuf_printf(out, "%c%" PRIu32, between, last);
        return true;
}

bool argument_number_range(const struct reading *reading, const struct word *words,
                           struct strbuf *out)
{
        return read_pair(words->text, ':', UINT32_MAX, false, out);
}

bool argument_open_range(const struct reading *reading, const struct word *words,
                         struct strbuf *out)
{
        return read_pair(words->text, ':', UINT16_MAX, true, out);
}

bool argument_queues(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        return strchr(words->text, ':') && read_pair(words->text, ':', UINT16_MAX, false, out);
}

bool argument_ids(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        return read_pair(words->text, '-', UINT32_MAX - 1, false, out);
}

bool argument_hex(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value;

        if (!parse_number(words->text, '\0', UINT32_MAX, &value, NULL))
                return false;
        strbuf_printf(out, "0x%" PRIx32, value);
        return true;
}

bool argument_byte(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value;

        if (!parse_number(words->text, '\0', UINT8_MAX, &value, NULL))
                return false;
        strbuf_printf(out, "0x%02" PRIx32, value);
        return true;
}

bool argument_masked(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value, mask;

        if (!parse_masked(words->text, &value, &mask))
                return false;
        print_masked(value, mask, out);
        return true;
}

bool argument_both(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value, mask;

        if (!parse_masked(words->text, &value, &mask))
                return false;
        print_both(value, mask, out);
        return true;
}

/* A number of its own spares the two bits of congestion only behind --set-tos and only by name. */
bool argument_tos(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value, mask = UINT8_MAX;

        if (!parse_masked(words->text, &value, &mask) || value > UINT8_MAX)
                return false;
        if (mask > UINT8_MAX && strchr(words->text, '/'))
                return false;
        strbuf_printf(out, "0x%02" PRIx32 "/0x%02" PRIx32, value, mask & UINT8_MAX);
        return true;
}

bool argument_class(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        unsigned digits[2] = {0};
        uint32_t numbers[2] = {0};
        const char *text = words->text;

        for (unsigned i = 0; i < 2; i++) {
                for (; digit_of(*text) < 16 && digits[i] < 5; digits[i]++, text++)
                        numbers[i] = numbers[i] * 16 + digit_of(*text);
                if (digits[i] == 0 || digits[i] > 4 || *text != (i == 0 ? ':' : '\0'))
                        return false;
                text += i == 0;
        }
        strbuf_printf(out, "%04" PRIx32 ":%04" PRIx32, numbers[0], numbers[1]);
        return true;
}

bool argument_set_mark(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t value, mask;

        if (!parse_masked(words->text, &value, &mask))
                return false;
        print_both(value, mask | value, out);
        return true;
}

static bool parse_mark(const struct word *word, uint32_t *ret)
{
        return parse_number(word->text, '\0', UINT32_MAX, ret, NULL);
}

bool argument_or_mark(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t bits;

        if (!parse_mark(words, &bits))
                return false;
        print_both(bits, bits, out);
        return true;
}

bool argument_and_mark(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t bits;

        if (!parse_mark(words, &bits))
                return false;
        print_both(0, ~bits, out);
        return true;
}

bool argument_xor_mark(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t bits;

        if (!parse_mark(words, &bits))
                return false;
        print_both(bits, 0, out);
        return true;
}

/* Longest first, as a rate is printed. A person may cut the name short. */
static const struct {
        const char *name;   /* as printed */
        const char *spoken; /* of which any beginning may be written */
        uint32_t seconds;
} rate_units[] = {
    {"day", "day", 24 * 60 * 60},
    {"hour", "hour", 60 * 60},
    {"min", "minute", 60},
    {"sec", "second", 1},
};

/* Ticks of 1/scale second from one packet to the next; 0 where it is not a rate. */
static uint64_t rate_ticks(const char *text, uint64_t scale)
{
        const char *slash = strchr(text, '/');
        uint32_t seconds = 1, n;

        if (slash && slash[1]) {
                seconds = 0;
                for (size_t i = 0; i < ARRAY_SIZE(rate_units); i++)
                        if (strncasecmp(slash + 1, rate_units[i].spoken, strlen(slash + 1)) == 0)
                                seconds = rate_units[i].seconds;
        } else if (slash) {
                return 0;
        }
        if (!parse_number(text, slash ? '/' : '\0', UINT32_MAX, &n, NULL) || n == 0)
                return 0;
        return scale * seconds / n;
}

static bool read_rate(const char *text, uint64_t scale, struct strbuf *out)
{
        const uint64_t ticks = rate_ticks(text, scale);
        size_t i = 1;

        if (ticks == 0)
                return false;
        for (; i < ARRAY_SIZE(rate_units); i++) {
                uint64_t unit = rate_units[i].seconds * scale;
                if (ticks > unit || unit / ticks < unit % ticks)
                        break;
        }
        strbuf_printf(out, "%" PRIu64 "/%s", rate_units[i - 1].seconds * scale / ticks,
                      rate_units[i - 1].name);
        return true;
}

bool argument_rate(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        return read_rate(words->text, 10000, out);
}

/* hashlimit's entries expire after the unit that was said, which is shown where it is not the one
 * that is printed: not understood of a command. */
static bool same_unit(const char *said, const char *printed)
{
        const char *slash = strchr(said, '/');
        const char *unit = slash ? slash + 1 : "sec", *other = strchr(printed, '/') + 1;
        const size_t length = strlen(unit) < strlen(other) ? strlen(unit) : strlen(other);

        return strncasecmp(unit, other, length) == 0;
}

/* Bytes ("512kb/s") stay as they are saved. */
bool argument_fine_rate(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        const size_t digits = strspn(words->text, "0123456789");
        const char *unit = words->text + digits;

        if (digits > 0 &&
            (strcmp(unit, "b/s") == 0 || strcmp(unit, "kb/s") == 0 || strcmp(unit, "mb/s") == 0))
                return argument_saved(reading, words, out);
        return read_rate(words->text, 1000000, out) &&
               (!reading->command || same_unit(words->text, strbuf_text(out)));
}

static bool read_flags(const char *text, const struct flag_word *words, size_t n,
                       struct strbuf *out)
{
        unsigned flags;

        if (!flags_parse(text, words, n, &flags))
                return false;
        flags_print(flags, words, n, out);
        return true;
}

bool argument_hash_mode(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        static const struct flag_word modes[] = {
            {1, "srcip"}, {2, "srcport"}, {4, "dstip"}, {8, "dstport"}};

        return read_flags(words->text, modes, ARRAY_SIZE(modes), out);
}

bool argument_states(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        return read_flags(words->text, ct_state_words, CT_STATES, out);
}

#define PROBABILITY_ONE 0x80000000 /* what the kernel throws its dice against */

bool argument_probability(const struct reading *reading, const struct word *words,
                          struct strbuf *out)
{
        char *end;
        const char *text = words->text;

        if (!*text || text[strspn(text, "0123456789.")])
                return false;
        double value = strtod(text, &end);
        if (*end || value < 0 || value > 1)
                return false;
        uint32_t threshold = (uint32_t)(value * PROBABILITY_ONE + 0.5);
        strbuf_printf(out, "%.11f", (double)threshold / PROBABILITY_ONE);
        return true;
}

bool argument_name(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        if (word_is_quoted(words) || !*words->text)
                return false;
        strbuf_add(out, words->text);
        return true;
}

bool argument_text(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        print_quoted(words->text, out);
        return true;
}

bool argument_quoted(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        print_in_quotes(words->text, out);
        return true;
}

bool argument_mac(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        const char *text = words->text;

        if (strlen(text) != strlen("00:00:00:00:00:00"))
                return false;
        for (size_t i = 0; text[i]; i++)
                if (i % 3 == 2 ? text[i] != ':' : digit_of(text[i]) > 15)
                        return false;
        for (size_t i = 0; text[i]; i++)
                strbuf_add_char(out, (char)tolower((unsigned char)text[i]));
        return true;
}

static bool parse_ip(const struct reading *reading, const char *text, struct ip *ret)
{
        return ip_parse(text, ret) && ret->family == reading->family;
}

bool argument_ip(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        char text[IP_TEXT_SIZE];
        struct ip ip;

        if (!parse_ip(reading, words->text, &ip))
                return false;
        strbuf_add(out, ip_format(&ip, text));
        return true;
}

/* A single address is printed bare. */
bool argument_prefix(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        char text[PREFIX_TEXT_SIZE];
        struct prefix prefix;

        if (argument_ip(reading, words, out))
                return true;
        if (!prefix_parse(words->text, &prefix, NULL) || prefix.ip.family != reading->family)
                return false;
        if (prefix.length == family_bits(reading->family))
                strbuf_add(out, ip_format(&prefix.ip, text));
        else
                strbuf_add(out, prefix_format(&prefix, text));
        return true;
}

bool argument_protocol(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint32_t number = iptables_protocol_of(words->text);

        if (number == 0 && !parse_number(words->text, '\0', UINT8_MAX, &number, NULL))
                return false;
        strbuf_printf(out, "%" PRIu32, number);
        return true;
}

/* ":80" of IPv6 has nothing before its colon, like IPv4's. Shifted ports stay as written. */
bool argument_nat(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        const bool ports_only = words->text[0] == ':' && words->text[1] != ':';
        struct nat nat;

        if (!nat_parse(words->text, ports_only ? FAMILY_IPV4 : reading->family, &nat))
                return strchr(words->text, '/') && argument_saved(reading, words, out);
        nat_print(&nat, out);
        return true;
}

bool argument_nat_ports(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        struct nat nat = {0};

        if (!nat_ports_parse(words->text, &nat))
                return false;
        nat_ports_print(nat.ports, out);
        return true;
}

bool argument_any(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        if (strcmp(words->text, "any") != 0)
                return false;
        strbuf_add(out, "any");
        return true;
}

bool argument_level(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        static const char *const names[][2] = {
            {"emerg", "panic"},  {"alert", ""},  {"crit", ""}, {"err", "error"},
            {"warn", "warning"}, {"notice", ""}, {"info", ""}, {"debug", ""},
        };
        uint32_t level = ARRAY_SIZE(names);

        for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcasecmp(words->text, names[i][0]) == 0 ||
                    strcasecmp(words->text, names[i][1]) == 0)
                        level = i;
        if (level == ARRAY_SIZE(names) &&
            !parse_number(words->text, '\0', ARRAY_SIZE(names) - 1, &level, NULL))
                return false;
        strbuf_printf(out, "%" PRIu32, level);
        return true;
}

bool argument_zone(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        if (strcmp(words->text, "mark") != 0)
                return argument_number(reading, words, out);
        strbuf_add(out, "mark");
        return true;
}

bool set_ends_parse(const char *text, uint8_t ends[static SET_DIMENSIONS], uint8_t *ret_n)
{
        for (uint8_t n = 0; n < SET_DIMENSIONS; text += 4) {
                bool source = strncmp(text, "src", 3) == 0;
                if (!source && strncmp(text, "dst", 3) != 0)
                        return false;
                ends[n++] = source ? SET_SOURCE : SET_DESTINATION;
                if (text[3] == '\0') {
                        *ret_n = n;
                        return true;
                }
                if (text[3] != ',')
                        return false;
        }
        return false;
}

bool argument_set(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        uint8_t ends[SET_DIMENSIONS], n;

        if (!set_ends_parse(words[1].text, ends, &n) || !*words[0].text)
                return false;
        strbuf_printf(out, "%s %s", words[0].text, words[1].text);
        return true;
}

bool argument_saved(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        if (reading->command)
                return false;
        strbuf_add_bytes(out, words->raw, words->raw_length);
        return true;
}

bool argument_saved_two(const struct reading *reading, const struct word *words, struct strbuf *out)
{
        if (!argument_saved(reading, words, out))
                return false;
        strbuf_add_char(out, ' ');
        return argument_saved(reading, words + 1, out);
}
