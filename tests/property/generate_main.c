#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "generate.h"

/* Writes a random cluster as manifests, for tests with real packets. */

static const char usage[] =
    "Usage: generate [--nodes N] [--namespaces N] [--pods N] [--policies N] [--any] SEED\n"
    "Prints a random cluster of at most so many objects, the same for the same arguments.\n"
    "Every pod runs and has addresses of its own, in its node's podCIDRs; with --any also pods\n"
    "that have ended, have no address, share one, or are of the host's network.\n";

static bool parse_count(const char *text, unsigned *ret)
{
        char *end;
        unsigned long value = strtoul(text, &end, 10);

        if (!*text || *end || value == 0 || value > 200)
                return false;
        *ret = (unsigned)value;
        return true;
}

static bool parse_options(int argc, char **argv, struct shape *shape)
{
        static const struct option options[] = {
            {"nodes", required_argument, NULL, 'n'}, {"namespaces", required_argument, NULL, 's'},
            {"pods", required_argument, NULL, 'p'},  {"policies", required_argument, NULL, 'y'},
            {"any", no_argument, NULL, 'a'},         {0},
        };
        unsigned *counts[256] = {['n'] = &shape->nodes,
                                 ['s'] = &shape->namespaces,
                                 ['p'] = &shape->pods,
                                 ['y'] = &shape->policies};

        for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                if (option == 'a')
                        shape->lab = false;
                else if (option == '?' || !parse_count(optarg, counts[option]))
                        return false;
        }
        return optind == argc - 1;
}

int main(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};
        struct shape shape = SHAPE_LAB;
        char *end;

        if (!parse_options(argc, argv, &shape)) {
                fputs(usage, stderr);
                return 2;
        }
        struct bytes bytes = bytes_of_seed(strtoull(argv[optind], &end, 10));
        if (!argv[optind][0] || *end) {
                fputs(usage, stderr);
                return 2;
        }
        struct manifest manifest = generate_cluster(arena, &bytes, &shape);
        manifest_print(&manifest, &text);
        fputs(strbuf_text(&text), stdout);
        return 0;
}
