#include "compile/ports.h"

#define MULTIPORT_SLOTS 15

typedef VEC(struct port_range) range_list;

static int range_compare(const void *a, const void *b)
{
        const struct port_range *x = a, *y = b;

        return x->first != y->first ? (int)x->first - (int)y->first : (int)x->last - (int)y->last;
}

/* Sorted, disjoint, not even adjacent. */
static void merge_ranges(range_list *list)
{
        size_t n = 0;

        vec_sort(list, range_compare);
        vec_foreach (struct port_range, range, list) {
                struct port_range *last = n ? &list->items[n - 1] : NULL;
                if (last && range->first <= last->last + 1) {
                        if (range->last > last->last)
                                last->last = range->last;
                } else {
                        list->items[n++] = *range;
                }
        }
        list->n = n;
}

static range_list ranges_of(struct arena *arena, const struct policy_rule *rule,
                            const struct pod *subject, enum protocol protocol)
{
        range_list list = {0};

        for (size_t i = 0; i < rule->ports.n; i++) {
                const struct policy_port *port = &rule->ports.items[i];
                struct port_range range = port->range;
                if (port->protocol != protocol)
                        continue;
                if (port->name) {
                        if (!subject ||
                            !pod_named_port(subject, port->name, protocol, &range.first))
                                continue;
                        range.last = range.first;
                }
                vec_push(arena, &list, range);
        }
        merge_ranges(&list);
        return list;
}

static struct port_match match_protocol(enum protocol protocol)
{
        struct port_match match = {.n = 1};

        match.items[0] = (struct match){.kind = MATCH_PROTOCOL, .number = protocol};
        return match;
}

static size_t slots_of(struct port_range range)
{
        return range.first == range.last ? 1 : 2;
}

/* How many ranges from the first on fit one match. */
static size_t fitting(const struct port_range *ranges, size_t n)
{
        size_t slots = 0, fit = 0;

        while (fit < n && slots + slots_of(ranges[fit]) <= MULTIPORT_SLOTS)
                slots += slots_of(ranges[fit++]);
        return fit;
}

static void add_matches(struct arena *arena, struct port_matches *matches, enum protocol protocol,
                        const range_list *ranges)
{
        for (size_t i = 0; i < ranges->n;) {
                size_t n = fitting(ranges->items + i, ranges->n - i);
                struct port_match match = match_protocol(protocol);
                match.items[1].kind = n == 1 ? MATCH_DESTINATION_PORT : MATCH_DESTINATION_PORTS;
                match.items[1].ports.items = ranges->items + i;
                match.items[1].ports.n = n;
                match.n = 2;
                vec_push(arena, &matches->list, match);
                i += n;
        }
}

struct port_matches ports_compile(struct arena *arena, const struct policy_rule *rule,
                                  const struct pod *subject)
{
        static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};
        struct port_matches matches = {0};

        if (rule->ports.n == 0) {
                vec_push(arena, &matches.list, (struct port_match){0});
                return matches;
        }
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
                range_list ranges = ranges_of(arena, rule, subject, protocols[i]);
                bool all = ranges.n == 1 && ranges.items[0].first == 0 &&
                           ranges.items[0].last == UINT16_MAX;
                if (all)
                        vec_push(arena, &matches.list, match_protocol(protocols[i]));
                else
                        add_matches(arena, &matches, protocols[i], &ranges);
        }
        return matches;
}
