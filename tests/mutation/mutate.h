#pragma once

#include "base/err.h"
#include "bytes.h"
#include "rules/ruleset.h"

/* Single faults in installed rules: what a hand, another program, a bug or a crash may leave. */

struct mutant {
        struct arena *arena;
        struct bytes *bytes;
        struct ruleset *ruleset; /* the fault is in here */
        struct ruleset *beside;  /* iptables' other flavour; empty at first */
        /* The rules of a state that the cluster might have come from; NULL: none. */
        const struct ruleset *stale;
        const char *what; /* was done, for people */
};

struct mutation {
        const char *name; /* "rule deleted" */
        /* Does it once; false where the rules hold nothing to do it to. */
        bool (*change)(struct mutant *mutant);
        /* Must it leave every verdict as it is? */
        bool harmless;
};

/* All there are. */
extern const struct mutation rule_mutations[], set_mutations[], foreign_mutations[],
    chain_mutations[];
extern const size_t n_rule_mutations, n_set_mutations, n_foreign_mutations, n_chain_mutations;
size_t mutations_n(void);
const struct mutation *mutation_at(size_t i);

/* As a kernel holds what compile() made: with the built-in chains, their policy ACCEPT. */
struct ruleset *ruleset_installed(struct arena *arena, const struct ruleset *compiled);
struct ruleset *ruleset_copy(struct arena *arena, const struct ruleset *ruleset);
/* Printed for the tools and parsed again; sets' elements in any order. */
struct ruleset *ruleset_by_text(struct arena *arena, struct bytes *bytes,
                                const struct ruleset *ruleset, struct err *err);
/* Would the kernel take it? It refuses circles of chains, and holds a net once, member or not. */
bool ruleset_is_possible(const struct ruleset *ruleset);

/* What the mutations share. */
struct pick {
        struct table *table;
        struct chain *chain;
        struct rule *rule;
        struct match *match;
};
unsigned draw(struct mutant *mutant, size_t bound); /* bound > 0 */
/* One of those of which wanted is true (NULL: all); false where there is none. */
bool pick_rule(struct mutant *mutant, bool (*wanted)(const struct pick *), struct pick *ret);
bool pick_match(struct mutant *mutant, bool (*wanted)(const struct pick *), struct pick *ret);
struct set *pick_set(struct mutant *mutant, bool (*wanted)(const struct set *));
/* what = the text, with the place in front. */
bool done(struct mutant *mutant, const struct pick *pick, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void insert_rule(struct mutant *mutant, struct chain *chain, size_t at, struct rule rule);
void remove_rule(struct chain *chain, size_t at);
/* One up or down. */
struct ip ip_beside(struct ip ip, bool up);
