#include "verify/marks.h"

#include <string.h>

/* Chains that are reached from one base chain, and the rules in them. */
struct visit {
        const struct table *table;
        struct map *seen;
        void (*each)(const struct rule *rule, void *data);
        void *data;
};

static void visit_chain(struct visit *visit, const struct chain *chain)
{
        if (!chain || map_get(visit->seen, chain->name))
                return;
        map_put(visit->seen, chain->name, visit);
        vec_foreach (const struct rule, rule, &chain->rules) {
                visit->each(rule, visit->data);
                if (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO)
                        visit_chain(visit, table_chain(visit->table, rule->target.text));
        }
}

static enum sim_hook hook_before(enum sim_hook hook)
{
        return hook == HOOK_OUTPUT ? HOOK_OUTPUT : HOOK_PREROUTING;
}

static void visit_tables(struct arena *arena, const struct enforced *enforced, enum family family,
                         enum sim_hook hook, void (*each)(const struct rule *, void *), void *data)
{
        static const char *const tables[] = {"raw", "mangle", "nat"};

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                for (size_t k = 0; k < enforced->n; k++) {
                        const struct table *table =
                            ruleset_table(enforced->rules[k], family, tables[i]);
                        struct visit visit = {table, map_new(arena), each, data};
                        if (table)
                                visit_chain(&visit, table_chain(table, sim_hook_name(hook)));
                }
}

struct setters {
        struct arena *arena;
        VEC(const struct target *) list;
        bool any, translated;
};

static void note_setter(const struct rule *rule, void *data)
{
        struct setters *setters = data;

        if (rule->target.kind == TARGET_MARK)
                vec_push(setters->arena, &setters->list, &rule->target);
        else if ((rule->target.kind == TARGET_CONNMARK &&
                  rule->target.connmark.action == CONNMARK_RESTORE) ||
                 rule->target.kind == TARGET_UNKNOWN || rule->target.kind == TARGET_BEYOND)
                setters->any = true;
        setters->translated = setters->translated || rule->target.kind == TARGET_DNAT ||
                              rule->target.kind == TARGET_REDIRECT ||
                              rule->target.kind == TARGET_UNKNOWN ||
                              rule->target.kind == TARGET_BEYOND;
}

static void add_mark(struct arriving_marks *marks, uint32_t mark)
{
        for (size_t i = 0; i < marks->n; i++)
                if (marks->items[i] == mark)
                        return;
        if (marks->n == MAX_ARRIVING_MARKS)
                marks->any = true;
        else
                marks->items[marks->n++] = mark;
}

struct arriving_marks marks_arriving(struct arena *arena, const struct enforced *enforced,
                                     enum family family, enum sim_hook hook)
{
        struct setters setters = {.arena = arena};
        struct arriving_marks marks = {.n = 1};

        visit_tables(arena, enforced, family, hook_before(hook), note_setter, &setters);
        marks.any = setters.any;
        marks.translated = setters.translated;
        for (size_t i = 0; i < marks.n && !marks.any; i++)
                vec_foreach (const struct target *, target, &setters.list)
                        add_mark(&marks,
                                 (marks.items[i] & ~(*target)->mark.mask) ^ (*target)->mark.value);
        return marks;
}

/* --- where such a packet may have been sent to --- */

struct search {
        const struct enforced *enforced;
        enum sim_hook hook;
        const struct sim_packet *wanted;
        const struct sim_node *node;
        bool found;
};

static bool arrives(const struct search *search, const struct sim_packet *sent)
{
        static const enum chance ways[] = {CHANCE_MATCHES, CHANCE_FAILS};

        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
                const struct sim_options options = {.node = search->node, .chance = ways[i]};
                struct sim_result result = simulate(search->enforced, search->hook, sent, &options);
                if (result.outcome == OUTCOME_PASS && result.packet.mark == search->wanted->mark &&
                    !result.packet.mark_unknown && !result.packet.unknown &&
                    ip_equal(&result.packet.destination, &search->wanted->destination) &&
                    result.packet.destination_port == search->wanted->destination_port)
                        return true;
        }
        return false;
}

/* To what the rule asks for. */
static void try_rule(const struct rule *rule, void *data)
{
        struct search *search = data;
        struct sim_packet sent = *search->wanted;
        bool asks = false;

        sent.mark = 0;
        vec_foreach (const struct match, match, &rule->matches) {
                if (match->invert)
                        continue;
                if (match->kind == MATCH_DESTINATION &&
                    match->prefix.ip.family == sent.destination.family) {
                        sent.destination = match->prefix.ip;
                        asks = true;
                } else if ((match->kind == MATCH_DESTINATION_PORT ||
                            match->kind == MATCH_DESTINATION_PORTS) &&
                           match->ports.n > 0) {
                        sent.destination_port = match->ports.items[0].first;
                        asks = true;
                }
        }
        search->found = search->found || (asks && arrives(search, &sent));
}

uint32_t mark_of_direct(const struct enforced *enforced, enum sim_hook hook,
                        const struct sim_packet *packet, const struct sim_node *node)
{
        const struct sim_options options = {.node = node};

        if (hook == HOOK_OUTPUT)
                return 0;
        return simulate(enforced, hook_before(hook), packet, &options).packet.mark;
}

bool mark_arrives(const struct enforced *enforced, enum sim_hook hook,
                  const struct sim_packet *packet, const struct sim_node *node)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct search search = {enforced, hook_before(hook), packet, node, false};

        visit_tables(arena, enforced, packet->source.family, search.hook, try_rule, &search);
        return search.found;
}
