#include "compile/class_chain.h"

#include "base/decimal.h"
#include "compile/peers.h"
#include "compile/ports.h"
#include "compile/shortcut.h"

/* A policy's rule, in what it is to both families. */
struct class_rule {
        const char *comment;
        struct port_matches ports;
        struct peers peers;
};

static struct class_rule rule_of(struct compiler *compiler, const struct class *class,
                                 const struct network_policy *policy, size_t index)
{
        const struct policy_rule *rule = &policy->rules[class->direction].items[index];
        char number[DECIMAL_SIZE];

        decimal_put(number, index);
        const char *detail =
            arena_join(compiler->scratch, direction_name(class->direction), "[", number, "]");
        return (struct class_rule){
            .comment = compiler_comment(compiler, "", &policy->meta, detail),
            .ports = ports_compile(compiler->arena, rule,
                                   class->direction == DIRECTION_INGRESS ? class->example : NULL),
            .peers = peers_of(policy, rule),
        };
}

static struct class_rule *rules_of(struct compiler *compiler, struct class *class)
{
        size_t n = 0;

        if (class->rules)
                return class->rules;
        for (size_t i = 0; i < class->n_policies; i++)
                n += class->policies[i]->rules[class->direction].n;
        class->rules = arena_new_array(compiler->scratch, struct class_rule, n);
        n = 0;
        for (size_t i = 0; i < class->n_policies; i++)
                for (size_t j = 0; j < class->policies[i]->rules[class->direction].n; j++)
                        class->rules[n++] = rule_of(compiler, class, class->policies[i], j);
        return class->rules;
}

/* Each way to say its ports × each way to say its peers. */
static void add_rule(struct compiler *compiler, struct chain *chain, struct class_rule *rule,
                     enum direction direction, enum family family)
{
        const struct target allow = {.kind = TARGET_RETURN};
        struct peer_matches peers = {0};
        struct match matches[3];

        if (rule->ports.list.n > 0) /* else no rule would ask the peers' set */
                peers = peers_compile(compiler, &rule->peers, direction, family);
        vec_foreach (const struct port_match, port, &rule->ports.list) {
                size_t n = 0;
                while (n < port->n) {
                        matches[n] = port->items[n];
                        n++;
                }
                if (peers.anyone)
                        compiler_add_rule(compiler, chain, matches, n, rule->comment, allow);
                for (size_t i = 0; i < peers.n; i++) {
                        matches[n] = peers.items[i];
                        compiler_add_rule(compiler, chain, matches, n + 1, rule->comment, allow);
                }
        }
        if (direction == DIRECTION_EGRESS &&
            peers_compile_named(compiler, &rule->peers, family, &matches[0]))
                compiler_add_rule(compiler, chain, matches, 1, rule->comment, allow);
}

/* Policies that add no rule: where no packet comes, so that what is installed says by itself which
 * policies isolate a pod. */
static void add_names(struct compiler *compiler, struct chain *chain, const struct class *class,
                      const bool *silent)
{
        for (size_t i = 0; i < class->n_policies; i++)
                if (silent[i])
                        compiler_add_rule(compiler, chain, NULL, 0,
                                          compiler_comment(compiler, "", &class->policies[i]->meta,
                                                           direction_name(class->direction)),
                                          (struct target){.kind = TARGET_NONE});
}

void class_chain_compile(struct compiler *compiler, struct table *table, struct class *class)
{
        struct chain *chain = table_add_chain(compiler->ruleset, table, class->chain);
        bool *silent = arena_new_array(compiler->scratch, bool, class->n_policies);
        struct class_rule *rule = rules_of(compiler, class);

        for (size_t i = 0; i < class->n_policies; i++) {
                size_t before = chain->rules.n;
                for (size_t j = 0; j < class->policies[i]->rules[class->direction].n; j++)
                        add_rule(compiler, chain, rule++, class->direction, table->family);
                silent[i] = chain->rules.n == before;
        }
        shortcut_compile(compiler, table, chain, class);
        compiler_add_rule(compiler, chain, NULL, 0,
                          arena_join(compiler->arena, "penstock: denied ",
                                     direction_name(class->direction), " of pods of ",
                                     class->example->meta.namespace),
                          (struct target){.kind = TARGET_GOTO, .text = CHAIN_DENY});
        add_names(compiler, chain, class, silent);
}
