#include <stdio.h>

#include "cmd/command.h"
#include "cmd/options.h"
#include "iptables/apply.h"

static const struct usage usage = {
    .synopsis = "cleanup [--dry-run]",
    .description =
        "Removes every chain, jump and set of penstock's from this network namespace, from\n"
        "iptables-nft and iptables-legacy alike, and nothing else. Policies are not enforced\n"
        "any more afterwards.",
    .options = OPTION_DRY_RUN | OPTION_WAIT,
};

int cmd_cleanup(int argc, char **argv)
{
        struct apply_report report = {0};
        struct options options;
        struct err err;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        struct apply_options apply_options = {
            .dry_run = options.dry_run,
            .wait_seconds = options.wait_seconds,
        };
        if (iptables_cleanup(&apply_options, &report, &err) < 0)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        fputs(strbuf_text(&report.diff), stdout);
        fputs(strbuf_text(&report.notes), stderr);
        if (!report.changed)
                puts("nothing of penstock's is here");
        else
                printf("%s: %zu chains, %zu sets\n", options.dry_run ? "would remove" : "removed",
                       report.chains_removed, report.sets_removed);
        apply_report_done(&report);
        return EXIT_YES;
}
