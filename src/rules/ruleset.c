#include "rules/ruleset.h"

#include <string.h>

#include "rules/set.h"

bool is_own_chain(const char *name)
{
        return strncmp(name, CHAIN_PREFIX, strlen(CHAIN_PREFIX)) == 0;
}

bool is_own_set(const char *name)
{
        return strncmp(name, SET_PREFIX, strlen(SET_PREFIX)) == 0;
}

bool chain_drops(const struct chain *chain)
{
        return chain->policy && strcmp(chain->policy, "DROP") == 0;
}

struct ruleset *ruleset_new(struct arena *arena)
{
        struct ruleset *ruleset = arena_new_object(arena, struct ruleset);

        ruleset->arena = arena;
        return ruleset;
}

struct enforced enforced_of(const struct ruleset *ruleset)
{
        return (struct enforced){.rules = {ruleset}, .n = 1, .sets = ruleset};
}

struct table *ruleset_table(const struct ruleset *ruleset, enum family family, const char *name)
{
        vec_foreach (struct table, table, &ruleset->tables)
                if (table->family == family && strcmp(table->name, name) == 0)
                        return table;
        return NULL;
}

struct table *ruleset_add_table(struct ruleset *ruleset, enum family family, const char *name)
{
        struct table *known = ruleset_table(ruleset, family, name);

        if (known)
                return known;
        struct table table = {
            .family = family,
            .name = arena_strdup(ruleset->arena, name),
            .by_name = map_new(ruleset->arena),
        };
        vec_push(ruleset->arena, &ruleset->tables, table);
        return &ruleset->tables.items[ruleset->tables.n - 1];
}

/* The map holds positions, which growing does not move; 0 is its word for "absent". */
struct chain *table_chain(const struct table *table, const char *name)
{
        uintptr_t position = (uintptr_t)map_get(table->by_name, name);

        return position ? &table->chains.items[position - 1] : NULL;
}

struct chain *table_add_chain(struct ruleset *ruleset, struct table *table, const char *name)
{
        struct chain chain = {.name = arena_strdup(ruleset->arena, name)};

        vec_push(ruleset->arena, &table->chains, chain);
        map_put(table->by_name, name, (void *)(uintptr_t)table->chains.n);
        return &table->chains.items[table->chains.n - 1];
}

struct set *ruleset_add_set(struct ruleset *ruleset, const char *name, enum set_type type,
                            enum family family)
{
        struct set set = {
            .name = arena_strdup(ruleset->arena, name),
            .type = type,
            .family = family,
            .plain = true,
        };

        vec_push(ruleset->arena, &ruleset->sets, set);
        return &ruleset->sets.items[ruleset->sets.n - 1];
}

static int compare_sets(const void *a, const void *b)
{
        return strcmp(((const struct set *)a)->name, ((const struct set *)b)->name);
}

struct set *ruleset_set(const struct ruleset *ruleset, const char *name)
{
        struct set key = {.name = name};

        return vec_find(&ruleset->sets, &key, compare_sets);
}

void ruleset_finish(struct ruleset *ruleset)
{
        vec_sort(&ruleset->sets, compare_sets);
        vec_foreach (struct set, set, &ruleset->sets)
                set_finish(ruleset->arena, set);
}

void rule_add_match(struct ruleset *ruleset, struct rule *rule, struct match match)
{
        vec_push(ruleset->arena, &rule->matches, match);
}

const char *rule_comment(const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_COMMENT)
                        return match->text;
        return NULL;
}

void counters_add(struct counters *sum, const struct counters *counters)
{
        sum->packets += counters->packets;
        sum->bytes += counters->bytes;
}

/* Either may be NULL. */
static bool texts_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool ports_equal(const struct match *a, const struct match *b)
{
        if (a->ports.n != b->ports.n)
                return false;
        for (size_t i = 0; i < a->ports.n; i++)
                if (a->ports.items[i].first != b->ports.items[i].first ||
                    a->ports.items[i].last != b->ports.items[i].last)
                        return false;
        return true;
}

/* iptables-nft shows "! --sport 0:99" as "--sport 100:65535". */
static struct match port_plain(const struct match *match, struct port_range *range)
{
        struct match plain = *match;

        *range = match->ports.items[0];
        plain.ports.items = range;
        if (!match->invert || (range->first > 0) == (range->last < UINT16_MAX))
                return plain;
        plain.invert = false;
        *range = range->first > 0 ? (struct port_range){0, (uint16_t)(range->first - 1)}
                                  : (struct port_range){(uint16_t)(range->last + 1), UINT16_MAX};
        return plain;
}

static bool port_equal(const struct match *a, const struct match *b)
{
        struct port_range ranges[2];
        const struct match plain[2] = {port_plain(a, &ranges[0]), port_plain(b, &ranges[1])};

        return plain[0].invert == plain[1].invert && ports_equal(&plain[0], &plain[1]);
}

static bool sets_equal(const struct match *a, const struct match *b)
{
        return strcmp(a->set.name, b->set.name) == 0 && a->set.n_ends == b->set.n_ends &&
               memcmp(a->set.ends, b->set.ends, a->set.n_ends) == 0 &&
               texts_equal(a->set.options, b->set.options);
}

static bool match_equal(const struct match *a, const struct match *b)
{
        if (a->kind != b->kind)
                return false;
        if (a->kind == MATCH_SOURCE_PORT || a->kind == MATCH_DESTINATION_PORT)
                return port_equal(a, b);
        if (a->invert != b->invert)
                return false;
        switch (a->kind) {
        case MATCH_SOURCE:
        case MATCH_DESTINATION:
                return prefix_equal(&a->prefix, &b->prefix);
        case MATCH_PROTOCOL:
        case MATCH_HOP_LIMIT:
                return a->number == b->number;
        case MATCH_CTSTATE:
                return a->flags == b->flags;
        case MATCH_SOURCE_TYPE:
        case MATCH_DESTINATION_TYPE:
                return a->address_type.types == b->address_type.types &&
                       a->address_type.limit_in == b->address_type.limit_in &&
                       a->address_type.limit_out == b->address_type.limit_out;
        case MATCH_SOURCE_RANGE:
        case MATCH_DESTINATION_RANGE:
                return ip_equal(&a->range.first, &b->range.first) &&
                       ip_equal(&a->range.last, &b->range.last);
        case MATCH_MARK:
        case MATCH_CONNMARK:
                return a->mark.value == b->mark.value && a->mark.mask == b->mark.mask;
        case MATCH_COUNTS:
        case MATCH_CHANCE:
        case MATCH_BEYOND:
                return strcmp(a->extension.module, b->extension.module) == 0 &&
                       strcmp(a->extension.text, b->extension.text) == 0;
        case MATCH_SCTP_INIT:
                return true;
        case MATCH_IN_INTERFACE:
        case MATCH_OUT_INTERFACE:
        case MATCH_COMMENT:
        case MATCH_UNKNOWN:
                return strcmp(a->text, b->text) == 0;
        case MATCH_SET:
                return sets_equal(a, b);
        case MATCH_DESTINATION_PORT:
        case MATCH_SOURCE_PORT:
        case MATCH_DESTINATION_PORTS:
        case MATCH_SOURCE_PORTS:
        case MATCH_EITHER_PORTS:
                return ports_equal(a, b);
        case MATCH_TCP_FLAGS:
                return a->tcp_flags.mask == b->tcp_flags.mask &&
                       a->tcp_flags.set == b->tcp_flags.set;
        case MATCH_ICMP_TYPE:
                return a->icmp.type == b->icmp.type && a->icmp.any_code == b->icmp.any_code &&
                       (a->icmp.any_code || a->icmp.code == b->icmp.code);
        }
        return false;
}

static size_t count_equal(const struct rule *rule, const struct match *match)
{
        size_t n = 0;

        vec_foreach (const struct match, other, &rule->matches)
                n += match_equal(match, other);
        return n;
}

static bool targets_equal(const struct target *a, const struct target *b)
{
        return a->kind == b->kind && texts_equal(a->text, b->text);
}

/* Match by match, as nearly all rules that are equal are. */
static bool equal_in_order(const struct rule *a, const struct rule *b)
{
        for (size_t i = 0; i < a->matches.n; i++)
                if (!match_equal(&a->matches.items[i], &b->matches.items[i]))
                        return false;
        return true;
}

bool rule_equal(const struct rule *a, const struct rule *b)
{
        if (a->matches.n != b->matches.n || !targets_equal(&a->target, &b->target))
                return false;
        if (equal_in_order(a, b))
                return true;
        vec_foreach (const struct match, match, &a->matches)
                if (count_equal(a, match) != count_equal(b, match))
                        return false;
        return true;
}

bool chain_rules_equal(const struct chain *a, const struct chain *b)
{
        if (a->rules.n != b->rules.n)
                return false;
        for (size_t i = 0; i < a->rules.n; i++)
                if (!rule_equal(&a->rules.items[i], &b->rules.items[i]))
                        return false;
        return true;
}
