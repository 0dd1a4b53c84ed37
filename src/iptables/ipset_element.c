#include "iptables/ipset_element.h"

#include <string.h>

#include "iptables/ipset_parts.h"

/* What follows an element. Counters and a nomatch have their places in it; anything else is kept
 * as it is written, with these. */

static bool read_nomatch(struct element_reading *reading, struct span value)
{
        enum set_type type = reading->set->type;

        reading->element.nomatch = true;
        return set_type_has_nets(type, 0) || set_type_has_nets(type, 1);
}

static bool read_packets(struct element_reading *reading, struct span value)
{
        reading->set->counted = true;
        return span_number(value, UINT64_MAX, &reading->element.counters.packets);
}

static bool read_bytes(struct element_reading *reading, struct span value)
{
        return span_number(value, UINT64_MAX, &reading->element.counters.bytes);
}

static bool read_timeout(struct element_reading *reading, struct span value)
{
        uint64_t seconds;

        if (!span_number(value, UINT32_MAX, &seconds))
                return false;
        reading->set->plain &= seconds == 0;
        return true;
}

static bool read_wildcard(struct element_reading *reading, struct span value)
{
        reading->has_more = reading->more.wildcard = true;
        return reading->set->type == SET_HASH_NET_IFACE;
}

static bool read_anything(struct element_reading *reading, struct span value)
{
        return value.at < value.end;
}

static const struct {
        const char *name;
        bool has_value;
        bool (*read)(struct element_reading *reading, struct span value);
        bool ours; /* its place is struct set_element */
} options[] = {
    {"nomatch", .read = read_nomatch, .ours = true},
    {"packets", .has_value = true, .read = read_packets, .ours = true},
    {"bytes", .has_value = true, .read = read_bytes, .ours = true},
    {"timeout", .has_value = true, .read = read_timeout},
    {"wildcard", .read = read_wildcard},
    {"skbmark", .has_value = true, .read = read_anything},
    {"skbprio", .has_value = true, .read = read_anything},
    {"skbqueue", .has_value = true, .read = read_anything},
};

/* Everything between the quotes; there is no quote in a comment. */
static bool skip_comment(struct span *rest)
{
        if (rest->at == rest->end || *rest->at != '"')
                return false;
        rest->at++;
        span_take(rest, '"');
        if (rest->at[-1] != '"' || (rest->at < rest->end && *rest->at != ' '))
                return false;
        rest->at += rest->at < rest->end;
        return true;
}

static bool read_option(struct element_reading *reading, struct span name, struct span *rest,
                        bool *ours)
{
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                if (!span_is(name, options[i].name))
                        continue;
                struct span none = {rest->at, rest->at};
                struct span value = options[i].has_value ? span_take(rest, ' ') : none;
                *ours &= options[i].ours;
                return options[i].read(reading, value);
        }
        *ours = false;
        return span_is(name, "comment") && skip_comment(rest);
}

/* Is it the order that nomatch and counters are printed in, and nothing twice? */
static bool is_in_order(struct span text, bool nomatch)
{
        size_t words = 0;

        for (const char *p = text.at; p < text.end; p++)
                words += *p == ' ';
        words += text.at < text.end;
        if (nomatch && !span_is(span_take(&text, ' '), "nomatch"))
                return false;
        words -= nomatch;
        return words == 0 || (words == 4 && span_is(span_take(&text, ' '), "packets"));
}

static bool read_options(struct element_reading *reading, struct span text)
{
        struct span rest = text;
        bool ours = true;

        while (rest.at < rest.end) {
                struct span name = span_take(&rest, ' ');
                if (!read_option(reading, name, &rest, &ours))
                        return false;
        }
        if (ours && is_in_order(text, reading->element.nomatch))
                return true;
        reading->has_more = true;
        reading->options = text;
        return true;
}

static bool is_text(const char *text, struct span span)
{
        return span.at ? text && span_is(span, text) : !text;
}

static bool is_same(const struct set_element_more *last, const struct element_reading *reading)
{
        const struct set_element_more *more = &reading->more;

        return last && prefix_equal(&last->second, &more->second) && last->mark == more->mark &&
               last->wildcard == more->wildcard &&
               memcmp(last->mac, more->mac, sizeof(more->mac)) == 0 &&
               is_text(last->interface, reading->interface) &&
               is_text(last->member, reading->member) && is_text(last->options, reading->options);
}

/* The last one's where it is the same. */
static const char *keep(struct arena *arena, const char *last, struct span span)
{
        if (!span.at)
                return NULL;
        return last && span_is(span, last) ? last
                                           : arena_strndup(arena, span.at, span_length(span));
}

static const struct set_element_more *keep_more(struct ipset_elements *elements,
                                                struct element_reading *reading)
{
        static const struct set_element_more none;
        const struct set_element_more *last = elements->last ? elements->last : &none;
        struct set_element_more *more = &reading->more;

        if (is_same(elements->last, reading))
                return elements->last;
        more->interface = keep(elements->arena, last->interface, reading->interface);
        more->member = keep(elements->arena, last->member, reading->member);
        more->options = keep(elements->arena, last->options, reading->options);
        elements->last = arena_copy(elements->arena, more, sizeof(*more));
        return elements->last;
}

bool ipset_read_element(struct ipset_elements *elements, struct set *set, struct span text,
                        struct span rest, struct set_element *ret)
{
        struct element_reading reading = {.set = set};

        if (!ipset_read_parts(&reading, text) || !read_options(&reading, rest))
                return false;
        if (reading.has_more)
                reading.element.more = keep_more(elements, &reading);
        *ret = reading.element;
        return true;
}
