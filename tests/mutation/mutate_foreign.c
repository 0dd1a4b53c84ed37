#include <string.h>

#include "mutate.h"

/* What others do to the built-in chains, around penstock's jumps. */

static struct pick pick_hook(struct mutant *mutant)
{
        static const char *const names[] = {"FORWARD", "FORWARD", "FORWARD", "INPUT", "OUTPUT"};
        struct table *table =
            ruleset_table(mutant->ruleset, (enum family)draw(mutant, FAMILIES), "filter");

        return (struct pick){.table = table,
                             .chain = table_chain(table, names[draw(mutant, ARRAY_SIZE(names))])};
}

static bool is_hook_jump(const struct pick *pick)
{
        return pick->chain->policy && pick->rule->target.kind == TARGET_JUMP;
}

static bool hook_removed(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, is_hook_jump, &pick))
                return false;
        done(mutant, &pick, "penstock's jump removed");
        remove_rule(pick.chain, 0);
        return true;
}

static bool hook_twice(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, is_hook_jump, &pick))
                return false;
        done(mutant, &pick, "penstock's jump twice");
        insert_rule(mutant, pick.chain, 0, pick.chain->rules.items[0]);
        return true;
}

static void add(struct mutant *mutant, struct rule *rule, struct match match)
{
        vec_push(mutant->arena, &rule->matches, match);
}

/* An address that somebody has, or a net around it. */
static struct prefix any_prefix(struct mutant *mutant, enum family family)
{
        VEC(struct prefix) known = {0};
        struct ip ip = {.family = (uint8_t)family, .bytes = {10}};

        vec_foreach (const struct set, set, &mutant->ruleset->sets)
                for (size_t i = 0; set->family == family && i < set->elements.n; i++)
                        vec_push(mutant->arena, &known, set->elements.items[i].prefix);
        struct prefix prefix = known.n ? known.items[draw(mutant, known.n)] : prefix_of(&ip, 8);
        if (bytes_chance(mutant->bytes, 50))
                prefix =
                    prefix_of(&prefix.ip, (uint8_t)(prefix.length > 9 ? prefix.length - 8 : 1));
        return prefix;
}

static void add_port(struct mutant *mutant, struct rule *rule)
{
        struct port_range *range = arena_new_object(mutant->arena, struct port_range);

        *range = (struct port_range){80, 80};
        vec_foreach (const struct table, table, &mutant->ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, known, &chain->rules)
                                vec_foreach (const struct match, match, &known->matches)
                                        if (match->kind == MATCH_DESTINATION_PORT &&
                                            bytes_chance(mutant->bytes, 30))
                                                *range = match->ports.items[0];
        add(mutant, rule, (struct match){.kind = MATCH_PROTOCOL, .number = PROTOCOL_TCP});
        add(mutant, rule,
            (struct match){.kind = MATCH_DESTINATION_PORT, .ports = {.items = range, .n = 1}});
}

static void add_interface(struct mutant *mutant, struct rule *rule, const char *chain)
{
        enum match_kind kind =
            strcmp(chain, "OUTPUT") == 0 ? MATCH_OUT_INTERFACE : MATCH_IN_INTERFACE;

        add(mutant, rule,
            (struct match){.kind = kind,
                           .text = bytes_chance(mutant->bytes, 50) ? "eth0" : "veth+"});
}

/* Some matches, with words for them. */
static const char *add_matches(struct mutant *mutant, struct rule *rule, const struct pick *pick)
{
        static const uint32_t states[] = {CT_NEW, CT_INVALID, CT_ESTABLISHED | CT_RELATED,
                                          CT_UNTRACKED};

        switch (draw(mutant, 6)) {
        case 0:
                return "everything";
        case 1:
                add(mutant, rule,
                    (struct match){.kind = bytes_chance(mutant->bytes, 50) ? MATCH_SOURCE
                                                                           : MATCH_DESTINATION,
                                   .prefix = any_prefix(mutant, pick->table->family)});
                return "a prefix";
        case 2:
                add_port(mutant, rule);
                return "a port";
        case 3:
                add_interface(mutant, rule, pick->chain->name);
                return "an interface";
        case 4:
                add(mutant, rule,
                    (struct match){.kind = MATCH_CTSTATE,
                                   .flags = states[draw(mutant, ARRAY_SIZE(states))]});
                return "a state";
        default:
                add(mutant, rule,
                    (struct match){.kind = MATCH_CHANCE,
                                   .extension = {.module = "limit", .text = "--limit 10/minute"}});
                return "a limit";
        }
}

static struct target any_target(struct mutant *mutant, const char **ret_name)
{
        static const struct {
                enum target_kind kind;
                const char *name;
        } targets[] = {{TARGET_ACCEPT, "accepts"}, {TARGET_DROP, "drops"}, {TARGET_NONE, "counts"}};
        size_t i = draw(mutant, ARRAY_SIZE(targets));

        *ret_name = targets[i].name;
        return (struct target){.kind = targets[i].kind};
}

static bool foreign_at(struct mutant *mutant, bool behind)
{
        struct pick pick = pick_hook(mutant);
        struct rule rule = {0};
        const char *target, *matches = add_matches(mutant, &rule, &pick);

        rule.target = any_target(mutant, &target);
        insert_rule(mutant, pick.chain, behind ? pick.chain->rules.n : 0, rule);
        return done(mutant, &pick, "a foreign rule %s that %s %s", behind ? "behind" : "in front",
                    target, matches);
}

static bool foreign_in_front(struct mutant *mutant)
{
        return foreign_at(mutant, false);
}

static bool foreign_behind(struct mutant *mutant)
{
        return foreign_at(mutant, true);
}

/* Somebody put his accept between the hook and penstock's jump by moving that to the end. */
static bool hook_behind(struct mutant *mutant)
{
        struct pick pick;

        if (!pick_rule(mutant, is_hook_jump, &pick))
                return false;
        struct rule rule = {0};
        const char *target, *matches = add_matches(mutant, &rule, &pick);
        rule.target = any_target(mutant, &target);
        insert_rule(mutant, pick.chain, 0, rule);
        pick.rule = NULL;
        return done(mutant, &pick, "penstock's jump behind one that %s %s", target, matches);
}

/* A packet has to pass both flavours; neither's tools show the other's rules. */
static bool foreign_beside(struct mutant *mutant)
{
        struct pick pick = pick_hook(mutant);
        struct table *table = ruleset_add_table(mutant->beside, pick.table->family, "filter");
        struct rule rule = {0};
        const char *target, *matches = add_matches(mutant, &rule, &pick);
        const char *name = pick.chain->name;

        rule.target = any_target(mutant, &target);
        pick.chain = table_chain(table, name);
        if (!pick.chain)
                pick.chain = table_add_chain(mutant->beside, table, name);
        pick.chain->policy = bytes_chance(mutant->bytes, 20) ? "DROP" : "ACCEPT";
        insert_rule(mutant, pick.chain, 0, rule);
        return done(mutant, &pick, "the other flavour %s %s, policy %s", target, matches,
                    pick.chain->policy);
}

static bool unknown_match(struct mutant *mutant)
{
        struct pick pick = pick_hook(mutant);
        struct rule rule = {0};
        bool accepts = bytes_chance(mutant->bytes, 50);

        add(mutant, &rule,
            (struct match){.kind = MATCH_UNKNOWN, .text = "-m geoip --source-country XX"});
        rule.target.kind = accepts ? TARGET_ACCEPT : TARGET_DROP;
        bool behind = bytes_chance(mutant->bytes, 50);
        insert_rule(mutant, pick.chain, behind ? pick.chain->rules.n : 0, rule);
        return done(mutant, &pick, "a match that nobody knows %s, %s",
                    behind ? "behind" : "in front", accepts ? "accepts" : "drops");
}

/* Istio's, Docker's and kube-proxy's way: what carries a mark is accepted. Set may be the mark of
 * nobody, of all, or of one port. */
static bool mark_collision(struct mutant *mutant)
{
        struct pick pick = pick_hook(mutant);
        struct rule accepts = {.target = {.kind = TARGET_ACCEPT}}, marks = {0};
        unsigned bit = 1U << draw(mutant, 16);
        unsigned setter = draw(mutant, 3);

        add(mutant, &accepts,
            (struct match){.kind = MATCH_MARK, .mark = {.value = bit, .mask = bit}});
        insert_rule(mutant, pick.chain, 0, accepts);
        if (setter > 0) {
                struct table *mangle =
                    ruleset_add_table(mutant->ruleset, pick.table->family, "mangle");
                bool early =
                    strcmp(pick.chain->name, "OUTPUT") != 0 && bytes_chance(mutant->bytes, 50);
                const char *name = early ? "PREROUTING" : pick.chain->name;
                struct chain *chain = table_chain(mangle, name);
                if (!chain)
                        chain = table_add_chain(mutant->ruleset, mangle, name);
                chain->policy = "ACCEPT";
                if (setter == 2)
                        add_port(mutant, &marks);
                marks.target = (struct target){
                    .kind = TARGET_MARK,
                    .text = arena_printf(mutant->arena, "MARK --set-xmark 0x%x/0x%x", bit, bit),
                    .mark = {.value = bit, .mask = bit}};
                insert_rule(mutant, chain, 0, marks);
                pick.table = ruleset_table(mutant->ruleset, pick.table->family, "filter");
        }
        return done(mutant, &pick, "accepts mark 0x%x, which %s", bit,
                    setter == 0   ? "nobody sets"
                    : setter == 1 ? "everything has"
                                  : "one port has");
}

const struct mutation foreign_mutations[] = {
    {"jump of a hook removed", hook_removed, false},
    {"jump of a hook twice", hook_twice, true},
    {"jump of a hook behind another's rule", hook_behind, false},
    {"foreign rule in front", foreign_in_front, false},
    {"foreign rule behind", foreign_behind, false},
    {"foreign rule of the other flavour", foreign_beside, false},
    {"unknown match", unknown_match, false},
    {"mark collision", mark_collision, false},
};
const size_t n_foreign_mutations = ARRAY_SIZE(foreign_mutations);
