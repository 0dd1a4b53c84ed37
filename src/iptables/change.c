#include "iptables/change.h"

#include "iptables/overlap.h"
#include "iptables/remembered.h"
#include "iptables/send.h"
#include "iptables/stand_in.h"

static bool report_says_changed(const struct apply_report *report)
{
        return report->chains_added || report->chains_changed || report->chains_removed ||
               report->sets_added || report->sets_changed || report->sets_removed;
}

/* From what is there now; where that fails, back to what was installed at first. */
static int take_step(const struct change *change, const struct installed *now,
                     const struct wanted *wanted, struct apply_report *report, struct err *err)
{
        _cleanup_plan_ struct plan plan = {0};

        plan_make(now, wanted, false, report, &plan);
        return send_plan(&plan, now, change->installed, change->options, report, err);
}

static struct wanted wanted_with(const struct change *change, const struct map *names)
{
        enum flavour flavour = change->options->flavour;
        struct ruleset *rules = stand_in(change->arena, change->installed->rules[flavour],
                                         change->wanted->rules[flavour], names);
        struct wanted with = {.sets = rules};

        with.rules[flavour] = rules;
        return with;
}

/* Counts anew; where there is something else than what is remembered, reads all. wanted: rules that
 * are as these are not written again; NULL: all may be. */
static int recount(struct change *change, struct installed *now, const struct wanted *wanted,
                   struct err *err)
{
        enum flavour flavour = change->options->flavour;
        struct err why;

        if (remembered_recount(now, flavour, wanted ? wanted->rules[flavour] : NULL, &why) == 0)
                return 0;
        change->remembered = false;
        change->wanted->turn = SETS_AROUND;
        return installed_read(change->arena, flavour, now, err);
}

/* What the first of two steps has left. */
static int look_again(struct change *change, const struct wanted *first,
                      const struct wanted *second, const struct apply_report *report,
                      struct installed *ret, struct err *err)
{
        if (!change->remembered || report->sets_kept > 0 ||
            has_misfits(change->installed->sets, change->wanted->sets))
                return installed_read(change->arena, change->options->flavour, ret, err);
        remembered_after(change->arena, change->installed, first, ret);
        return recount(change, ret, second, err);
}

static void add_senders(const struct apply_report *from, struct apply_report *to)
{
        for (size_t i = 0; i < from->n_senders && to->n_senders < ARRAY_SIZE(to->senders); i++)
                to->senders[to->n_senders++] = from->senders[i];
}

/* In two steps: under the names of stand-ins, and then under the right ones. The first one's
 * transactions bring the new state, the second's say the same in other words. */
static int go_by_stand_ins(struct change *change, const struct map *names,
                           struct apply_report *first, struct apply_report *last, struct err *err)
{
        const struct wanted *wanted = change->wanted;
        struct wanted with = wanted_with(change, names);
        struct wanted without = wanted_with(change, map_new(change->arena));
        struct installed now;
        int r = take_step(change, change->installed, &with, first, err);

        if (r == 0 && look_again(change, &with, &without, first, &now, err) < 0)
                r = send_back(change->installed, change->options, err);
        else if (r == 0 && has_misfits(now.sets, wanted->sets))
                r = err_set(err,
                            "a set has a name of penstock's and is none, and rules of others use "
                            "it: %sthe policies are in force with sets of other names",
                            strbuf_text(&first->notes));
        else if (r == 0)
                r = take_step(change, &now, &without, last, err);
        return r;
}

static void begin_again(struct apply_report *report)
{
        apply_report_done(report);
        *report = (struct apply_report){0};
}

/* What is reported is what has changed, not the way there. */
static int go_the_long_way(struct change *change, const struct map *names, struct err *err)
{
        struct apply_report *report = change->report, first = {0}, last = {0};
        const bool remembered = change->remembered;

        if (remembered && recount(change, change->installed, NULL, err) < 0)
                return err_wrap(err, "nothing was changed");
        if (remembered != change->remembered) { /* another way may lead from what was read now */
                begin_again(report);
                return change_carry_out(change, err);
        }
        int r = go_by_stand_ins(change, names, &first, &last, err);
        report->rules_sent = first.rules_sent + last.rules_sent;
        report->sets_kept = last.sets_kept;
        strbuf_add(&report->notes, strbuf_text(&last.notes));
        add_senders(&first, report);
        add_senders(&last, report);
        apply_report_done(&first);
        apply_report_done(&last);
        return r;
}

static void make_plan(const struct change *change, struct plan *ret)
{
        plan_make(change->installed, change->wanted, change->options->dry_run, change->report, ret);
}

/* Of what is remembered, first to see what is written again, then with what that has counted. */
static int make_counted_plan(struct change *change, struct plan *ret, struct err *err)
{
        make_plan(change, ret);
        if (!change->remembered || !plan_has_rules(ret))
                return 0;
        if (recount(change, change->installed, change->wanted, err) < 0)
                return err_wrap(err, "nothing was changed");
        plan_done(ret);
        begin_again(change->report);
        make_plan(change, ret);
        return 0;
}

/* Straight, or by stand-ins. */
static int carry_out(struct change *change, const struct plan *plan, struct err *err)
{
        struct map *names = NULL;

        if (change->wanted->turn == SETS_AROUND &&
            stand_in_names(change->arena, change->installed, change->wanted, plan, &names, err) < 0)
                return -1;
        if (names && map_size(names) > 0)
                return go_the_long_way(change, names, err);
        return send_plan(plan, change->installed, change->installed, change->options,
                         change->report, err);
}

int change_carry_out(struct change *change, struct err *err)
{
        _cleanup_plan_ struct plan plan = {0};

        if (change->remembered && change->one_pod)
                change->wanted->turn =
                    overlap_turn(change->arena, change->installed, change->wanted);
        if (make_counted_plan(change, &plan, err) < 0)
                return -1;
        int r = change->options->dry_run ? 0 : carry_out(change, &plan, err);
        change->report->changed = report_says_changed(change->report);
        return r;
}

void change_add_notes(const struct installed *installed, struct strbuf *notes)
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
