#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/diff_report.h"
#include "cmd/options.h"

static const struct usage usage = {
    .synopsis = "diff -f OLD… --to NEW… [--live [--node NODE]]",
    .description =
        "Says which connections a change of the manifests opens and closes, between which pods "
        "and\n"
        "addresses, on which ports, and by which rule of which policy. Meanings are compared, of\n"
        "the whole cluster: what is written otherwise and means the same is no difference.\n"
        "Exit status: 0 no difference, 1 some.",
    .options = OPTION_FILES | OPTION_TO | OPTION_NAMESPACE | OPTION_OUTPUT |
               OPTION_OWN_NODE_EGRESS | OPTION_VERBOSE,
};

/* Standard input is read once: as one side it is not there any more for the other. */
static bool reads_input_twice(const struct options *options)
{
        size_t n = 0;

        for (size_t i = 0; i < options->n_files; i++)
                n += strcmp(options->files[i], "-") == 0;
        for (size_t i = 0; i < options->n_to_files; i++)
                n += strcmp(options->to_files[i], "-") == 0;
        return n > 1;
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct progress {
        double begun, last;
        bool shown;
};

/* Once a second, from the second on. */
static void show_progress(size_t done, size_t all, void *data)
{
        struct progress *progress = data;
        double time = now();

        if (time - progress->last < 1)
                return;
        progress->last = time;
        progress->shown = true;
        fprintf(stderr, "%scomparing: %zu %%%s", isatty(STDERR_FILENO) ? "\r" : "",
                done * 100 / all, isatty(STDERR_FILENO) ? "" : "\n");
}

static void note_without_address(const struct difference *difference)
{
        size_t n = difference->without_address;

        if (n)
                fprintf(stderr, "note: %zu %s no address; no ipBlock is taken to hold %s\n", n,
                        n == 1 ? "pod has" : "pods have", n == 1 ? "it" : "them");
}

static int compare(const struct options *options, const struct cluster *before,
                   const struct cluster *after)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct progress progress = {.last = now()};
        struct difference_options how = {
            .own_node_egress = options->own_node_egress,
            .progress = show_progress,
            .data = &progress,
        };
        struct diff_report report = {
            .arena = arena,
            .difference = difference_find(arena, before, after, &how),
        };

        if (progress.shown && isatty(STDERR_FILENO))
                fputs("\r\033[K", stderr);
        note_without_address(report.difference);
        if (options->output == OUTPUT_JSON)
                diff_print_json(&report);
        else
                diff_print_text(&report);
        return difference_is_none(report.difference) ? EXIT_YES : EXIT_NO;
}

int cmd_diff(int argc, char **argv)
{
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        if (reads_input_twice(&options))
                return fail(argv[0], EXIT_USAGE, "-: standard input can be read once alone");
        _cleanup_cluster_ struct cluster *before = options_load(&options);
        _cleanup_cluster_ struct cluster *after = before ? options_load_to(&options) : NULL;
        if (!after)
                return EXIT_USAGE;
        options_seal(before);
        options_seal(after);
        return compare(&options, before, after);
}
