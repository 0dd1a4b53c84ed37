#include "iptables/send.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "iptables/tool.h"

#define SET_NAME_SIZE 32

/* While somebody lists a set it cannot be destroyed: tried again so often, for a second or two. */
#define LISTING_ATTEMPTS 100
#define LISTING_STEP_MS  10

/* Where each transaction stands, for the words in which a failed undo is reported. */
enum stand { STAND_BEFORE, STAND_AFTER, STAND_EITHER };

struct progress {
        enum sets_turn turn;
        enum stand rules[FLAVOURS][FAMILIES];
        bool sets_touched;
};

static int send_sets(const struct strbuf *text, struct progress *progress, struct err *err)
{
        struct tool_run run = {.argv = {"ipset", "-exist", "restore"}, .input = text};

        if (text->length == 0)
                return 0;
        progress->sets_touched = true;
        int r = tool_run_all(&run, 1, err);
        tool_runs_done(&run, 1);
        return r < 0 ? err_wrap(err, "adding to sets") : 0;
}

static enum stand stand_after(const struct tool_run *run, enum stand before, enum stand after)
{
        return run->failure == TOOL_DONE      ? after
               : run->failure == TOOL_UNKNOWN ? STAND_EITHER
                                              : before;
}

/* Both families at the same time: they are two transactions in any case. */
static int send_rules(const struct plan *plan, enum flavour flavour, unsigned wait_seconds,
                      enum stand to, struct progress *progress, struct apply_report *report,
                      struct err *err)
{
        struct tool_run runs[FAMILIES] = {0};
        enum stand *stands[FAMILIES];
        char wait[32];
        size_t n = 0;

        /* 0 would be for ever. */
        snprintf(wait, sizeof(wait), "--wait=%u", wait_seconds ? wait_seconds : 1);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                const struct strbuf *text = &plan->rules[flavour][family];
                if (text->length == 0)
                        continue;
                runs[n] = (struct tool_run){
                    .argv = {flavour_tool(flavour, family, "restore"), "--noflush", "--counters",
                             wait},
                    .input = text,
                };
                stands[n++] = &progress->rules[flavour][family];
        }
        int r = n ? tool_run_all(runs, n, err) : 0;
        for (size_t i = 0; i < n; i++) {
                *stands[i] = stand_after(&runs[i], *stands[i], to);
                if (flavour == FLAVOUR_NFT && report->n_senders < ARRAY_SIZE(report->senders))
                        report->senders[report->n_senders++] = runs[i].pid;
        }
        tool_runs_done(runs, n);
        return r < 0 ? err_wrap(err, "changing rules") : 0;
}

static size_t skip_lines(const char *text, unsigned n)
{
        const char *p = text;

        while (n-- > 0 && *p)
                p += strcspn(p, "\n") + 1;
        return (size_t)(p - text);
}

static bool is_in_use(const struct tool_run *run)
{
        return run->failure == TOOL_REFUSED && tool_line_at_fault(run) > 0 &&
               strstr(strbuf_text(&run->messages), "in use by a kernel component");
}

static void name_in_line(const char *text, unsigned line, char ret[SET_NAME_SIZE])
{
        const char *name = text + skip_lines(text, line - 1) + strlen("destroy ");

        snprintf(ret, SET_NAME_SIZE, "%.*s", (int)strcspn(name, "\n"), name);
}

/* Rules are among its references, a listing is not. */
static bool is_only_listed(const char *name)
{
        struct tool_run run = {.argv = {"ipset", "list", "-terse", name}};
        struct err ignored;
        bool only = tool_run_all(&run, 1, &ignored) == 0 &&
                    strstr(strbuf_text(&run.output), "\nReferences: 0\n");

        tool_runs_done(&run, 1);
        return only;
}

static void note_kept(const struct installed *installed, const char *name,
                      struct apply_report *report)
{
        vec_foreach (const struct set, set, &installed->sets->sets)
                if (strcmp(set->name, name) == 0)
                        report->elements_removed -= set->elements.n;
        report->sets_kept++;
        report->sets_removed--;
        strbuf_printf(&report->notes,
                      "set %s is no longer needed, but rules of others use it: it is left\n", name);
}

/* How much of the text is done with, where a set in it is in use. */
static size_t pass_by(const struct installed *installed, const char *text, unsigned line,
                      unsigned *attempts, struct apply_report *report)
{
        const struct timespec step = {.tv_nsec = LISTING_STEP_MS * 1000000L};
        char name[SET_NAME_SIZE];

        name_in_line(text, line, name);
        if (*attempts > 0 && is_only_listed(name)) {
                --*attempts;
                nanosleep(&step, NULL);
                return skip_lines(text, line - 1);
        }
        note_kept(installed, name, report);
        return skip_lines(text, line);
}

/* Elements, then whole sets. A set that somebody else's rule uses stays, and the rest goes on
 * behind it. */
static int send_removals(const struct plan *plan, const struct installed *installed,
                         struct progress *progress, struct apply_report *report, struct err *err)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        unsigned attempts = LISTING_ATTEMPTS;
        int r = 0;

        strbuf_add(&text, strbuf_text(&plan->after));
        strbuf_add(&text, strbuf_text(&plan->destroy));
        while (r == 0 && text.length > 0) {
                struct tool_run run = {.argv = {"ipset", "-exist", "restore"}, .input = &text};
                progress->sets_touched = true;
                size_t done = text.length;
                r = tool_run_all(&run, 1, err);
                if (r < 0 && is_in_use(&run)) {
                        done = pass_by(installed, text.text, tool_line_at_fault(&run), &attempts,
                                       report);
                        r = 0;
                }
                tool_runs_done(&run, 1);
                text.length -= done;
                memmove(text.text, text.text + done, text.length + 1);
        }
        return r < 0 ? err_wrap(err, "removing from sets") : 0;
}

/* first: the flavour whose rules go first, so that there are always some in force. */
static int send_steps(const struct plan *plan, const struct installed *installed,
                      enum flavour first, unsigned wait_seconds, enum stand to,
                      struct progress *progress, struct apply_report *report, struct err *err)
{
        enum flavour second = first == FLAVOUR_NFT ? FLAVOUR_LEGACY : FLAVOUR_NFT;

        if (send_sets(&plan->before, progress, err) < 0 ||
            send_rules(plan, first, wait_seconds, to, progress, report, err) < 0 ||
            send_rules(plan, second, wait_seconds, to, progress, report, err) < 0)
                return -1;
        return send_removals(plan, installed, progress, report, err);
}

/* Leads what is there now back to what was installed. */
static int undo(const struct installed *installed, const struct apply_options *options,
                struct progress *progress, struct err *err)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_plan_ struct plan plan = {0};
        const struct wanted wanted = {
            .rules = {installed->rules[FLAVOUR_NFT], installed->rules[FLAVOUR_LEGACY]},
            .sets = installed->sets,
            .turn = sets_turn_back(progress->turn),
        };
        enum flavour other = options->flavour == FLAVOUR_NFT ? FLAVOUR_LEGACY : FLAVOUR_NFT;
        struct apply_report report = {0};
        struct installed now;

        if (installed_read(arena, FLAVOURS, &now, err) < 0)
                return -1;
        plan_make(&now, &wanted, false, &report, &plan);
        int r = send_steps(&plan, &now, other, options->wait_seconds, STAND_BEFORE, progress,
                           &report, err);
        apply_report_done(&report);
        return r;
}

static void describe_rules(const struct progress *progress, char *ret, size_t size)
{
        static const char *const words[] = {
            [STAND_BEFORE] = "the old rules",
            [STAND_AFTER] = "the new rules",
            [STAND_EITHER] = "the old or the new rules",
        };
        size_t length = 0;

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                enum stand stand = STAND_BEFORE;
                for (enum flavour flavour = FLAVOUR_NFT; flavour <= FLAVOUR_LEGACY; flavour++)
                        if (progress->rules[flavour][family] > stand)
                                stand = progress->rules[flavour][family];
                length += (size_t)snprintf(ret + length, size - length, "%s%s for %s",
                                           length ? ", " : "", words[stand], family_name(family));
        }
}

/* Wraps err, which says why, with what is in force now. */
static int undo_and_say(const struct installed *installed, const struct apply_options *options,
                        struct progress *progress, struct err *err)
{
        struct err undo_err, both = *err;
        char rules[160];

        if (undo(installed, options, progress, &undo_err) == 0)
                return err_wrap(err, "everything is as it was before, because this failed");
        describe_rules(progress, rules, sizeof(rules));
        return err_set(err,
                       "failed, and what was done before could not be undone; in force are %s%s; "
                       "apply again. The failure: %.300s. The undo's: %.300s",
                       rules, progress->sets_touched ? ", with sets that hold what both need" : "",
                       both.text, undo_err.text);
}

int send_plan(const struct plan *plan, const struct installed *now, const struct installed *back_to,
              const struct apply_options *options, struct apply_report *report, struct err *err)
{
        struct progress progress = {.turn = plan->turn};
        struct err ignored;

        if (send_steps(plan, now, options->flavour, options->wait_seconds, STAND_AFTER, &progress,
                       report, err) == 0)
                return 0;
        /* Step by step, as it came: no rules of one state meet sets of the other. */
        if (now != back_to)
                undo(now, options, &progress, &ignored);
        return undo_and_say(back_to, options, &progress, err);
}

int send_back(const struct installed *back_to, const struct apply_options *options, struct err *err)
{
        struct progress progress = {.sets_touched = true};

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                progress.rules[options->flavour][family] = STAND_AFTER;
        return undo_and_say(back_to, options, &progress, err);
}
