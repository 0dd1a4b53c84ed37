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
        int c;

        while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
                switch (c) {
                case 'k':
                        options.kubeconfig = optarg;
                        break;
                case 'c':
                        options.context = optarg;
                        break;
                case 'm':
                        options.metrics = optarg;
                        break;
                case 'l':
                        if (!log_level_parse(optarg, &options.log_level))
                                return usage();
                        break;
                case 'f':
                        if (!log_format_parse(optarg, &options.log_format))
                                return usage();
                        break;
                default:
                        return usage();
                }
        }
        if (optind != argc)
                return usage();
        if (feeder_run(&options, &err) == 0)
                return 0;
        log_event(LOG_ERROR, "cannot go on", log_text("why", err.text));
        return 3;
}
