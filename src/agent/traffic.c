#include "agent/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "agent/exposition.h"
#include "base/map.h"
#include "base/memory.h"
#include "compile/story.h"

enum sort { SORT_ALLOWED, SORT_DENIED, SORTS };

static const struct {
        const char *packets, *packets_help, *bytes, *bytes_help;
} families[SORTS] = {
    [SORT_ALLOWED] = {"penstock_policy_allowed_packets_total",
                      "First packets of connections that a policy allowed.",
                      "penstock_policy_allowed_bytes_total",
                      "Bytes of first packets of connections that a policy allowed."},
    [SORT_DENIED] = {"penstock_denied_packets_total", "Packets that were denied.",
                     "penstock_denied_bytes_total", "Bytes of packets that were denied."},
};

struct series {
        const char *direction, *namespace, *policy, *reason; /* NULL: no such label */
        struct counters now;                                 /* added up from what is installed */
        struct counters was; /* what chains had counted that are gone */
};

/* What one look gathered; keys of the maps are the series' labels. */
struct look {
        struct arena *arena;
        struct map *series[SORTS];
};

struct traffic {
        struct look last;
};

static struct look look_new(void)
{
        struct look look = {.arena = arena_new()};

        for (enum sort sort = 0; sort < SORTS; sort++)
                look.series[sort] = map_new(look.arena);
        return look;
}

struct traffic *traffic_new(void)
{
        struct traffic *traffic = memory_alloc(sizeof(*traffic));

        traffic->last = look_new();
        return traffic;
}

void traffic_free(struct traffic *traffic)
{
        if (!traffic)
                return;
        arena_free(traffic->last.arena);
        free(traffic);
}

static const char *or_none(const char *text)
{
        return text ? text : "";
}

static const char *key_of(struct arena *arena, const struct series *series)
{
        return arena_printf(arena, "%s\n%s\n%s\n%s", or_none(series->namespace),
                            or_none(series->policy), or_none(series->direction),
                            or_none(series->reason));
}

static void add(struct look *look, enum sort sort, struct series series,
                const struct counters *counters)
{
        const char *key = key_of(look->arena, &series);
        struct series *known = map_get(look->series[sort], key);

        if (!known) {
                known = arena_copy(look->arena, &series, sizeof(series));
                map_put(look->series[sort], key, known);
        }
        counters_add(&known->now, counters);
}

static void add_allowed(struct look *look, const struct rule *rule, enum direction direction)
{
        struct policy_story story;

        if (!story_of_policy(rule, &story))
                return;
        size_t slash = strcspn(story.text, "/");
        struct series series = {
            .direction = direction_name(direction),
            .namespace = arena_strndup(look->arena, story.text, slash),
            .policy = arena_strndup(look->arena, story.text + slash + 1, story.name - slash - 1)};
        add(look, SORT_ALLOWED, series, &rule->counters);
}

static void look_at_class(struct look *look, const struct chain *chain, enum direction direction)
{
        const struct rule *denied = story_of_denied(chain);

        vec_foreach (const struct rule, rule, &chain->rules)
                add_allowed(look, rule, direction);
        if (!denied)
                return;
        struct series series = {.direction = direction_name(direction),
                                .namespace =
                                    arena_strdup(look->arena, story_denied_namespace(denied)),
                                .reason = "policy"};
        add(look, SORT_DENIED, series, &denied->counters);
}

/* What is denied elsewhere is for what its comment says: "link-local". */
static void look_at_others(struct look *look, const struct chain *chain)
{
        if (strcmp(chain->name, CHAIN_DENY) == 0)
                return;
        vec_foreach (const struct rule, rule, &chain->rules) {
                const struct target *target = &rule->target;
                bool denies =
                    target->kind == TARGET_DROP || target->kind == TARGET_REJECT ||
                    (target->kind == TARGET_GOTO && strcmp(target->text, CHAIN_DENY) == 0);
                struct series series = {.reason = arena_strdup(look->arena, story_of(rule))};
                if (denies)
                        add(look, SORT_DENIED, series, &rule->counters);
        }
}

static int series_compare(const void *a, const void *b)
{
        const struct map_entry *x = a, *y = b;

        return strcmp(x->key, y->key);
}

/* Sorted by name, those beyond the bound put together. */
static void bound(struct look *look, enum sort sort)
{
        size_t n = map_size(look->series[sort]);
        struct map_entry *entries =
            arena_copy(look->arena, map_entries(look->series[sort]), n * sizeof(*entries));

        sort_items(entries, n, sizeof(*entries), series_compare);
        look->series[sort] = map_new(look->arena);
        for (size_t i = 0; i < n; i++) {
                const struct series *series = entries[i].value;
                struct series rest = {.direction = series->direction};
                add(look, sort, i < TRAFFIC_MAX_SERIES ? *series : rest,
                    i < TRAFFIC_MAX_SERIES ? &(struct counters){0} : &series->now);
        }
}

static uint64_t lost(uint64_t before, uint64_t now)
{
        return before > now ? before - now : 0;
}

static void remember(struct look *look, const struct look *last, enum sort sort)
{
        const struct map_entry *entries = map_entries(look->series[sort]);

        for (size_t i = 0; i < map_size(look->series[sort]); i++) {
                const struct series *before = map_get(last->series[sort], entries[i].key);
                struct series *series = entries[i].value;
                if (!before)
                        continue;
                series->was = before->was;
                series->was.packets += lost(before->now.packets, series->now.packets);
                series->was.bytes += lost(before->now.bytes, series->now.bytes);
        }
}

static void print_series(const struct look *look, enum sort sort, bool bytes, struct strbuf *out)
{
        const char *name = bytes ? families[sort].bytes : families[sort].packets;
        const struct map_entry *entries = map_entries(look->series[sort]);

        exposition_family(out, name, "counter",
                          bytes ? families[sort].bytes_help : families[sort].packets_help);
        for (size_t i = 0; i < map_size(look->series[sort]); i++) {
                const struct series *series = entries[i].value;
                struct counters sum = series->now;
                counters_add(&sum, &series->was);
                exposition_whole(
                    out, name,
                    labels({"namespace", series->namespace}, {"policy", series->policy},
                           {"direction", series->direction}, {"reason", series->reason}),
                    bytes ? sum.bytes : sum.packets);
        }
}

void traffic_print(struct traffic *traffic, const struct ruleset *installed, struct strbuf *out)
{
        struct look look = look_new();
        enum direction direction;

        vec_foreach (const struct table, table, &installed->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        if (story_is_class(chain, &direction))
                                look_at_class(&look, chain, direction);
                        else
                                look_at_others(&look, chain);
        for (enum sort sort = 0; sort < SORTS; sort++) {
                bound(&look, sort);
                remember(&look, &traffic->last, sort);
                print_series(&look, sort, false, out);
                print_series(&look, sort, true, out);
        }
        arena_free(traffic->last.arena);
        traffic->last = look;
}
