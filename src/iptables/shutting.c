#include "iptables/shutting.h"

/* Shortcuts don't count: rules below allow what they hold before and after. */

static bool target_lets_through(const struct target *target)
{
        return target->kind == TARGET_RETURN || target->kind == TARGET_ACCEPT;
}

static void note_shutting(struct map *shutting, const struct chain *chain)
{
        vec_foreach (const struct rule, rule, &chain->rules)
                vec_foreach (const struct match, match, &rule->matches)
                        if (match->kind == MATCH_SET &&
                            (match->invert || !target_lets_through(&rule->target)))
                                map_put(shutting, match->set.name, (void *)(uintptr_t)rule);
}

/* Sets of which an element more may shut something. */
static struct map *shutting_sets(struct arena *arena, const struct wanted *wanted)
{
        struct map *shutting = map_new(arena);

        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                if (wanted->rules[flavour])
                        vec_foreach (const struct table, table, &wanted->rules[flavour]->tables)
                                vec_foreach (const struct chain, chain, &table->chains)
                                        note_shutting(shutting, chain);
        return shutting;
}

struct difference {
        bool gains, loses, shadows; /* elements; nomatch ones, that take away from others */
};

static struct difference compare(const struct set *before, const struct set *wanted)
{
        const struct set_element *a = before->elements.items, *a_end = a + before->elements.n;
        const struct set_element *b = wanted->elements.items, *b_end = b + wanted->elements.n;
        struct difference difference = {0};

        while (a < a_end || b < b_end) {
                int order = a == a_end ? 1 : b == b_end ? -1 : set_element_compare(a, b);
                difference.loses |= order < 0;
                difference.gains |= order > 0;
                difference.shadows |= order > 0 && b->nomatch;
                a += order <= 0;
                b += order >= 0;
        }
        return difference;
}

bool may_shut(const struct installed *before, const struct wanted *wanted,
              const struct apply_report *report)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct map *shutting = NULL;

        if (report->chains_added || report->chains_changed || report->chains_removed ||
            report->sets_removed || report->sets_kept)
                return true;
        vec_foreach (const struct set, set, &wanted->sets->sets) {
                const struct set *was = ruleset_set(before->sets, set->name);
                if (!was || set_is_shortcut(set))
                        continue;
                const struct difference difference = compare(was, set);
                if (difference.loses || difference.shadows)
                        return true;
                if (difference.gains && !shutting)
                        shutting = shutting_sets(arena, wanted);
                if (difference.gains && map_get(shutting, set->name))
                        return true;
        }
        return false;
}
