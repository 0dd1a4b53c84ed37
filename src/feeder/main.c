#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "feeder/feeder.h"

/* For the agent alone: people have no use for it. */
static int usage(void)
{
        fputs("penstock-feeder is run by `penstock agent`, see penstock-agent(8)\n", stderr);
        return 2;
}

static bool take_option(int option, struct feeder_options *options)
{
        switch (option) {
        case 'k':
                options->kubeconfig = optarg;
                return true;
        case 'c':
                options->context = optarg;
                return true;
        case 'm':
                options->metrics = optarg;
                return true;
        case 'l':
                return log_level_parse(optarg, &options->log_level);
        case 'f':
                return log_format_parse(optarg, &options->log_format);
        default:
                return false;
        }
}

int main(int argc, char **argv)
{
        static const struct option names[] = {
            {"kubeconfig", required_argument, NULL, 'k'},
            {"context", required_argument, NULL, 'c'},
            {"metrics", required_argument, NULL, 'm'},
            {"log-level", required_argument, NULL, 'l'},
            {"log-format", required_argument, NULL, 'f'},
            {0},
        };
        struct feeder_options options = {.log_level = LOG_INFO};
        struct err err;
        int option;

        while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
                if (!take_option(option, &options))
                        return usage();
        if (optind != argc)
                return usage();
        int status = feeder_run(&options, &err);
        if (status != 0)
                log_event(LOG_ERROR, "cannot go on", log_text("why", err.text));
        return status;
}
