#include "iptables/plan_sets.h"

#include <string.h>

#include "iptables/stand_in.h"
#include "iptables/text.h"

/* Both sides are sorted: one merge over the names, one over the elements of each set.
 *
 * What rules need is there before them and stays until after them. A shortcut is the other way
 * round: whatever it lacks is allowed by a rule further down, but what it holds is allowed at once,
 * so it must at no moment hold what the rules in force do not allow. A set that no rule of
 * penstock's asks yet is right before one does: kept by others' rules or left by an apply that was
 * killed, it holds what the new rules must not meet. */

struct sets_plan {
        struct arena *arena;
        const struct installed *installed;
        const struct map *in_use; /* by what is installed; NULL until somebody asks */
        enum sets_turn turn;
        bool diff;
        struct apply_report *report;
        struct plan *plan;
};

static void note_use(struct map *in_use, const struct chain *chain)
{
        vec_foreach (const struct rule, rule, &chain->rules)
                vec_foreach (const struct match, match, &rule->matches)
                        if (match->kind == MATCH_SET)
                                map_put(in_use, match->set.name, (void *)(uintptr_t)rule);
}

static const struct map *sets_in_use(struct arena *arena, const struct installed *installed)
{
        struct map *in_use = map_new(arena);

        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                vec_foreach (const struct table, table, &installed->rules[flavour]->tables)
                        vec_foreach (const struct chain, chain, &table->chains)
                                if (is_own_chain(chain->name))
                                        note_use(in_use, chain);
        return in_use;
}

/* No rules need to be gone through where no element goes. */
static bool is_in_use(struct sets_plan *to, const struct set *set)
{
        if (!to->in_use)
                to->in_use = sets_in_use(to->arena, to->installed);
        return map_get(to->in_use, set->name);
}

static void add_element(struct sets_plan *to, const struct set *set,
                        const struct set_element *element, struct strbuf *out)
{
        ipset_print_element("add", set, element, out);
        to->report->elements_added++;
        if (!to->diff)
                return;
        strbuf_add(&to->report->diff, "+ ipset ");
        ipset_print_element("add", set, element, &to->report->diff);
}

static void show_removed_element(struct sets_plan *to, const struct set *set,
                                 const struct set_element *element)
{
        to->report->elements_removed++;
        if (!to->diff)
                return;
        strbuf_add(&to->report->diff, "- ipset ");
        ipset_print_element("add", set, element, &to->report->diff);
}

static void delete_element(struct sets_plan *to, const struct set *set,
                           const struct set_element *element, struct strbuf *out)
{
        struct set_element plain = *element;

        plain.nomatch = false; /* not part of what is deleted */
        ipset_print_element("del", set, &plain, out);
        show_removed_element(to, set, element);
}

static void add_set(struct sets_plan *to, const struct set *set)
{
        ipset_print_create(set, &to->plan->before);
        to->report->sets_added++;
        if (to->diff) {
                strbuf_add(&to->report->diff, "+ ipset ");
                ipset_print_create(set, &to->report->diff);
        }
        vec_foreach (const struct set_element, element, &set->elements)
                add_element(to, set, element, &to->plan->before);
}

static void show_removed_set(struct sets_plan *to, const struct set *set)
{
        to->report->sets_removed++;
        if (to->diff && set->misfit) {
                strbuf_printf(&to->report->diff, "- ipset create %s (not as penstock makes it)\n",
                              set->name);
        } else if (to->diff) {
                strbuf_add(&to->report->diff, "- ipset ");
                ipset_print_create(set, &to->report->diff);
        }
        if (set->misfit) /* what stands in it means nothing */
                return;
        vec_foreach (const struct set_element, element, &set->elements)
                show_removed_element(to, set, element);
}

static void destroy_set(struct sets_plan *to, const struct set *set)
{
        strbuf_printf(&to->plan->destroy, "destroy %s\n", set->name);
        show_removed_set(to, set);
}

static struct strbuf *when_added(struct sets_plan *to, const struct set *set)
{
        bool last = set_is_shortcut(set) || to->turn == SETS_GROW_LAST;

        return last ? &to->plan->after : &to->plan->before;
}

static struct strbuf *when_removed(struct sets_plan *to, const struct set *set)
{
        bool first = set_is_shortcut(set) || to->turn == SETS_SHRINK_FIRST || !is_in_use(to, set);

        return first ? &to->plan->before : &to->plan->after;
}

/* An element whose nomatch changes is added again, which overwrites it. */
static void change_set(struct sets_plan *to, const struct set *now, const struct set *wanted)
{
        const struct set_element *a = now->elements.items, *a_end = a + now->elements.n;
        const struct set_element *b = wanted->elements.items, *b_end = b + wanted->elements.n;
        struct strbuf *added = when_added(to, wanted), *removed = NULL;
        bool changed = false;

        while (a < a_end || b < b_end) {
                int order = a == a_end ? 1 : b == b_end ? -1 : set_element_key_compare(a, b);
                if (order < 0 && !removed)
                        removed = when_removed(to, wanted);
                if (order < 0) {
                        delete_element(to, now, a, removed);
                } else if (order > 0) {
                        add_element(to, wanted, b, added);
                } else if (a->nomatch != b->nomatch) {
                        show_removed_element(to, now, a);
                        add_element(to, wanted, b, added);
                }
                changed |= order != 0 || a->nomatch != b->nomatch;
                a += order <= 0;
                b += order >= 0;
        }
        to->report->sets_changed += changed;
}

/* The names are put right by whoever asked (apply.c); what is shown is what comes of it. */
static void replace_misfit(struct sets_plan *to, const struct set *now, const struct set *wanted)
{
        show_removed_set(to, now);
        add_set(to, wanted);
}

static const struct set *next_own(const struct set *set, const struct set *end)
{
        while (set < end && !is_own_set(set->name))
                set++;
        return set;
}

void plan_sets(struct arena *arena, const struct installed *installed, const struct wanted *wanted,
               bool diff, struct apply_report *report, struct plan *plan)
{
        struct sets_plan to = {arena, installed, NULL, wanted->turn, diff, report, plan};
        const struct set *a_end = installed->sets->sets.items + installed->sets->sets.n;
        const struct set *b_end = wanted->sets->sets.items + wanted->sets->sets.n;
        const struct set *a = next_own(installed->sets->sets.items, a_end);
        const struct set *b = next_own(wanted->sets->sets.items, b_end);

        while (a < a_end || b < b_end) {
                int order = a == a_end ? 1 : b == b_end ? -1 : strcmp(a->name, b->name);
                if (order < 0)
                        destroy_set(&to, a);
                else if (order > 0 && !b->misfit && installed->families[b->family])
                        add_set(&to, b);
                else if (order == 0 && set_is_misfit(a, b))
                        replace_misfit(&to, a, b);
                else if (order == 0 && !b->misfit)
                        change_set(&to, a, b);
                if (order <= 0)
                        a = next_own(a + 1, a_end);
                if (order >= 0)
                        b = next_own(b + 1, b_end);
        }
}
