#include "iptables/remembered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "iptables/legacy_table.h"
#include "iptables/text.h"
#include "netlink/nftables_counters.h"

/* nf_tables is asked chain by chain, which costs a fraction of what iptables-nft-save does for all;
 * where more chains than this are asked for, for the whole table at once. */
#define MANY_CHAINS 32

#define COUNT_ATTEMPTS 5 /* while others change rules */

static void add_reference(struct ruleset *to, struct chain *chain, const struct rule *rule)
{
        struct rule reference = {.target = {
                                     .kind = rule->target.kind,
                                     .text = arena_strdup(to->arena, rule->target.text),
                                 }};

        vec_push(to->arena, &chain->rules, reference);
}

static void add_references(struct ruleset *to, struct table *table, const struct chain *from)
{
        struct chain *chain = NULL;

        vec_foreach (const struct rule, rule, &from->rules) {
                if (!leads_to_own(rule))
                        continue;
                if (!chain)
                        chain = table_add_chain(to, table, from->name);
                add_reference(to, chain, rule);
        }
}

/* A stale chain into which others lead stays, empty. */
static void add_left(struct ruleset *to, struct table *table, const struct table *before)
{
        vec_foreach (const struct chain, chain, &before->chains) {
                if (is_own_chain(chain->name)) {
                        if (!table_chain(table, chain->name) && plan_reference(before, chain->name))
                                table_add_chain(to, table, chain->name);
                } else if (!chain_is_builtin(chain->name)) {
                        add_references(to, table, chain);
                }
        }
}

static void add_wanted(struct ruleset *to, struct table *table, const struct table *wanted)
{
        vec_foreach (const struct chain, from, &wanted->chains) {
                struct chain *chain;
                if (is_own_chain(from->name)) {
                        chain = table_add_chain(to, table, from->name);
                        chain->rules.items = from->rules.items;
                        chain->rules.n = from->rules.n;
                        continue;
                }
                if (!chain_is_builtin(from->name))
                        continue;
                chain = table_add_chain(to, table, from->name);
                vec_foreach (const struct rule, rule, &from->rules)
                        if (is_own_jump(from, rule))
                                vec_push(to->arena, &chain->rules, *rule);
        }
}

static struct ruleset *rules_after(struct arena *arena, const struct installed *installed,
                                   enum flavour flavour, const struct ruleset *wanted)
{
        struct ruleset *rules = ruleset_new(arena);

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                const struct table *before =
                    ruleset_table(installed->rules[flavour], family, "filter");
                const struct table *now = wanted ? ruleset_table(wanted, family, "filter") : NULL;
                if (!installed->families[family] || (!before && !now))
                        continue;
                struct table *table = ruleset_add_table(rules, family, "filter");
                if (now)
                        add_wanted(rules, table, now);
                if (before)
                        add_left(rules, table, before);
        }
        return rules;
}

void remembered_after(struct arena *arena, const struct installed *before,
                      const struct wanted *wanted, struct installed *ret)
{
        struct installed after = *before;

        memset(after.entries, 0, sizeof(after.entries));
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                after.rules[flavour] = rules_after(arena, before, flavour, wanted->rules[flavour]);
        after.sets = ruleset_new(arena);
        vec_foreach (const struct set, set, &wanted->sets->sets)
                if (is_own_set(set->name) && before->families[set->family])
                        vec_push(arena, &after.sets->sets, *set);
        *ret = after;
}

/* One table while it is counted. */
struct count {
        struct table *table;
        const struct legacy_entries *entries; /* as remembered */
        size_t *at; /* by chain: how many of its rules have been counted */
        bool other; /* a rule stands there that is not remembered, or does not count */
};

static void begin(struct count *count)
{
        memset(count->at, 0, count->table->chains.n * sizeof(*count->at));
        count->other = false;
}

static bool leads_there(const struct rule *rule, const char *leads_to)
{
        const bool leads = rule->target.kind == TARGET_JUMP || rule->target.kind == TARGET_GOTO;

        return leads ? leads_to && strcmp(rule->target.text, leads_to) == 0 : !leads_to;
}

static void count_rule(struct count *count, const char *name, const char *leads_to, bool counts,
                       struct counters counters)
{
        const struct chain *chain = table_chain(count->table, name);

        if (!chain || (!is_own_chain(name) && !(leads_to && is_own_chain(leads_to))))
                return;
        size_t *at = &count->at[chain - count->table->chains.items];
        if (*at < chain->rules.n && counts && leads_there(&chain->rules.items[*at], leads_to))
                chain->rules.items[*at].counters = counters;
        else
                count->other = true;
        ++*at;
}

static void count_message(const struct nftables_counted *rule, void *data)
{
        count_rule(data, rule->chain, rule->leads_to, rule->counts,
                   (struct counters){rule->packets, rule->bytes});
}

struct asked {
        VEC(const struct chain *) chains;
};

static bool is_asked(const struct table *wanted, const struct chain *chain)
{
        const struct chain *other = wanted ? table_chain(wanted, chain->name) : NULL;

        if (!is_own_chain(chain->name) && !chain_is_builtin(chain->name))
                return false; /* others' that lead here */
        return !other || !chain_rules_equal(chain, other);
}

static struct asked asked_of(struct arena *arena, const struct table *table,
                             const struct table *wanted, bool all)
{
        struct asked asked = {0};

        vec_foreach (const struct chain, chain, &table->chains)
                if (all ? is_asked(NULL, chain) : is_asked(wanted, chain))
                        vec_push(arena, &asked.chains, chain);
        return asked;
}

static int ask_once(struct netlink *netlink, struct count *count, const struct asked *asked,
                    struct err *err)
{
        const uint8_t family = count->table->family == FAMILY_IPV4 ? AF_INET : AF_INET6;

        begin(count);
        if (asked->chains.n > MANY_CHAINS)
                return nftables_counters_read(netlink, family, count->table->name, NULL,
                                              count_message, count, err);
        vec_foreach (const struct chain *, chain, &asked->chains)
                if (nftables_counters_read(netlink, family, count->table->name, (*chain)->name,
                                           count_message, count, err) < 0)
                        return -1;
        return 0;
}

static int ask_nft(struct count *count, const struct asked *asked, struct err *err)
{
        _cleanup_netlink_ struct netlink *netlink = netlink_open(NETLINK_NETFILTER, err);
        int r = -1;

        for (unsigned i = 0; netlink && r < 0 && i < COUNT_ATTEMPTS; i++) {
                r = ask_once(netlink, count, asked, err);
                if (r < 0 && errno != EINTR)
                        break;
        }
        return r;
}

static void count_held(struct count *count, const struct legacy_rules *held)
{
        begin(count);
        vec_foreach (const struct legacy_chain, chain, &held->chains)
                for (size_t i = 0; i < chain->n_rules; i++)
                        count_rule(count, chain->name, chain->rules[i].leads_to, true,
                                   chain->rules[i].counters);
        if (count->entries->print)
                count->other |= legacy_entries_of(held).print != count->entries->print;
}

/* One system call gives the whole table, so its chains are not asked for one by one. */
static int ask_legacy(struct arena *arena, struct count *count, struct err *err)
{
        struct legacy_rules held;

        if (legacy_table_read(arena, count->table->family, count->table->name, &held, err) < 0)
                return -1;
        count_held(count, &held);
        return 0;
}

static int ask(struct arena *arena, enum flavour flavour, struct count *count,
               const struct asked *asked, struct err *err)
{
        if (flavour == FLAVOUR_LEGACY)
                return ask_legacy(arena, count, err);
        return asked->chains.n ? ask_nft(count, asked, err) : 0;
}

static int recount_table(struct installed *installed, enum flavour flavour, struct table *table,
                         const struct table *wanted, bool all, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        const struct asked asked = asked_of(arena, table, wanted, all);
        struct count count = {table, &installed->entries[table->family],
                              arena_new_array(arena, size_t, table->chains.n), false};

        if (ask(arena, flavour, &count, &asked, err) < 0)
                return -1;
        vec_foreach (const struct chain *, chain, &asked.chains)
                count.other |= count.at[*chain - table->chains.items] != (*chain)->rules.n;
        return count.other ? err_set(err, "other rules stand there than were left") : 0;
}

int remembered_recount(struct installed *installed, enum flavour flavour,
                       const struct ruleset *wanted, struct err *err)
{
        vec_foreach (struct table, table, &installed->rules[flavour]->tables) {
                const struct table *same =
                    wanted ? ruleset_table(wanted, table->family, table->name) : NULL;
                if (recount_table(installed, flavour, table, same, !wanted, err) < 0)
                        return -1;
        }
        return 0;
}
