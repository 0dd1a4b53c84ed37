#include "mutate.h"

#include <string.h>

#include "iptables/text.h"

size_t mutations_n(void)
{
        return n_rule_mutations + n_set_mutations + n_foreign_mutations + n_chain_mutations;
}

const struct mutation *mutation_at(size_t i)
{
        if (i < n_rule_mutations)
                return &rule_mutations[i];
        i -= n_rule_mutations;
        if (i < n_set_mutations)
                return &set_mutations[i];
        i -= n_set_mutations;
        return i < n_foreign_mutations ? &foreign_mutations[i]
                                       : &chain_mutations[i - n_foreign_mutations];
}

static void copy_rules(struct arena *arena, const struct chain *from, struct chain *to)
{
        vec_foreach (const struct rule, rule, &from->rules) {
                struct rule copy = *rule;
                copy.matches.items = arena_copy(arena, rule->matches.items,
                                                rule->matches.n * sizeof(*rule->matches.items));
                copy.matches.cap = copy.matches.n;
                vec_push(arena, &to->rules, copy);
        }
}

static void copy_tables(const struct ruleset *from, struct ruleset *to)
{
        vec_foreach (const struct table, table, &from->tables) {
                struct table *copy = ruleset_add_table(to, table->family, table->name);
                vec_foreach (const struct chain, chain, &table->chains) {
                        struct chain *into = table_add_chain(to, copy, chain->name);
                        into->policy = chain->policy;
                        copy_rules(to->arena, chain, into);
                }
        }
}

static void copy_set(struct ruleset *to, const struct set *from)
{
        struct set *copy = ruleset_add_set(to, from->name, from->type, from->family);

        copy->counters = from->counters;
        copy->options = from->options;
        copy->type_text = from->type_text;
        copy->plain = from->plain;
        vec_foreach (const struct set_element, element, &from->elements)
                vec_push(to->arena, &copy->elements, *element);
}

struct ruleset *ruleset_copy(struct arena *arena, const struct ruleset *ruleset)
{
        struct ruleset *copy = ruleset_new(arena);

        copy_tables(ruleset, copy);
        vec_foreach (const struct set, set, &ruleset->sets)
                copy_set(copy, set);
        return copy;
}

struct ruleset *ruleset_installed(struct arena *arena, const struct ruleset *compiled)
{
        static const char *const builtin[] = {"INPUT", "FORWARD", "OUTPUT"};
        struct ruleset *installed = ruleset_copy(arena, compiled);

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct table *table = ruleset_add_table(installed, family, "filter");
                for (size_t i = 0; i < ARRAY_SIZE(builtin); i++) {
                        struct chain *chain = table_chain(table, builtin[i]);
                        if (!chain)
                                chain = table_add_chain(installed, table, builtin[i]);
                        chain->policy = "ACCEPT";
                }
        }
        return installed;
}

static void shuffle(struct bytes *bytes, struct set *set)
{
        for (size_t i = set->elements.n; i > 1; i--) {
                size_t j = bytes_below(bytes, (unsigned)i);
                struct set_element held = set->elements.items[i - 1];
                set->elements.items[i - 1] = set->elements.items[j];
                set->elements.items[j] = held;
        }
}

struct ruleset *ruleset_by_text(struct arena *arena, struct bytes *bytes,
                                const struct ruleset *ruleset, struct err *err)
{
        _cleanup_strbuf_ struct strbuf sets = {0};
        struct ruleset *shuffled = ruleset_copy(arena, ruleset), *back = ruleset_new(arena);

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                _cleanup_strbuf_ struct strbuf rules = {0};
                iptables_print(ruleset, family, false, &rules);
                if (iptables_parse(back, family, strbuf_text(&rules), err) < 0)
                        return NULL;
        }
        vec_foreach (struct set, set, &shuffled->sets)
                shuffle(bytes, set);
        ipset_print(shuffled, &sets);
        if (ipset_parse(back, strbuf_text(&sets), err) < 0)
                return NULL;
        ruleset_finish(back);
        return back;
}

/* Deeper than there are chains is a circle. */
static bool circles(const struct table *table, const struct chain *chain, size_t depth)
{
        if (!chain)
                return false;
        if (depth > table->chains.n)
                return true;
        vec_foreach (const struct rule, rule, &chain->rules)
                if ((rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO) &&
                    circles(table, table_chain(table, rule->target.text), depth + 1))
                        return true;
        return false;
}

static bool has_twins(const struct set *set)
{
        for (size_t i = 1; i < set->elements.n; i++)
                if (set->type == SET_HASH_NET && prefix_equal(&set->elements.items[i - 1].prefix,
                                                              &set->elements.items[i].prefix))
                        return true;
        return false;
}

bool ruleset_is_possible(const struct ruleset *ruleset)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        if (circles(table, chain, 1))
                                return false;
        vec_foreach (const struct set, set, &ruleset->sets)
                if (has_twins(set))
                        return false;
        return true;
}

unsigned draw(struct mutant *mutant, size_t bound)
{
        return bytes_below(mutant->bytes, (unsigned)bound);
}

typedef VEC(struct pick) picks;

static bool choose(struct mutant *mutant, const picks *list, struct pick *ret)
{
        if (list->n == 0)
                return false;
        *ret = list->items[draw(mutant, list->n)];
        return true;
}

bool pick_rule(struct mutant *mutant, bool (*wanted)(const struct pick *), struct pick *ret)
{
        picks list = {0};

        vec_foreach (struct table, table, &mutant->ruleset->tables)
                vec_foreach (struct chain, chain, &table->chains)
                        vec_foreach (struct rule, rule, &chain->rules) {
                                struct pick pick = {table, chain, rule, NULL};
                                if (!wanted || wanted(&pick))
                                        vec_push(mutant->arena, &list, pick);
                        }
        return choose(mutant, &list, ret);
}

bool pick_match(struct mutant *mutant, bool (*wanted)(const struct pick *), struct pick *ret)
{
        picks list = {0};

        vec_foreach (struct table, table, &mutant->ruleset->tables)
                vec_foreach (struct chain, chain, &table->chains)
                        vec_foreach (struct rule, rule, &chain->rules)
                                vec_foreach (struct match, match, &rule->matches) {
                                        struct pick pick = {table, chain, rule, match};
                                        if (!wanted || wanted(&pick))
                                                vec_push(mutant->arena, &list, pick);
                                }
        return choose(mutant, &list, ret);
}

struct set *pick_set(struct mutant *mutant, bool (*wanted)(const struct set *))
{
        VEC(struct set *) list = {0};

        vec_foreach (struct set, set, &mutant->ruleset->sets)
                if (!wanted || wanted(set))
                        vec_push(mutant->arena, &list, set);
        return list.n ? list.items[draw(mutant, list.n)] : NULL;
}

bool done(struct mutant *mutant, const struct pick *pick, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        const char *text = arena_vprintf(mutant->arena, format, args);
        va_end(args);
        if (pick)
                text =
                    arena_printf(mutant->arena, "%s %s rule %td: %s",
                                 family_name(pick->table->family), pick->chain->name,
                                 pick->rule ? pick->rule - pick->chain->rules.items + 1 : 0, text);
        mutant->what = text;
        return true;
}

void insert_rule(struct mutant *mutant, struct chain *chain, size_t at, struct rule rule)
{
        vec_push(mutant->arena, &chain->rules, rule);
        memmove(chain->rules.items + at + 1, chain->rules.items + at,
                (chain->rules.n - 1 - at) * sizeof(rule));
        chain->rules.items[at] = rule;
}

void remove_rule(struct chain *chain, size_t at)
{
        memmove(chain->rules.items + at, chain->rules.items + at + 1,
                (chain->rules.n - 1 - at) * sizeof(*chain->rules.items));
        chain->rules.n--;
}

struct ip ip_beside(struct ip ip, bool up)
{
        for (unsigned i = family_bits(ip.family) / 8; i-- > 0;) {
                ip.bytes[i] = (uint8_t)(ip.bytes[i] + (up ? 1 : -1));
                if (ip.bytes[i] != (up ? 0 : 0xff))
                        break;
        }
        return ip;
}
