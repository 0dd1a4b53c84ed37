#include "compile/shortcut.h"

#include <string.h>

/* Each rule that a new connection's packet does not match costs it a look into a set: 20 policies
 * that name one port cost 1.7 times what conntrack does, half of them being walked for nothing.
 * Tried instead, and measured: a binary tree of unions of the peers (1.45 to 1.65), one list:set of
 * all peers (1.5), a tree over the ports (nothing gained). One hash:ip,port: 1.2.
 *
 * Elements count packets, so that `list` can still say which policy allowed them. */

#define MIN_RULES 4  /* fewer are as quick themselves, and keep their own counters */
#define MAX_PORTS 15 /* of one rule; a wider range is left to itself */
/* Elements cost memory in the kernel and time in each `ipset save`: with 4,096 a class, a node of
 * 250 pods held 420,000 of them, and an apply that changed nothing took 3 s. A rule with more than
 * its share is left to itself. */
#define MAX_OF_A_RULE  64
#define MAX_OF_A_CLASS 256

/* A rule of a plain form: peers that are pods, and ports one by one or none. Those with ports share
 * a set of pairs, those without one of addresses. */
struct plain {
        enum set_type type; /* of the shortcut that holds it */
        enum protocol protocol;
        const struct match *ports; /* NULL where the rule names none */
        const char *peers;         /* a set's name */
};

static size_t count_ports(const struct match *match)
{
        size_t n = 0;

        for (size_t i = 0; i < match->ports.n; i++)
                n += (size_t)match->ports.items[i].last - match->ports.items[i].first + 1;
        return n;
}

static bool rule_is_plain(const struct rule *rule, struct plain *ret)
{
        struct plain plain = {0};
        bool other = false, protocol = false;

        vec_foreach (const struct match, match, &rule->matches) {
                other |= match->invert;
                if (match->kind == MATCH_PROTOCOL) {
                        plain.protocol = (enum protocol)match->number;
                        protocol = true;
                } else if (match->kind == MATCH_DESTINATION_PORT ||
                           match->kind == MATCH_DESTINATION_PORTS)
                        plain.ports = match;
                else if (match->kind == MATCH_SET && match->set.n_ends == 1)
                        plain.peers = match->set.name;
                else
                        other |= match->kind != MATCH_COMMENT;
        }
        if (other || !plain.peers || protocol != (plain.ports != NULL) ||
            (plain.ports && count_ports(plain.ports) > MAX_PORTS))
                return false;
        plain.type = plain.ports ? SET_HASH_IP_PORT : SET_HASH_IP;
        *ret = plain;
        return true;
}

static void add_pairs(struct compiler *compiler, const struct plain *plain,
                      const struct set_element *peer, struct set *set)
{
        for (size_t i = 0; i < plain->ports->ports.n; i++) {
                struct port_range range = plain->ports->ports.items[i];
                for (unsigned port = range.first; port <= range.last; port++) {
                        struct set_element element = {.prefix = peer->prefix,
                                                      .protocol = (uint8_t)plain->protocol,
                                                      .port = (uint16_t)port};
                        vec_push(compiler->arena, &set->elements, element);
                }
        }
}

static void add_elements(struct compiler *compiler, const struct plain *plain, struct set *set)
{
        const struct set *peers = compiler_set(compiler, plain->peers);
        size_t n = peers->elements.n * (plain->ports ? count_ports(plain->ports) : 1);

        if (n > MAX_OF_A_RULE || set->elements.n + n > MAX_OF_A_CLASS)
                return;
        vec_foreach (const struct set_element, peer, &peers->elements)
                if (plain->ports)
                        add_pairs(compiler, plain, peer, set);
                else
                        vec_push(compiler->arena, &set->elements, *peer);
}

static struct known_name *set_name_of(struct compiler *compiler, const struct class *class,
                                      enum set_type type, enum family family)
{
        struct strbuf *key = key_begin(compiler, "shortcut");

        key_add(key, set_type_name(type));
        key_add(key, family_name(family));
        key_add(key, class->chain);
        return compiler_name(compiler, SET_PREFIX);
}

static void put_first(struct chain *chain)
{
        size_t last = chain->rules.n - 1;
        struct rule rule = chain->rules.items[last];

        memmove(chain->rules.items + 1, chain->rules.items, last * sizeof(rule));
        chain->rules.items[0] = rule;
}

static void add_shortcut(struct compiler *compiler, struct table *table, struct chain *chain,
                         const struct class *class, enum set_type type)
{
        VEC(struct plain) rules = {0};
        struct plain plain;

        if (chain->rules.n < MIN_RULES)
                return;
        vec_foreach (const struct rule, rule, &chain->rules)
                if (rule_is_plain(rule, &plain) && plain.type == type &&
                    compiler_set(compiler, plain.peers)->type == SET_HASH_IP)
                        vec_push(compiler->scratch, &rules, plain);
        if (rules.n < MIN_RULES)
                return;
        struct known_name *name = set_name_of(compiler, class, type, table->family);
        struct set *set = compiler_add_set(compiler, name, type, table->family);
        set->counters = true;
        vec_foreach (const struct plain, one, &rules)
                add_elements(compiler, one, set);
        enum set_end peer = peer_end(class->direction);
        struct match match =
            type == SET_HASH_IP ? match_set(name->text, peer) : match_set_port(name->text, peer);
        compiler_add_rule(compiler, chain, &match, 1, SHORTCUT_COMMENT,
                          (struct target){.kind = TARGET_RETURN});
        put_first(chain);
}

void shortcut_compile(struct compiler *compiler, struct table *table, struct chain *chain,
                      const struct class *class)
{
        /* The second does not take the first for a policy's rule: two ends are no plain form. */
        add_shortcut(compiler, table, chain, class, SET_HASH_IP_PORT);
        add_shortcut(compiler, table, chain, class, SET_HASH_IP);
}

static bool plain_holds(const struct ruleset *ruleset, const struct plain *plain,
                        const struct set_element *element)
{
        const struct set *peers = ruleset_set(ruleset, plain->peers);
        const struct set_element address = {.prefix = element->prefix};
        bool port = !plain->ports;

        for (size_t i = 0; plain->ports && i < plain->ports->ports.n; i++)
                port |= port_range_contains(plain->ports->ports.items[i], element->port);
        return port && plain->protocol == element->protocol && peers &&
               peers->type == SET_HASH_IP && set_find(peers, &address);
}

/* The set of a rule that is a shortcut; NULL of any other. */
static const struct set *shortcut_set(const struct ruleset *ruleset, const struct rule *rule)
{
        const char *comment = rule_comment(rule);

        if (comment && strcmp(comment, SHORTCUT_COMMENT) == 0)
                vec_foreach (const struct match, match, &rule->matches)
                        if (match->kind == MATCH_SET)
                                return ruleset_set(ruleset, match->set.name);
        return NULL;
}

static void give_back(const struct ruleset *ruleset, struct chain *chain, const struct set *set,
                      const struct set_element *element)
{
        struct plain plain;

        vec_foreach (struct rule, rule, &chain->rules)
                if (!shortcut_set(ruleset, rule) && rule_is_plain(rule, &plain) &&
                    plain.type == set->type && plain_holds(ruleset, &plain, element)) {
                        counters_add(&rule->counters, &element->counters);
                        return;
                }
}

void shortcut_spread(struct ruleset *ruleset)
{
        vec_foreach (struct table, table, &ruleset->tables)
                vec_foreach (struct chain, chain, &table->chains)
                        vec_foreach (struct rule, rule, &chain->rules) {
                                const struct set *set = shortcut_set(ruleset, rule);
                                if (!set || !set->counters)
                                        continue;
                                rule->counters = (struct counters){0};
                                vec_foreach (const struct set_element, element, &set->elements)
                                        if (element->counters.packets > 0)
                                                give_back(ruleset, chain, set, element);
                        }
}
