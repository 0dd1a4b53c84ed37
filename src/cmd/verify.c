#include "cmd/verify.h"

#include <stdio.h>
#include <string.h>

#include "cmd/apply.h"
#include "cmd/command.h"

static const struct usage usage = {
    .synopsis = "verify [-f PATH… [--node NODE]] [--repair] [--watch [--period SECONDS]]\n"
                "       penstock verify -f PATH… [--node NODE] --rules FILE… --sets FILE…",
    .description =
        "Proves that the rules and sets in the kernel enforce exactly the policies, for every\n"
        "packet of every pod of the node, or shows packets for which they do not, and the rule\n"
        "that is to blame. Rules of other programs count. Changes nothing without --repair.\n"
        "Without -f the agent that runs here is asked what the policies and pods are.\n"
        "Exit status: 0 equal, 1 different, 2 bad input, 3 unproven or not to be read.",
    .options = OPTION_FILES | OPTION_NAMESPACE | OPTION_OUTPUT | OPTION_NODE | OPTION_BACKEND |
               OPTION_DENY | OPTION_OWN_NODE_EGRESS | OPTION_WAIT | OPTION_REPAIR | OPTION_WATCH |
               OPTION_PERIOD | OPTION_SOCKET | OPTION_RULES | OPTION_SETS | OPTION_TIMINGS |
               OPTION_VERBOSE,
};

/* The same road as apply: what is equal already is not sent. */
static int repair(const char *command, const struct options *options, const struct check *found,
                  FILE *out)
{
        const struct cluster *cluster = found->snapshot.cluster;
        const char *node = found->snapshot.node;
        struct options dry = *options;

        dry.dry_run = true;
        if (options->verbose) {
                int status = apply_node(command, &dry, cluster, node, out);
                if (status != EXIT_YES)
                        return status;
        }
        return apply_node(command, options, cluster, node, out);
}

int verify_once(const char *command, struct options *options, FILE *repaired, struct check *ret)
{
        struct check check;
        int status = check_make(command, options, &check);

        if (status != EXIT_YES)
                return status;
        if (options->repair && check.answer != ANSWER_EQUAL) {
                status = repair(command, options, &check, repaired);
                if (status == EXIT_YES)
                        status = check_again(command, options, &check);
                if (status != EXIT_YES) {
                        check_done(&check);
                        return status;
                }
        }
        *ret = check;
        return EXIT_YES;
}

static bool reads_standard_input(const struct options *options)
{
        for (size_t i = 0; i < options->n_files; i++)
                if (strcmp(options->files[i], "-") == 0)
                        return true;
        return false;
}

int cmd_verify(int argc, char **argv)
{
        _cleanup_check_ struct check check = {0};
        _cleanup_strbuf_ struct strbuf out = {0};
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        bool json = options.output == OUTPUT_JSON, timings = options.timings || options.verbose;
        if (options.period_seconds > 0 && !options.watch)
                return fail(argv[0], EXIT_USAGE, "--period goes with --watch alone");
        if ((options.has_flavour || options.deny != DENY_DROP) && !options.repair)
                return fail(argv[0], EXIT_USAGE, "--backend and --deny go with --repair alone");
        if (options.period_seconds == 0)
                options.period_seconds = 60;
        if (options.n_saved > 0 && (options.watch || options.repair))
                return fail(argv[0], EXIT_USAGE,
                            "--rules and --sets are of another time or place: no --watch, and no "
                            "--repair");
        if (options.watch && reads_standard_input(&options))
                return fail(argv[0], EXIT_USAGE,
                            "-f -: --watch reads the manifests each time; give it a file");
        if (options.watch)
                return verify_watch(argv[0], &options);
        status = verify_once(argv[0], &options, json ? stderr : stdout, &check);
        if (status != EXIT_YES)
                return status;
        if (json)
                check_json(&check, timings, NULL, &out);
        else
                check_print(&check, timings, &out);
        fputs(strbuf_text(&out), stdout);
        return answer_status(check.answer);
}
