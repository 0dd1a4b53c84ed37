#include "iptables/apply.h"

#include <unistd.h>

#include "iptables/installed.h"
#include "iptables/lock.h"
#include "iptables/plan.h"
#include "iptables/send.h"
#include "iptables/stand_in.h"

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

static bool report_says_changed(const struct apply_report *report)
{
        return report->chains_added || report->chains_changed || report->chains_removed ||
               report->sets_added || report->sets_changed || report->sets_removed;
}

/* From what is there now; where that fails, back to what was installed at first. */
static int change(const struct installed *now, const struct wanted *wanted,
                  const struct installed *back_to, const struct apply_options *options,
                  struct apply_report *report, struct err *err)
{
        _cleanup_plan_ struct plan plan = {0};

        plan_make(now, wanted, false, report, &plan);
        return send_plan(&plan, now, back_to, options, report, err);
}

static struct wanted wanted_with(struct arena *arena, const struct installed *installed,
                                 const struct wanted *wanted, enum flavour flavour,
                                 const struct map *names)
{
        struct ruleset *rules =
            stand_in(arena, installed->rules[flavour], wanted->rules[flavour], names);
        struct wanted with = {.sets = rules};

        with.rules[flavour] = rules;
        return with;
}

/* In two steps: under the names of stand-ins, and then under the right ones. The first one's
 * transactions bring the new state, the second's say the same in other words. */
static int change_by_stand_ins(struct arena *arena, const struct installed *installed,
                               const struct wanted *wanted, const struct map *names,
                               const struct apply_options *options, size_t *ret_rules_sent,
                               struct apply_report *last, struct err *err)
{
        enum flavour flavour = options->flavour;
        struct wanted first = wanted_with(arena, installed, wanted, flavour, names);
        struct wanted second = wanted_with(arena, installed, wanted, flavour, map_new(arena));
        struct apply_report report = {0};
        struct installed now;
        int r = change(installed, &first, installed, options, &report, err);

        *ret_rules_sent = report.rules_sent;
        if (r == 0 && installed_read(arena, flavour, &now, err) < 0)
                r = send_back(installed, options, err);
        else if (r == 0 && has_misfits(now.sets, wanted->sets))
                r = err_set(err,
                            "a set has a name of penstock's and is none, and rules of others use "
                            "it: %sthe policies are in force with sets of other names",
                            strbuf_text(&report.notes));
        else if (r == 0)
                r = change(&now, &second, installed, options, last, err);
        apply_report_done(&report);
        return r;
}

/* What is reported is what has changed, not the way there. */
static int change_the_long_way(struct arena *arena, const struct installed *installed,
                               const struct wanted *wanted, const struct map *names,
                               const struct apply_options *options, struct apply_report *report,
                               struct err *err)
{
        struct apply_report last = {0};
        size_t sent = 0;
        int r = change_by_stand_ins(arena, installed, wanted, names, options, &sent, &last, err);

        report->rules_sent = sent + last.rules_sent;
        report->sets_kept = last.sets_kept;
        strbuf_add(&report->notes, strbuf_text(&last.notes));
        apply_report_done(&last);
        return r;
}

static int change_all(struct arena *arena, const struct installed *installed,
                      const struct wanted *wanted, const struct apply_options *options,
                      struct apply_report *report, struct err *err)
{
        _cleanup_plan_ struct plan plan = {0};
        struct map *names;
        int r;

        plan_make(installed, wanted, options->dry_run, report, &plan);
        if (options->dry_run)
                r = 0;
        else if (stand_in_names(arena, installed, wanted, &plan, &names, err) < 0)
                r = -1;
        else if (map_size(names) > 0)
                r = change_the_long_way(arena, installed, wanted, names, options, report, err);
        else
                r = send_plan(&plan, installed, installed, options, report, err);
        report->changed = report_says_changed(report);
        return r;
}

static void add_notes(const struct installed *installed, struct strbuf *notes)
{
        if (!installed->families[FAMILY_IPV6])
                strbuf_add(notes, "this kernel has no IPv6: only IPv4 is enforced, and no other "
                                  "passes\n");
        for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                if (installed->unreadable[flavour])
                        strbuf_printf(notes,
                                      "%s cannot show all that is in its filter table: chains of "
                                      "penstock's, if any are there, cannot be read and stay\n",
                                      flavour_name(flavour));
}

static int apply_locked(const struct wanted *wanted, const struct apply_options *options,
                        struct apply_report *report, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct installed installed;
        bool any = !wanted->rules[options->flavour];

        if (installed_read(arena, any ? FLAVOURS : options->flavour, &installed, err) < 0)
                return err_wrap(err, "nothing was changed");
        if (any && !installed.usable[FLAVOUR_NFT] && !installed.usable[FLAVOUR_LEGACY])
                return err_set(err, "no usable iptables is installed");
        add_notes(&installed, &report->notes);
        return change_all(arena, &installed, wanted, options, report, err);
}

static int apply_wanted(const struct wanted *wanted, const struct apply_options *options,
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
