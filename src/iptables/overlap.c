#include "iptables/overlap.h"

#include <string.h>

#include "iptables/stand_in.h"

/* The elements that come and go in sets of one family that stay. */
struct turnover {
        bool adds, removes;
        bool several;        /* addresses */
        const struct ip *ip; /* one of them; NULL where nothing changes */
};

struct overlap {
        struct arena *arena;
        const struct installed *installed;
        const struct wanted *wanted;
        struct map *changed[FAMILIES];
        struct turnover turnover[FAMILIES];
};

/* What leads to the chain that denies lets through only what it lets through in any state. */
static bool target_drops(const struct target *target)
{
        return target->kind == TARGET_DROP || target->kind == TARGET_REJECT ||
               (target->kind == TARGET_GOTO && strcmp(target->text, CHAIN_DENY) == 0);
}

/* A set that only makes rules drop may hold too much for a moment: both states' drops are drops. */
static void note_allowing(struct map *allowing, const struct ruleset *ruleset)
{
        if (!ruleset)
                return;
        vec_foreach (struct table, table, &ruleset->tables)
                vec_foreach (struct chain, chain, &table->chains)
                        vec_foreach (struct rule, rule, &chain->rules)
                                vec_foreach (const struct match, match, &rule->matches)
                                        if (match->kind == MATCH_SET &&
                                            !target_drops(&rule->target))
                                                map_put(allowing, match->set.name, rule);
}

static void note_element(struct turnover *turnover, const struct set_element *element)
{
        if (turnover->ip && !ip_equal(turnover->ip, &element->prefix.ip))
                turnover->several = true;
        turnover->ip = &element->prefix.ip;
}

/* Does the content differ? */
static bool compare(const struct set *now, const struct set *wanted, struct turnover *turnover)
{
        const struct set_element *a = now->elements.items, *a_end = a + now->elements.n;
        const struct set_element *b = wanted->elements.items, *b_end = b + wanted->elements.n;
        bool differs = false;

        while (a < a_end || b < b_end) {
                int order = a == a_end ? 1 : b == b_end ? -1 : set_element_compare(a, b);
                if (order != 0) {
                        differs = true;
                        turnover->removes |= order < 0;
                        turnover->adds |= order > 0;
                        note_element(turnover, order < 0 ? a : b);
                }
                a += order <= 0;
                b += order >= 0;
        }
        return differs;
}

/* Without a change of rules: pods that only come, or only go, and one pod whose labels change, are
 * in each direction what one of the states says, and in the other what both say. */
static bool turnover_is_plain(const struct turnover *turnover)
{
        return !turnover->several || !turnover->adds || !turnover->removes;
}

static bool rules_change(const struct plan *plan, enum family family)
{
        return plan->rules[FLAVOUR_NFT][family].length > 0 ||
               plan->rules[FLAVOUR_LEGACY][family].length > 0;
}

/* allowing: only such sets count; NULL: all do. */
static void note_changed(struct overlap *overlap, const struct map *allowing, struct map *found)
{
        memset(overlap->turnover, 0, sizeof(overlap->turnover));
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                overlap->changed[family] = map_new(overlap->arena);
        vec_foreach (struct set, wanted, &overlap->wanted->sets->sets) {
                const struct set *now = ruleset_set(overlap->installed->sets, wanted->name);
                enum family family = wanted->family;
                if (!now || set_is_misfit(now, wanted) || set_is_shortcut(wanted) ||
                    (allowing && !map_get(allowing, wanted->name)))
                        continue;
                if (!compare(now, wanted, &overlap->turnover[family]))
                        continue;
                map_put(overlap->changed[family], wanted->name, wanted);
                /* Half of a union of blocks is none: a block may come before its except. */
                if (wanted->type == SET_HASH_NET)
                        map_put(found, wanted->name, wanted);
        }
}

/* Is nothing to be found, whatever rules use the sets for? Rules need not be gone through then. */
static bool is_plain(struct overlap *overlap, const struct plan *plan)
{
        struct map *found = map_new(overlap->arena);

        note_changed(overlap, NULL, found);
        if (map_size(found) > 0)
                return false;
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                if (map_size(overlap->changed[family]) > 0 &&
                    (rules_change(plan, family) || !turnover_is_plain(&overlap->turnover[family])))
                        return false;
        return true;
}

struct map *overlap_find(struct arena *arena, const struct installed *installed,
                         const struct wanted *wanted, const struct plan *plan)
{
        struct overlap overlap = {.arena = arena, .installed = installed, .wanted = wanted};
        struct map *found = map_new(arena), *allowing = map_new(arena);

        if (is_plain(&overlap, plan))
                return found;
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++) {
                note_allowing(allowing, installed->rules[flavour]);
                note_allowing(allowing, wanted->rules[flavour]);
        }
        note_changed(&overlap, allowing, found);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                const struct map *changed = overlap.changed[family];
                if (!rules_change(plan, family) && turnover_is_plain(&overlap.turnover[family]))
                        continue;
                for (size_t i = 0; i < map_size(changed); i++)
                        map_put(found, map_entries(changed)[i].key, map_entries(changed)[i].value);
        }
        return found;
}

enum sets_turn overlap_turn(struct arena *arena, const struct installed *installed,
                            const struct wanted *wanted)
{
        struct overlap overlap = {.arena = arena, .installed = installed, .wanted = wanted};
        struct map *found = map_new(arena);
        bool adds = false, removes = false, several = false;

        if (has_misfits(installed->sets, wanted->sets))
                return SETS_AROUND;
        note_changed(&overlap, NULL, found);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                adds |= overlap.turnover[family].adds;
                removes |= overlap.turnover[family].removes;
                several |= overlap.turnover[family].several;
        }
        if (several || adds == removes || map_size(found) > 0)
                return SETS_AROUND;
        return adds ? SETS_GROW_LAST : SETS_SHRINK_FIRST;
}
