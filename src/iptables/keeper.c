#include "iptables/keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "iptables/change.h"
#include "iptables/legacy_entries.h"
#include "iptables/lock.h"
#include "iptables/others.h"
#include "iptables/remembered.h"
#include "iptables/shutting.h"
#include "iptables/text.h"
#include "iptables/tool.h"
#include "netlink/generation.h"
#include "netlink/ipset_sizes.h"

/* What is remembered is nothing but the ruleset that was applied last: what a plan asks of what is
 * installed is penstock's own, and that is what was wanted. */

/* Of rules that were read and found right, with nf_tables as flavour: while it is the same, they
 * are. Legacy's tables have a number for penstock's part of them. */
struct seen {
        uint32_t generation; /* 0: nothing was seen, or nothing tells */
        struct legacy_entries entries[FAMILIES];
};

struct keeper {
        struct apply_options options;
        struct others others;
        struct arena *arena; /* of what is remembered; NULL: nothing is */
        struct installed installed;
        struct legacy_entries entries[FAMILIES]; /* those that all has been read of last */
        struct seen seen;
        bool may_have_shut;
        size_t readings;
};

struct keeper *keeper_new(const struct apply_options *options)
{
        struct keeper *keeper = memory_alloc(sizeof(*keeper));

        *keeper = (struct keeper){.options = *options, .may_have_shut = true};
        others_begin(&keeper->others);
        return keeper;
}

void keeper_free(struct keeper *keeper)
{
        if (!keeper)
                return;
        others_end(&keeper->others);
        arena_free(keeper->arena);
        free(keeper);
}

static void forget(struct keeper *keeper)
{
        arena_free(keeper->arena);
        keeper->arena = NULL;
        keeper->installed = (struct installed){0};
}

static void note_entries(enum flavour flavour, struct legacy_entries ret[FAMILIES])
{
        memset(ret, 0, FAMILIES * sizeof(*ret));
        if (flavour == FLAVOUR_LEGACY)
                for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                        legacy_entries_read(family, "filter", &ret[family]);
}

/* Only the kernel's word lets rules of nf_tables be believed. */
static bool may_remember(const struct keeper *keeper, const struct apply_report *report)
{
        return report->sets_kept == 0 &&
               (keeper->others.watch || keeper->options.flavour == FLAVOUR_LEGACY);
}

/* What is installed, as remembered where that is to be believed; else read into arena. */
static int know(struct keeper *keeper, struct arena *arena, struct change *change, struct err *err)
{
        others_hear(&keeper->others, keeper->arena ? keeper->installed.rules[FLAVOUR_NFT] : NULL);
        if (keeper->arena && !keeper->others.doubt) {
                *change->installed = keeper->installed;
                change->remembered = true;
                return 0;
        }
        keeper->readings++;
        note_entries(keeper->options.flavour, keeper->entries); /* before others' next change */
        if (others_before_reading(&keeper->others, err) < 0 ||
            installed_read(arena, keeper->options.flavour, change->installed, err) < 0)
                return err_wrap(err, "nothing was changed");
        memcpy(change->installed->entries, keeper->entries, sizeof(keeper->entries));
        change_add_notes(change->installed, &change->report->notes);
        return 0;
}

/* Moves what is remembered on to wanted, which lives in arena. Where no rules were written, what
 * others have done to them since is still to be noticed. */
static void remember(struct keeper *keeper, struct arena *arena, const struct installed *before,
                     const struct wanted *wanted, const struct apply_report *report)
{
        const bool wrote = report->rules_sent || report->chains_added || report->chains_changed ||
                           report->chains_removed;
        struct installed now;

        remembered_after(arena, before, wanted, &now);
        arena_free(keeper->arena);
        keeper->arena = arena;
        if (wrote)
                note_entries(keeper->options.flavour, keeper->entries);
        memcpy(now.entries, wrote ? keeper->entries : before->entries, sizeof(now.entries));
        keeper->installed = now;
}

static int apply_locked(struct keeper *keeper, struct arena *wanted_arena, struct wanted *wanted,
                        bool one_pod, struct apply_report *report, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct installed installed;
        struct change change = {.arena = arena,
                                .installed = &installed,
                                .wanted = wanted,
                                .one_pod = one_pod,
                                .options = &keeper->options,
                                .report = report};

        if (know(keeper, arena, &change, err) < 0 || change_carry_out(&change, err) < 0 ||
            others_expect_own(&keeper->others, report, err) < 0)
                return -1;
        keeper->may_have_shut = may_shut(&installed, wanted, report);
        keeper->others.doubt = false;
        if (!may_remember(keeper, report))
                return 0;
        remember(keeper, wanted_arena, &installed, wanted, report);
        return 1;
}

int keeper_apply(struct keeper *keeper, struct arena *arena, const struct ruleset *wanted,
                 bool one_pod, struct apply_report *report, struct err *err)
{
        struct wanted all = {.sets = wanted};
        struct apply_report done = {0};
        int lock = namespace_lock(keeper->options.wait_seconds, err);
        int r = -1;

        all.rules[keeper->options.flavour] = wanted;
        keeper->may_have_shut = true;
        if (lock >= 0) {
                r = apply_locked(keeper, arena, &all, one_pod, &done, err);
                close(lock);
        }
        if (r <= 0) {
                forget(keeper);
                arena_free(arena);
        }
        if (r >= 0)
                *report = done;
        else
                apply_report_done(&done);
        return r < 0 ? -1 : 0;
}

int keeper_descriptor(const struct keeper *keeper)
{
        return keeper->others.watch ? nftables_watch_descriptor(keeper->others.watch) : -1;
}

bool keeper_hears(struct keeper *keeper)
{
        others_hear(&keeper->others, keeper->arena ? keeper->installed.rules[FLAVOUR_NFT] : NULL);
        return keeper->others.doubt;
}

static bool is_same(const struct seen *a, const struct seen *b)
{
        return a->generation == b->generation &&
               memcmp(a->entries, b->entries, sizeof(a->entries)) == 0;
}

static struct seen see(enum flavour flavour)
{
        const struct seen nothing = {0};
        struct seen seen = nothing;
        struct err ignored;

        if (flavour != FLAVOUR_NFT || nftables_generation(&seen.generation, &ignored) < 0)
                return nothing;
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                if (!legacy_entries_read(family, "filter", &seen.entries[family]))
                        return nothing;
        return seen;
}

/* NULL where they can't be read. */
static struct ruleset *read_sets(struct arena *arena, struct err *err)
{
        struct tool_run run = {.argv = {"ipset", "save"}};
        struct ruleset *sets = ruleset_new(arena);
        int r = tool_run_all(&run, 1, err);

        if (r == 0)
                r = ipset_parse(sets, strbuf_text(&run.output), err);
        tool_runs_done(&run, 1);
        ruleset_finish(sets);
        return r < 0 ? NULL : sets;
}

/* Sets always: of theirs nothing but reading them tells. */
static int read_now(struct keeper *keeper, struct arena *arena, const struct seen *seen,
                    struct installed *ret, struct err *err)
{
        if (seen->generation == 0 || !is_same(seen, &keeper->seen)) {
                keeper->readings++;
                return installed_read(arena, keeper->options.flavour, ret, err);
        }
        *ret = keeper->installed;
        ret->sets = read_sets(arena, err);
        return ret->sets ? 0 : -1;
}

int keeper_read(struct keeper *keeper, bool *ret_drifted, struct err *err)
{
        const struct seen seen = see(keeper->options.flavour); /* before they are read */
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_plan_ struct plan plan = {0};
        const struct wanted wanted = {
            .rules = {keeper->installed.rules[FLAVOUR_NFT],
                      keeper->installed.rules[FLAVOUR_LEGACY]},
            .sets = keeper->installed.sets,
        };
        struct legacy_entries entries[FAMILIES];
        struct apply_report report = {0};
        struct installed now;

        if (!keeper->arena) {
                *ret_drifted = true; /* as far as anybody knows */
                return 0;
        }
        note_entries(keeper->options.flavour, entries);
        if (read_now(keeper, arena, &seen, &now, err) < 0)
                return -1;
        plan_make(&now, &wanted, false, &report, &plan);
        apply_report_done(&report);
        *ret_drifted = plan_has_steps(&plan);
        keeper->seen = *ret_drifted ? (struct seen){0} : seen;
        keeper->others.doubt |= *ret_drifted;
        memcpy(keeper->entries, entries, sizeof(entries));
        return 0;
}

/* Each set that is there is as large as it was made, and all are there. */
static bool sets_are_right(const struct ruleset *remembered, const struct ipset_sizes *sizes)
{
        size_t n = 0;

        vec_foreach (const struct ipset_size, size, &sizes->list) {
                const struct set *set;
                if (!is_own_set(size->name))
                        continue;
                set = ruleset_set(remembered, size->name);
                if (!set || (size->counted && size->elements != set->elements.n))
                        return false;
                n++;
        }
        return n == remembered->sets.n;
}

/* Others may lead elsewhere into penstock's chains, which is theirs to do: that is remembered when
 * rules are written next, because it is not what was left (remembered_recount()). */
static bool entries_are_right(struct keeper *keeper)
{
        struct legacy_entries entries[FAMILIES];
        struct err ignored;
        bool drifted;

        note_entries(keeper->options.flavour, entries);
        return memcmp(entries, keeper->entries, sizeof(entries)) == 0 ||
               (keeper_read(keeper, &drifted, &ignored) == 0 && !drifted);
}

bool keeper_look(struct keeper *keeper)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ipset_sizes sizes = {0};
        struct err ignored;

        if (keeper->arena &&
            (ipset_sizes_read(arena, &sizes, &ignored) < 0 ||
             !sets_are_right(keeper->installed.sets, &sizes) || !entries_are_right(keeper)))
                keeper->others.doubt = true;
        return keeper->others.doubt;
}

bool keeper_may_have_shut(const struct keeper *keeper)
{
        return keeper->may_have_shut;
}

size_t keeper_readings(const struct keeper *keeper)
{
        return keeper->readings;
}

static void copy_counted(struct ruleset *to, const struct table *from)
{
        struct table *table = ruleset_add_table(to, from->family, from->name);

        vec_foreach (const struct chain, chain, &from->chains) {
                if (!is_own_chain(chain->name) && !chain_is_builtin(chain->name))
                        continue;
                struct chain *copy = table_add_chain(to, table, chain->name);
                vec_foreach (const struct rule, rule, &chain->rules)
                        vec_push(to->arena, &copy->rules, *rule);
        }
}

static bool any_counts(const struct ruleset *ruleset)
{
        vec_foreach (const struct set, set, &ruleset->sets)
                if (set->counters)
                        return true;
        return false;
}

/* Their elements count, where any do. */
static int copy_sets(struct ruleset *to, const struct ruleset *from, struct err *err)
{
        if (any_counts(from))
                from = read_sets(to->arena, err);
        if (!from)
                return -1;
        vec_foreach (const struct set, set, &from->sets)
                if (is_own_set(set->name))
                        vec_push(to->arena, &to->sets, *set);
        return 0;
}

struct ruleset *keeper_counters(struct keeper *keeper, struct arena *arena, struct err *err)
{
        enum flavour flavour = keeper->options.flavour;
        struct ruleset *counted = ruleset_new(arena);
        struct err other;

        if (!keeper->arena || keeper->others.doubt ||
            remembered_recount(&keeper->installed, flavour, NULL, &other) < 0) {
                keeper->readings++;
                return iptables_read(arena, flavour, err);
        }
        vec_foreach (const struct table, table, &keeper->installed.rules[flavour]->tables)
                copy_counted(counted, table);
        return copy_sets(counted, keeper->installed.sets, err) == 0 ? counted : NULL;
}
