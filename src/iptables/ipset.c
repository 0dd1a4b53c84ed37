#include <inttypes.h>
#include <string.h>

#include "iptables/installed.h"
#include "iptables/ipset_create.h"
#include "iptables/ipset_element.h"
#include "iptables/ipset_parts.h"
#include "iptables/text.h"

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
                      hash_size(set), IPSET_MAX_ELEMENTS, set->counters ? " counters" : "");
}

static void print_create(const struct set *set, struct strbuf *out)
{
        const char *type = set->type == SET_UNKNOWN ? set->type_text : set_type_name(set->type);

        if (!set->options)
                ipset_print_create(set, out);
        else
                strbuf_printf(out, "create %s %s%s%s\n", set->name, type, *set->options ? " " : "",
                              set->options);
}

static void print_element(const char *verb, const struct set *set,
                          const struct set_element *element, bool counters, struct strbuf *out)
{
        const char *options = set_element_more(element)->options;

        strbuf_add(out, verb);
        strbuf_add_char(out, ' ');
        strbuf_add(out, set->name);
        strbuf_add_char(out, ' ');
        ipset_print_address(set, element, out);
        if (options) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, options);
        } else {
                if (element->nomatch)
                        strbuf_add(out, " nomatch");
                if (counters)
                        strbuf_printf(out, " packets %" PRIu64 " bytes %" PRIu64,
                                      element->counters.packets, element->counters.bytes);
        }
        strbuf_add_char(out, '\n');
}

void ipset_print_element(const char *verb, const struct set *set, const struct set_element *element,
                         struct strbuf *out)
{
        print_element(verb, set, element, false, out);
}

static void print_elements(const struct set *set, struct strbuf *out)
{
        vec_foreach (const struct set_element, element, &set->elements)
                print_element("add", set, element, set->counted, out);
}

void ipset_print(const struct ruleset *ruleset, struct strbuf *out)
{
        vec_foreach (const struct set, set, &ruleset->sets) {
                print_create(set, out);
                if (ruleset->elements_follow)
                        print_elements(set, out);
        }
        if (!ruleset->elements_follow)
                vec_foreach (const struct set, set, &ruleset->sets)
                        print_elements(set, out);
}

struct parser {
        struct ruleset *ruleset;
        struct span text; /* what is still to be read */
        struct span line;
        unsigned line_number, newlines;
        struct set *set; /* that the last line was about */
        struct map *by_name;
        struct ipset_elements elements;
        bool added; /* an element */
        struct err *err;
};

static int refuse(const struct parser *parser, const char *why)
{
        return err_set(parser->err, "line %u: %s: %.*s", parser->line_number, why,
                       (int)(span_length(parser->line) < 60 ? span_length(parser->line) : 60),
                       parser->line.at);
}

/* Where a comment begins in the line, behind its quote; NULL where there is none. */
static const char *find_comment(struct span line)
{
        static const char comment[] = " comment \"";

        if (!memchr(line.at, '"', span_length(line)))
                return NULL;
        const char *found = memmem(line.at, span_length(line), comment, strlen(comment));
        return found ? found + strlen(comment) : NULL;
}

/* A comment may hold newlines. What there is no end of is cut off. */
static bool find_line_end(const struct parser *parser, const char **ret)
{
        const char *end = memchr(parser->text.at, '\n', span_length(parser->text));
        const char *comment = end ? find_comment((struct span){parser->text.at, end}) : NULL;

        if (comment) {
                const char *quote = strchr(comment, '"');
                if (!quote)
                        return false;
                end = quote < end ? end : strchr(quote, '\n');
        }
        *ret = end;
        return end != NULL;
}

/* 1: a line; 0: the end. */
static int next_line(struct parser *parser)
{
        const char *end;

        if (parser->text.at == parser->text.end)
                return 0;
        parser->line_number = parser->newlines;
        parser->line = parser->text;
        if (!find_line_end(parser, &end))
                return refuse(parser, "the line is cut off");
        parser->line.end = end;
        for (const char *p = parser->line.at; (p = memchr(p, '\n', (size_t)(end - p))); p++)
                parser->newlines++;
        parser->newlines++;
        parser->text.at = end + 1;
        return 1;
}

static const char *keep(const struct parser *parser, struct span span)
{
        return arena_strndup(parser->ruleset->arena, span.at, span_length(span));
}

static enum set_type parse_type(struct span name)
{
        for (enum set_type type = SET_HASH_IP; type < SET_UNKNOWN; type++)
                if (span_is(name, set_type_name(type)))
                        return type;
        return SET_UNKNOWN;
}

/* It keeps its lines as they were read: so do its elements, what was understood of them, too. */
static void make_unknown(const struct parser *parser, struct set *set)
{
        struct arena *arena = parser->ruleset->arena;

        vec_foreach (struct set_element, element, &set->elements) {
                _cleanup_strbuf_ struct strbuf line = {0};
                print_element("add", set, element, set->counted, &line);
                size_t start = strlen("add ") + strlen(set->name) + 1;
                struct set_element_more more = {
                    .member = arena_strndup(arena, line.text + start, line.length - start - 1),
                };
                *element = (struct set_element){.more = arena_copy(arena, &more, sizeof(more))};
        }
        set->type_text = set_type_name(set->type);
        set->type = SET_UNKNOWN;
        set->counted = false;
        set->plain = false;
        set->misfit = is_own_set(set->name);
}

/* "NAME TYPE …" */
static int parse_create(struct parser *parser, struct span rest)
{
        const char *name = keep(parser, span_take(&rest, ' '));
        struct span type = span_take(&rest, ' ');

        if (!*name || type.at == type.end)
                return refuse(parser, "not a set");
        if (map_get(parser->by_name, name))
                return refuse(parser, "a set that is there already");
        struct set *set = ruleset_add_set(parser->ruleset, name, parse_type(type), FAMILY_IPV4);
        bool understood = ipset_read_options(parser->ruleset->arena, rest, set);
        if (set->type == SET_UNKNOWN || !understood) {
                make_unknown(parser, set);
                set->type_text = keep(parser, type);
        }
        set->misfit = is_own_set(name) && !ipset_is_as_made(set);
        map_put(parser->by_name, name, (void *)(uintptr_t)parser->ruleset->sets.n);
        parser->set = set;
        parser->ruleset->elements_follow |= parser->added;
        return 0;
}

static bool is_named(const struct set *set, struct span name)
{
        return set && span_is(name, set->name);
}

static struct set *set_named(struct parser *parser, struct span name)
{
        if (!is_named(parser->set, name)) {
                uintptr_t position = (uintptr_t)map_get(parser->by_name, keep(parser, name));
                parser->set = position ? &parser->ruleset->sets.items[position - 1] : NULL;
        }
        return parser->set;
}

/* So many as there are lines that begin like this one: growing step by step would leave behind as
 * much memory again as it needs. */
static void make_room(struct parser *parser, struct set *set)
{
        size_t length = strlen("add ") + strlen(set->name) + 1, n = 1;
        const char *p = parser->text.at;

        while (p && (size_t)(parser->text.end - p) > length &&
               memcmp(p, parser->line.at, length) == 0) {
                n++;
                p = memchr(p, '\n', (size_t)(parser->text.end - p));
                p = p ? p + 1 : NULL;
        }
        set->elements.items = arena_new_array(parser->ruleset->arena, struct set_element, n);
        set->elements.cap = n;
}

/* "NAME ELEMENT …" */
static int parse_add(struct parser *parser, struct span rest)
{
        struct span name = span_take(&rest, ' '), line = rest;
        struct span text = span_take(&rest, ' ');
        struct span none = {rest.end, rest.end};
        struct set *set = text.at < text.end ? set_named(parser, name) : NULL;
        struct set_element element;

        if (!set)
                return refuse(parser, "not an element of a set");
        if (!set->elements.items)
                make_room(parser, set);
        if (set->type != SET_UNKNOWN &&
            !ipset_read_element(&parser->elements, set, text, rest, &element))
                make_unknown(parser, set);
        if (set->type == SET_UNKNOWN)
                ipset_read_element(&parser->elements, set, line, none, &element);
        vec_push(parser->ruleset->arena, &set->elements, element);
        set->misfit |= is_own_set(set->name) && set_element_more(&element)->options;
        parser->added = true;
        return 0;
}

static int parse_line(struct parser *parser)
{
        struct span rest = parser->line, verb = span_take(&rest, ' ');

        if (span_is(verb, "add"))
                return parse_add(parser, rest);
        if (span_is(verb, "create"))
                return parse_create(parser, rest);
        if (verb.at == verb.end || *verb.at == '#')
                return 0;
        return refuse(parser, "not ipset save's");
}

int ipset_parse(struct ruleset *ruleset, const char *text, struct err *err)
{
        struct parser parser = {
            .ruleset = ruleset,
            .text = {text, text + strlen(text)},
            .newlines = 1,
            .by_name = map_new(ruleset->arena),
            .elements = {.arena = ruleset->arena},
            .err = err,
        };
        int r;

        while ((r = next_line(&parser)) > 0)
                if (parse_line(&parser) < 0)
                        return -1;
        return r;
}
