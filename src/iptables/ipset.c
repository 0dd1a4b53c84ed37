#include <stdlib.h>
#include <string.h>

#include "iptables/installed.h"
#include "iptables/text.h"
#include "iptables/words.h"

#define MAX_ELEMENTS  16777216
#define MIN_HASH_SIZE 64 /* the kernel's own */
#define MAX_HASH_SIZE 65536

static size_t hash_size(const struct set *set)
{
        size_t size = MIN_HASH_SIZE;

        while (size < set->elements.n && size < MAX_HASH_SIZE)
                size *= 2;
        return size;
}

void ipset_print_create(const struct set *set, struct strbuf *out)
{
        strbuf_printf(out, "create %s %s family %s hashsize %zu maxelem %u%s\n", set->name,
                      set_type_name(set->type), set->family == FAMILY_IPV4 ? "inet" : "inet6",
                      hash_size(set), MAX_ELEMENTS, set->counters ? " counters" : "");
}

static const struct {
        enum protocol protocol;
        const char *name;
} port_protocols[] = {
    {PROTOCOL_TCP, "tcp"},
    {PROTOCOL_UDP, "udp"},
    {PROTOCOL_SCTP, "sctp"},
};

/* Whole addresses without their length. */
static void print_address(const struct prefix *prefix, struct strbuf *out)
{
        char text[PREFIX_TEXT_SIZE];

        if (prefix->length == family_bits(prefix->ip.family))
                strbuf_add(out, ip_format(&prefix->ip, text));
        else
                strbuf_add(out, prefix_format(prefix, text));
}

void ipset_print_element(const char *verb, const struct set *set, const struct set_element *element,
                         struct strbuf *out)
{
        strbuf_add(out, verb);
        strbuf_add_char(out, ' ');
        strbuf_add(out, set->name);
        strbuf_add_char(out, ' ');
        print_address(&element->prefix, out);
        for (size_t i = 0; set->type == SET_HASH_IP_PORT && i < ARRAY_SIZE(port_protocols); i++)
                if (port_protocols[i].protocol == element->protocol)
                        strbuf_printf(out, ",%s:%u", port_protocols[i].name, element->port);
        strbuf_add(out, element->nomatch ? " nomatch\n" : "\n");
}

void ipset_print(const struct ruleset *ruleset, struct strbuf *out)
{
        vec_foreach (const struct set, set, &ruleset->sets)
                ipset_print_create(set, out);
        vec_foreach (const struct set, set, &ruleset->sets)
                vec_foreach (const struct set_element, element, &set->elements)
                        ipset_print_element("add", set, element, out);
}

struct parser {
        struct ruleset *ruleset;
        struct words words;
        struct set *set; /* that the last line was about */
        struct map *by_name;
        struct err *err;
};

static int refuse(struct parser *parser, const char *why)
{
        const char *line = words_raw(&parser->words, 0, parser->words.list.n);

        return err_set(parser->err, "line %u: %s: %.60s", parser->words.line, why, line);
}

static enum set_type parse_type(const char *name)
{
        for (enum set_type type = SET_HASH_IP; type <= SET_HASH_IP_PORT; type++)
                if (strcmp(set_type_name(type), name) == 0)
                        return type;
        return SET_UNKNOWN;
}

/* The options behind the type. hashsize, bucketsize and initval (newer tools print more of them)
 * are the kernel's business and read over; others change what a set means. */
static bool parse_create_options(const struct words *words, size_t first, struct set *set)
{
        bool large = false;
        size_t i = first;

        while (i < words->list.n) {
                const char *name = words->list.items[i++].text;
                if (strcmp(name, "counters") == 0) {
                        set->counters = true;
                        continue;
                }
                if (i == words->list.n)
                        return false;
                const char *value = words->list.items[i++].text;
                if (strcmp(name, "family") == 0)
                        set->family = strcmp(value, "inet6") == 0 ? FAMILY_IPV6 : FAMILY_IPV4;
                else if (strcmp(name, "maxelem") == 0)
                        large = strtoul(value, NULL, 10) >= MAX_ELEMENTS;
                else if (strcmp(name, "hashsize") != 0 && strcmp(name, "bucketsize") != 0 &&
                         strcmp(name, "initval") != 0)
                        return false;
        }
        return large && (!set->counters || set->type != SET_HASH_NET);
}

/* "create NAME TYPE …" */
static int parse_create(struct parser *parser)
{
        const struct word *items = parser->words.list.items;

        if (parser->words.list.n < 3 || word_is_quoted(&items[1]))
                return refuse(parser, "not a set");
        if (map_get(parser->by_name, items[1].text))
                return refuse(parser, "a set that is there already");
        struct set *set =
            ruleset_add_set(parser->ruleset, items[1].text, parse_type(items[2].text), FAMILY_IPV4);
        bool as_made = parse_create_options(&parser->words, 3, set);
        if (is_own_set(set->name) && !as_made)
                set->type = SET_UNKNOWN;
        map_put(parser->by_name, set->name, (void *)(uintptr_t)parser->ruleset->sets.n);
        parser->set = set;
        return 0;
}

static bool parse_address(const char *text, struct prefix *ret)
{
        struct ip ip;

        if (!ip_parse(text, &ip))
                return prefix_parse(text, ret, NULL);
        *ret = prefix_host(&ip);
        return true;
}

static bool parse_protocol_and_port(const char *text, struct set_element *ret)
{
        const char *colon = strchr(text, ':');
        char *end;

        if (!colon || colon[1] < '0' || colon[1] > '9')
                return false;
        unsigned long port = strtoul(colon + 1, &end, 10);
        if (*end || port > UINT16_MAX)
                return false;
        ret->port = (uint16_t)port;
        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                if (strlen(port_protocols[i].name) == (size_t)(colon - text) &&
                    strncmp(port_protocols[i].name, text, (size_t)(colon - text)) == 0) {
                        ret->protocol = (uint8_t)port_protocols[i].protocol;
                        return true;
                }
        return false;
}

static bool parse_element(struct arena *arena, const struct set *set, const char *text,
                          struct set_element *ret)
{
        const char *comma = strchr(text, ',');
        const char *first = comma ? arena_strndup(arena, text, (size_t)(comma - text)) : text;
        bool pair = set->type == SET_HASH_IP_PORT;

        if (pair != (comma != NULL) || !parse_address(first, &ret->prefix) ||
            ret->prefix.ip.family != set->family)
                return false;
        return !pair || parse_protocol_and_port(comma + 1, ret);
}

static struct set *set_named(struct parser *parser, const char *name)
{
        if (!parser->set || strcmp(parser->set->name, name) != 0) {
                uintptr_t position = (uintptr_t)map_get(parser->by_name, name);
                parser->set = position ? &parser->ruleset->sets.items[position - 1] : NULL;
        }
        return parser->set;
}

/* " packets N bytes N" from there on. */
static bool parse_element_counters(const struct words *words, size_t at, struct counters *ret)
{
        const struct word *items = words->list.items + at;

        if (words->list.n != at + 4 || strcmp(items[0].text, "packets") != 0 ||
            strcmp(items[2].text, "bytes") != 0)
                return false;
        ret->packets = strtoull(items[1].text, NULL, 10);
        ret->bytes = strtoull(items[3].text, NULL, 10);
        return true;
}

/* "add NAME ELEMENT [nomatch] [packets N bytes N]"; an element that penstock would not have written
 * makes the set one that it did not make. */
static int parse_add(struct parser *parser)
{
        const struct word *items = parser->words.list.items;
        size_t n = parser->words.list.n;
        struct set *set = n >= 3 ? set_named(parser, items[1].text) : NULL;
        struct set_element element = {0};

        if (!set)
                return refuse(parser, "not an element of a set");
        if (!is_own_set(set->name) || set->type == SET_UNKNOWN)
                return 0;
        element.nomatch = n >= 4 && strcmp(items[3].text, "nomatch") == 0;
        size_t end = 3u + element.nomatch;
        if ((n == end ||
             (set->counters && parse_element_counters(&parser->words, end, &element.counters))) &&
            parse_element(parser->ruleset->arena, set, items[2].text, &element)) {
                vec_push(parser->ruleset->arena, &set->elements, element);
        } else {
                set->type = SET_UNKNOWN;
                set->elements.n = 0;
        }
        return 0;
}

int ipset_parse(struct ruleset *ruleset, const char *text, struct err *err)
{
        struct parser parser = {
            .ruleset = ruleset,
            .words = words_of(ruleset->arena, text),
            .by_name = map_new(ruleset->arena),
            .err = err,
        };

        while (words_next(&parser.words)) {
                const char *verb = parser.words.list.items[0].text;
                int r = 0;
                if (strcmp(verb, "create") == 0)
                        r = parse_create(&parser);
                else if (strcmp(verb, "add") == 0)
                        r = parse_add(&parser);
                else
                        r = refuse(&parser, "not ipset save's");
                if (r < 0)
                        return -1;
        }
        ruleset_finish(ruleset);
        return 0;
}
