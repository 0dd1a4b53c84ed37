#include "iptables/apply.h"

#include <unistd.h>

#include "iptables/change.h"
#include "iptables/lock.h"

void apply_report_done(struct apply_report *report)
{
        strbuf_done(&report->diff);
        strbuf_done(&report->notes);
}

static void keep_own_rules(struct ruleset *ruleset, struct table *to, const struct chain *from)
{
        struct chain *chain = NULL;

        vec_foreach (const struct rule, rule, &from->rules) {
                if (!is_own_jump(from, rule))
                        continue;
                if (!chain) {
                        chain = table_add_chain(ruleset, to, from->name);
                        chain->policy = from->policy;
                        chain->counters = from->counters;
                }
                vec_push(ruleset->arena, &chain->rules, *rule);
        }
}

static void keep_own_table(struct ruleset *ruleset, const struct table *from)
{
        struct table *table = ruleset_add_table(ruleset, from->family, from->name);

        vec_foreach (const struct chain, chain, &from->chains) {
                if (!is_own_chain(chain->name)) {
                        keep_own_rules(ruleset, table, chain);
                        continue;
                }
                struct chain *own = table_add_chain(ruleset, table, chain->name);
                own->rules.items = chain->rules.items;
                own->rules.n = chain->rules.n;
        }
}

struct ruleset *iptables_read(struct arena *arena, enum flavour flavour, struct err *err)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct installed installed;

        if (installed_read(arena, flavour, &installed, err) < 0)
                return NULL;
        vec_foreach (const struct table, table, &installed.rules[flavour]->tables)
                keep_own_table(ruleset, table);
        vec_foreach (const struct set, set, &installed.sets->sets)
                if (is_own_set(set->name))
                        vec_push(arena, &ruleset->sets, *set);
        return ruleset;
}

static int apply_locked(struct wanted *wanted, const struct apply_options *options,
                        struct apply_report *report, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct installed installed;
        struct change change = {.arena = arena,
                                .installed = &installed,
                                .wanted = wanted,
                                .options = options,
                                .report = report};
        bool any = !wanted->rules[options->flavour];

        if (installed_read(arena, any ? FLAVOURS : options->flavour, &installed, err) < 0)
                return err_wrap(err, "nothing was changed");
        if (any && !installed.usable[FLAVOUR_NFT] && !installed.usable[FLAVOUR_LEGACY])
                return err_set(err, "no usable iptables is installed");
        change_add_notes(&installed, &report->notes);
        return change_carry_out(&change, err);
}

static int apply_wanted(struct wanted *wanted, const struct apply_options *options,
                        struct apply_report *ret, struct err *err)
{
        struct apply_report report = {0};
        int lock = -1;

        if (!options->dry_run) {
                lock = namespace_lock(options->wait_seconds, err);
                if (lock < 0)
                        return -1;
        }
        int r = apply_locked(wanted, options, &report, err);
        if (lock >= 0)
                close(lock);
        if (r == 0)
                *ret = report;
        else
                apply_report_done(&report);
        return r;
}

int iptables_apply(const struct ruleset *wanted, const struct apply_options *options,
                   struct apply_report *report, struct err *err)
{
        struct wanted all = {.sets = wanted};

        all.rules[options->flavour] = wanted;
        return apply_wanted(&all, options, report, err);
}

int iptables_cleanup(const struct apply_options *options, struct apply_report *report,
                     struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct wanted nothing = {.sets = ruleset_new(arena)};

        return apply_wanted(&nothing, options, report, err);
}
