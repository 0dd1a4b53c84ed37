#include "iptables/legacy_entries.h"

#include <string.h>

#include "base/map.h"
#include "iptables/legacy_table.h"

/* A print of prints. They are for this process alone, so a fast hash with a seed of its own will
 * do: whoever may write rules here has no need to find two with one number. */
struct prints {
        struct arena *arena;
        VEC(uint64_t) list;
};

static void add_name(struct prints *prints, const char *name)
{
        vec_push(prints->arena, &prints->list, map_hash(name, strlen(name)));
}

static void add_own(struct prints *prints, const struct legacy_chain *chain)
{
        add_name(prints, chain->name);
        vec_push(prints->arena, &prints->list, chain->n_rules);
        for (size_t i = 0; i < chain->n_rules; i++)
                vec_push(prints->arena, &prints->list, legacy_rule_print(&chain->rules[i]));
}

static void add_leading(struct prints *prints, const struct legacy_chain *chain)
{
        for (size_t i = 0; i < chain->n_rules; i++) {
                const struct legacy_rule *rule = &chain->rules[i];
                if (!rule->leads_to || !is_own_chain(rule->leads_to))
                        continue;
                add_name(prints, chain->name);
                vec_push(prints->arena, &prints->list, chain->builtin ? i : 0);
                vec_push(prints->arena, &prints->list, legacy_rule_print(rule));
        }
}

struct legacy_entries legacy_entries_of(const struct legacy_rules *rules)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct prints prints = {.arena = arena};

        vec_foreach (const struct legacy_chain, chain, &rules->chains)
                if (is_own_chain(chain->name))
                        add_own(&prints, chain);
                else
                        add_leading(&prints, chain);
        const uint64_t print = map_hash(prints.list.items, prints.list.n * sizeof(uint64_t));
        return (struct legacy_entries){print ? print : 1};
}

bool legacy_entries_read(enum family family, const char *table, struct legacy_entries *ret)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct legacy_rules rules;
        struct err ignored;

        *ret = (struct legacy_entries){0};
        if (legacy_table_read(arena, family, table, &rules, &ignored) < 0)
                return false;
        *ret = legacy_entries_of(&rules);
        return true;
}
