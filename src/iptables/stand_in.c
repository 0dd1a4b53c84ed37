#include "iptables/stand_in.h"

#include <string.h>

#include "iptables/overlap.h"

#define MAX_STAND_INS 9 /* names that are tried */

bool set_is_misfit(const struct set *installed, const struct set *wanted)
{
        return !wanted->misfit &&
               (installed->misfit || installed->type != wanted->type ||
                installed->family != wanted->family || installed->counters != wanted->counters);
}

static const struct set *misfit_of(const struct ruleset *installed, const struct set *wanted)
{
        const struct set *known = ruleset_set(installed, wanted->name);

        return known && set_is_misfit(known, wanted) ? known : NULL;
}

bool has_misfits(const struct ruleset *installed, const struct ruleset *wanted)
{
        vec_foreach (const struct set, set, &wanted->sets)
                if (misfit_of(installed, set))
                        return true;
        return false;
}

/* Of no set that is there, or of one that holds the same already: rules may use it, left by an
 * apply that was killed half-way or could not end. */
static const char *free_name(struct arena *arena, const struct ruleset *installed,
                             const struct set *wanted)
{
        const char *rest = wanted->name + strlen(SET_PREFIX);

        for (unsigned i = 1; i <= MAX_STAND_INS; i++) {
                const char *name = arena_printf(arena, SET_PREFIX "%u-%s", i, rest);
                const struct set *known = ruleset_set(installed, name);
                if (!known || (!set_is_misfit(known, wanted) && set_content_equal(known, wanted)))
                        return name;
        }
        return NULL;
}

int stand_in_names(struct arena *arena, const struct installed *installed,
                   const struct wanted *wanted, const struct plan *plan, struct map **ret,
                   struct err *err)
{
        const struct map *overlap = overlap_find(arena, installed, wanted, plan);
        struct map *names = map_new(arena);

        vec_foreach (const struct set, set, &wanted->sets->sets) {
                if (!misfit_of(installed->sets, set) && !map_get(overlap, set->name))
                        continue;
                const char *name = free_name(arena, installed->sets, set);
                if (!name)
                        return err_set(err, "all names that could stand in for set %s are taken",
                                       set->name);
                map_put(names, set->name, (char *)(uintptr_t)name);
        }
        *ret = names;
        return 0;
}

static struct rule copy_rule(struct ruleset *to, const struct rule *rule, const struct map *names)
{
        struct rule copy = {.target = rule->target};

        vec_foreach (const struct match, match, &rule->matches) {
                struct match with = *match;
                const char *name =
                    match->kind == MATCH_SET ? map_get(names, match->set.name) : NULL;
                if (name)
                        with.set.name = name;
                rule_add_match(to, &copy, with);
        }
        return copy;
}

static void copy_table(struct ruleset *to, const struct ruleset *installed,
                       const struct table *table, const struct map *names)
{
        const struct table *now = ruleset_table(installed, table->family, table->name);
        struct table *copy = ruleset_add_table(to, table->family, table->name);

        vec_foreach (const struct chain, chain, &table->chains) {
                const struct chain *old = now ? table_chain(now, chain->name) : NULL;
                struct chain *rules = table_add_chain(to, copy, chain->name);
                size_t at = 0;
                vec_foreach (const struct rule, rule, &chain->rules) {
                        struct rule with = copy_rule(to, rule, names);
                        with.counters = plan_counters(old, &at, rule);
                        vec_push(to->arena, &rules->rules, with);
                }
        }
}

struct ruleset *stand_in(struct arena *arena, const struct ruleset *installed,
                         const struct ruleset *wanted, const struct map *names)
{
        struct ruleset *copy = ruleset_new(arena);

        vec_foreach (const struct table, table, &wanted->tables)
                copy_table(copy, installed, table, names);
        vec_foreach (const struct set, set, &wanted->sets) {
                struct set with = *set;
                const char *name = map_get(names, set->name);
                if (name)
                        with.name = name;
                vec_push(arena, &copy->sets, with);
        }
        ruleset_finish(copy);
        return copy;
}
