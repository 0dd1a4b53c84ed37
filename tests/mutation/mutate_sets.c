#include <string.h>

#include "mutate.h"

/* Faults in sets and in what rules ask of them. */

static const char *element_text(struct mutant *mutant, const struct set_element *element)
{
        char text[PREFIX_TEXT_SIZE];

        prefix_format(&element->prefix, text);
        return arena_printf(mutant->arena, "%s,%u:%u%s", text, element->protocol, element->port,
                            element->nomatch ? " nomatch" : "");
}

static bool has_elements(const struct set *set)
{
        return set->elements.n > 0;
}

static bool is_of_nets(const struct set *set)
{
        return set->type == SET_HASH_NET && set->elements.n > 0;
}

static bool element_missing(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, has_elements);

        if (!set)
                return false;
        size_t at = draw(mutant, set->elements.n);
        done(mutant, NULL, "set %s: %s missing", set->name,
             element_text(mutant, &set->elements.items[at]));
        memmove(set->elements.items + at, set->elements.items + at + 1,
                (set->elements.n - at - 1) * sizeof(*set->elements.items));
        set->elements.n--;
        return true;
}

static bool of_family(const struct set *from, const struct set *to)
{
        return from->family == to->family && from->type == to->type && from->elements.n > 0;
}

/* Another set's: an address that means something. */
static bool element_added(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, NULL);
        VEC(const struct set *) others = {0};

        vec_foreach (const struct set, other, &mutant->ruleset->sets)
                if (set && other != set && of_family(other, set))
                        vec_push(mutant->arena, &others, other);
        if (others.n == 0)
                return false;
        const struct set *from = others.items[draw(mutant, others.n)];
        struct set_element element = from->elements.items[draw(mutant, from->elements.n)];
        vec_push(mutant->arena, &set->elements, element);
        return done(mutant, NULL, "set %s: %s added", set->name, element_text(mutant, &element));
}

static struct prefix prefix_beside(const struct prefix *prefix, bool up)
{
        struct ip ip = ip_beside(prefix->ip, up);

        return prefix_of(&ip, prefix->length);
}

static bool element_beside(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, has_elements);

        if (!set)
                return false;
        struct set_element *element = &set->elements.items[draw(mutant, set->elements.n)];
        const char *before = element_text(mutant, element);
        bool up = bytes_chance(mutant->bytes, 50);
        if (set->type == SET_HASH_IP_PORT && bytes_chance(mutant->bytes, 50))
                element->port = (uint16_t)(element->port + (up ? 1 : -1));
        else if (set->type == SET_HASH_NET && element->prefix.length > 1)
                element->prefix =
                    prefix_of(&element->prefix.ip, (uint8_t)(element->prefix.length - 1));
        else
                element->prefix = prefix_beside(&element->prefix, up);
        return done(mutant, NULL, "set %s: %s became %s", set->name, before,
                    element_text(mutant, element));
}

static bool is_of_pairs(const struct set *set)
{
        return set->type == SET_HASH_IP_PORT && set->elements.n > 0;
}

static bool element_protocol(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, is_of_pairs);

        if (!set)
                return false;
        struct set_element *element = &set->elements.items[draw(mutant, set->elements.n)];
        const char *before = element_text(mutant, element);
        element->protocol = element->protocol == PROTOCOL_TCP ? PROTOCOL_UDP : PROTOCOL_TCP;
        return done(mutant, NULL, "set %s: %s became %s", set->name, before,
                    element_text(mutant, element));
}

static bool nomatch_changed(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, is_of_nets);

        if (!set)
                return false;
        struct set_element *element = &set->elements.items[draw(mutant, set->elements.n)];
        const char *before = element_text(mutant, element);
        element->nomatch = !element->nomatch;
        return done(mutant, NULL, "set %s: %s became %s", set->name, before,
                    element_text(mutant, element));
}

static bool set_emptied(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, has_elements);

        if (!set)
                return false;
        set->elements.n = 0;
        return done(mutant, NULL, "set %s emptied", set->name);
}

static bool asks_set(const struct pick *pick)
{
        return pick->match->kind == MATCH_SET;
}

static bool another_set(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, asks_set, &pick))
                return false;
        const struct set *set = ruleset_set(mutant->ruleset, pick.match->set.name);
        VEC(const struct set *) others = {0};
        vec_foreach (const struct set, other, &mutant->ruleset->sets)
                if (other != set && other->family == set->family && other->type == set->type)
                        vec_push(mutant->arena, &others, other);
        if (others.n == 0)
                return false;
        pick.match->set.name = others.items[draw(mutant, others.n)]->name;
        return done(mutant, &pick, "asks set %s instead of %s", pick.match->set.name, set->name);
}

static bool ends_swapped(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_match(mutant, asks_set, &pick))
                return false;
        size_t at = draw(mutant, pick.match->set.n_ends);
        pick.match->set.ends[at] = !pick.match->set.ends[at];
        return done(mutant, &pick, "asks set %s of the other end, in dimension %zu",
                    pick.match->set.name, at + 1);
}

/* One set was left as it was when the cluster was another. */
static bool set_stale(struct mutant *mutant)
{
        if (!mutant->stale || mutant->ruleset->sets.n == 0)
                return false;
        struct set *set = pick_set(mutant, NULL);
        const struct set *old = ruleset_set(mutant->stale, set->name);
        if (!old || old->type != set->type || set_content_equal(set, old))
                return false;
        set->elements.n = 0;
        vec_foreach (const struct set_element, element, &old->elements)
                vec_push(mutant->arena, &set->elements, *element);
        return done(mutant, NULL, "set %s not updated", set->name);
}

/* A family's rules and sets are all of the old state, or only its rules. Sets that only the old
 * rules ask come along. */
static bool family_stale(struct mutant *mutant, bool sets)
{
        enum family family = (enum family)draw(mutant, FAMILIES);

        if (!mutant->stale)
                return false;
        struct ruleset *old = ruleset_copy(mutant->arena, mutant->stale);
        *ruleset_table(mutant->ruleset, family, "filter") = *ruleset_table(old, family, "filter");
        vec_foreach (const struct set, from, &old->sets) {
                struct set *set = ruleset_set(mutant->ruleset, from->name);
                if (from->family != family)
                        continue;
                if (!set) {
                        vec_push(mutant->arena, &mutant->ruleset->sets, *from);
                        ruleset_finish(mutant->ruleset);
                } else if (sets)
                        *set = *from;
        }
        return done(mutant, NULL, "%s: %s not updated", family_name(family),
                    sets ? "rules and sets" : "rules");
}

static bool rules_stale(struct mutant *mutant)
{
        return family_stale(mutant, false);
}

static bool all_stale(struct mutant *mutant)
{
        return family_stale(mutant, true);
}

static bool elements_reordered(struct mutant *mutant)
{
        struct set *set = pick_set(mutant, has_elements);

        if (!set)
                return false;
        struct set_element first = set->elements.items[0];
        set->elements.items[0] = set->elements.items[set->elements.n - 1];
        set->elements.items[set->elements.n - 1] = first;
        return done(mutant, NULL, "set %s: in another order", set->name);
}

const struct mutation set_mutations[] = {
    {"element missing", element_missing, false},
    {"element added", element_added, false},
    {"element off by one", element_beside, false},
    {"element's protocol changed", element_protocol, false},
    {"nomatch lost or gained", nomatch_changed, false},
    {"set emptied", set_emptied, false},
    {"another set asked", another_set, false},
    {"source and destination of a set swapped", ends_swapped, false},
    {"set not updated", set_stale, false},
    {"rules of a family not updated", rules_stale, false},
    {"rules and sets of a family not updated", all_stale, false},
    {"order of elements only", elements_reordered, true},
};
const size_t n_set_mutations = ARRAY_SIZE(set_mutations);
