#include "verify/marks.h"

#include <string.h>

/* Chains that are reached from one base chain. */
struct visit {
        struct arena *arena;
        struct map *seen;
        VEC(const struct chain *) chains;
};

static void add_chain(struct visit *visit, const struct chain *chain)
{
        if (!chain || map_get(visit->seen, chain->name))
                return;
        map_put(visit->seen, chain->name, visit);
        vec_push(visit->arena, &visit->chains, chain);
}

static void visit_table(struct arena *arena, const struct table *table, enum sim_hook hook,
                        void (*each)(const struct rule *rule, void *data), void *data)
{
        struct visit visit = {.arena = arena, .seen = map_new(arena)};

        add_chain(&visit, table_chain(table, sim_hook_name(hook)));
        for (size_t i = 0; i < visit.chains.n; i++)
                vec_foreach (const struct rule, rule, &visit.chains.items[i]->rules) {
                        each(rule, data);
                        if (rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO)
                                add_chain(&visit, table_chain(table, rule->target.text));
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
                        if (table)
                                visit_table(arena, table, hook, each, data);
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

bool mark_direct(const struct enforced *enforced, enum sim_hook hook,
                 const struct sim_options *options, struct sim_packet *packet)
{
        packet->mark = packet->mark_unknown = 0;
        if (hook == HOOK_OUTPUT)
                return true;
        struct sim_result result = simulate(enforced, hook_before(hook), packet, options);
        packet->mark = result.packet.mark;
        packet->mark_unknown = result.packet.mark_unknown;
        return result.outcome != OUTCOME_DROP &&
               ip_equal(&result.packet.destination, &packet->destination) &&
               result.packet.destination_port == packet->destination_port;
}

bool mark_arrives(const struct enforced *enforced, enum sim_hook hook,
                  const struct sim_packet *packet, const struct sim_node *node)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct search search = {enforced, hook_before(hook), packet, node, false};

        visit_tables(arena, enforced, packet->source.family, search.hook, try_rule, &search);
        return search.found;
}
