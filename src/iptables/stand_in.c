#include "iptables/stand_in.h"

#include <string.h>

#define MAX_STAND_INS 9 /* names that are tried */

bool set_is_misfit(const struct set *installed, const struct set *wanted)
{
        return wanted->type != SET_UNKNOWN &&
               (installed->type != wanted->type || installed->family != wanted->family ||
                installed->counters != wanted->counters);
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

/* Of a set that is not there, or that an apply left behind which did the same and was killed. */
static const char *free_name(struct arena *arena, const struct ruleset *installed,
                             const struct set *wanted)
{
        const char *rest = wanted->name + strlen(SET_PREFIX);

        for (unsigned i = 1; i <= MAX_STAND_INS; i++) {
                const char *name = arena_printf(arena, SET_PREFIX "%u-%s", i, rest);
                const struct set *known = ruleset_set(installed, name);
                if (!known || !set_is_misfit(known, wanted))
                        return name;
        }
        return NULL;
}

/* New name by old. */
static struct map *names_of(struct arena *arena, const struct ruleset *installed,
                            const struct ruleset *wanted, struct err *err)
{
        struct map *names = map_new(arena);

        vec_foreach (const struct set, set, &wanted->sets) {
                if (!misfit_of(installed, set))
                        continue;
                const char *name = free_name(arena, installed, set);
                if (!name) {
                        err_set(err, "%s is a set, but not penstock's, and so are its stand-ins",
                                set->name);
                        return NULL;
                }
                map_put(names, set->name, (char *)(uintptr_t)name);
        }
        return names;
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

static void copy_table(struct ruleset *to, const struct table *table, const struct map *names)
{
        struct table *copy = ruleset_add_table(to, table->family, table->name);

        vec_foreach (const struct chain, chain, &table->chains) {
                struct chain *rules = table_add_chain(to, copy, chain->name);
                vec_foreach (const struct rule, rule, &chain->rules)
                        vec_push(to->arena, &rules->rules, copy_rule(to, rule, names));
        }
}

struct ruleset *stand_in(struct arena *arena, const struct ruleset *installed,
                         const struct ruleset *wanted, struct err *err)
{
        struct map *names = names_of(arena, installed, wanted, err);
        struct ruleset *copy = ruleset_new(arena);

        if (!names)
                return NULL;
        vec_foreach (const struct table, table, &wanted->tables)
                copy_table(copy, table, names);
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
