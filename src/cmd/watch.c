#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/verify.h"
#include "netlink/nftables_watch.h"

/* Looks, waits until rules changed or the period is over, and looks again. What is printed is what
 * is new: an answer that is the same as the last is not said twice. */

struct watching {
        const char *command;
        struct options *options;
        struct nftables_watch *changes; /* NULL where the kernel has no nf_tables */
        int signals;
        int status;         /* of the last answer */
        struct strbuf said; /* the last answer, without figures that change by themselves */
};

static void time_text(char ret[static 32])
{
        time_t now = time(NULL);
        struct tm parts;

        gmtime_r(&now, &parts);
        strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* Everything but the head's figures: they follow what others install. */
static void essence(const struct check *check, struct strbuf *out)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        const char *rest;

        check_print(check, false, &text);
        rest = strchr(strbuf_text(&text), '\n');
        strbuf_printf(out, "%s %zu %zu %zu%s", answer_name(check->answer),
                      check->proof.counts[FINDING_OPEN], check->proof.counts[FINDING_SHUT],
                      check->proof.counts[FINDING_UNPROVEN], rest ? rest : "");
}

static void tell(const struct watching *watching, const struct check *check)
{
        const struct options *options = watching->options;
        _cleanup_strbuf_ struct strbuf out = {0};
        bool timings = options->timings || options->verbose;
        char time[32];

        time_text(time);
        if (options->output == OUTPUT_JSON) {
                check_json(check, timings, time, &out);
        } else {
                strbuf_printf(&out, "%s ", time);
                check_print(check, timings, &out);
        }
        fputs(strbuf_text(&out), stdout);
}

static void look(struct watching *watching)
{
        struct check check;
        FILE *repaired = watching->options->output == OUTPUT_JSON ? stderr : stdout;
        struct strbuf now = {0};
        int status = verify_once(watching->command, watching->options, repaired, &check);

        watching->status = status;
        if (status == EXIT_YES) {
                watching->status = answer_status(check.answer);
                essence(&check, &now);
                if (strcmp(strbuf_text(&now), strbuf_text(&watching->said)) != 0)
                        tell(watching, &check);
                check_done(&check);
        }
        strbuf_done(&watching->said);
        watching->said = now; /* empty where it failed, so that the next answer is told */
        fflush(stdout);
}

/* False where it is time to end. */
static bool wait_for_change(struct watching *watching)
{
        struct pollfd polls[] = {
            {.fd = watching->signals, .events = POLLIN},
            {.fd = watching->changes ? nftables_watch_descriptor(watching->changes) : -1,
             .events = POLLIN},
        };
        int r = poll(polls, ARRAY_SIZE(polls), (int)watching->options->period_seconds * 1000);

        if (r < 0 && errno == EINTR)
                return true; /* a look too many harms nobody */
        return !polls[0].revents;
}

static int open_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int verify_watch(const char *command, struct options *options)
{
        struct err err;
        _cleanup_nftables_watch_ struct nftables_watch *changes = nftables_watch_open(&err);
        struct watching watching = {
            .command = command,
            .options = options,
            .changes = changes,
            .signals = open_signals(),
        };
        bool first = true;

        if (!changes)
                fprintf(stderr, "note: %s; rules are looked at every %u seconds only\n", err.text,
                        options->period_seconds);
        do {
                if (changes)
                        nftables_watch_drain(changes);
                look(&watching);
                if (first && watching.status == EXIT_USAGE)
                        break; /* a wrong path or name at the start gets no better by waiting */
                first = false;
        } while (wait_for_change(&watching));
        close(watching.signals);
        strbuf_done(&watching.said);
        return watching.status;
}
