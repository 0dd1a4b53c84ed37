#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options.h"
#include "base/memory.h"
#include "base/vec.h"
#include "cmd/command.h"
#include "kube/load.h"

/* One row for each option: how it is spelt, what its argument is called, how it is read. A reader
 * returns NULL, or what it would have taken. */

typedef const char *(*option_reader)(const char *argument, struct options *options);

/* Lists live until exit, in the readers' own variables: options may be gone by then. */
static const char **add_path(const char ***list, size_t *n, const char *path)
{
        *list = memory_grow(*list, (*n + 1) * sizeof(**list));
        (*list)[(*n)++] = path;
        return *list;
}

static const char *read_file_name(const char *argument, struct options *options)
{
        static const char **files;

        options->files = add_path(&files, &options->n_files, argument);
        return NULL;
}

static const char *read_to(const char *argument, struct options *options)
{
        static const char **files;

        options->to_files = add_path(&files, &options->n_to_files, argument);
        return NULL;
}

static const char *read_live(const char *argument, struct options *options)
{
        options->live = true;
        return NULL;
}

static const char *add_saved(struct options *options, const char *path, bool is_sets)
{
        static struct saved_file *saved; /* lives until exit */

        saved = memory_grow(saved, (options->n_saved + 1) * sizeof(*saved));
        saved[options->n_saved++] = (struct saved_file){path, is_sets};
        options->saved = saved;
        return NULL;
}

static const char *read_rules(const char *argument, struct options *options)
{
        return add_saved(options, argument, false);
}

static const char *read_sets(const char *argument, struct options *options)
{
        return add_saved(options, argument, true);
}

static const char *read_namespace(const char *argument, struct options *options)
{
        options->namespace = argument;
        return NULL;
}

static const char *read_output(const char *argument, struct options *options)
{
        if (strcmp(argument, "text") != 0 && strcmp(argument, "json") != 0)
                return "text or json";
        options->output = argument[0] == 'j' ? OUTPUT_JSON : OUTPUT_TEXT;
        return NULL;
}

static const char *read_node(const char *argument, struct options *options)
{
        options->node = argument;
        return NULL;
}

static const char *read_backend(const char *argument, struct options *options)
{
        if (strcmp(argument, "iptables") == 0) /* whichever holds the node's rules */
                return NULL;
        if (!flavour_parse(argument, &options->flavour))
                return "iptables-nft, iptables-legacy or iptables";
        options->has_flavour = true;
        return NULL;
}

static const char *read_own_node_egress(const char *argument, struct options *options)
{
        return own_node_egress_parse(argument, &options->own_node_egress) ? NULL
                                                                          : "Allow or Policy";
}

static const char *read_deny(const char *argument, struct options *options)
{
        return deny_parse(argument, &options->deny) ? NULL : "drop or reject";
}

static const char *read_dry_run(const char *argument, struct options *options)
{
        options->dry_run = true;
        return NULL;
}

static bool read_number(const char *argument, unsigned min, unsigned max, unsigned *ret)
{
        char *end;

        errno = 0;
        unsigned long value = strtoul(argument, &end, 10);
        if (errno || *end || argument[0] < '0' || argument[0] > '9' || value < min || value > max)
                return false;
        *ret = (unsigned)value;
        return true;
}

static const char *read_wait(const char *argument, struct options *options)
{
        return read_number(argument, 0, 3600, &options->wait_seconds) ? NULL : "seconds, 0 to 3600";
}

static const char *read_port(const char *argument, struct options *options)
{
        options->port = argument;
        return NULL;
}

static const char *read_protocol(const char *argument, struct options *options)
{
        return protocol_parse(argument, &options->protocol) ? NULL : "TCP, UDP, SCTP or ICMP";
}

static const char *read_timeout(const char *argument, struct options *options)
{
        return read_number(argument, 1, 600000, &options->timeout_ms) ? NULL
                                                                      : "milliseconds, 1 to 600000";
}

static const char *read_verbose(const char *argument, struct options *options)
{
        options->verbose = true;
        return NULL;
}

static const char *read_lab(const char *argument, struct options *options)
{
        options->lab = argument;
        return NULL;
}

static const char *read_part(const char *argument, struct options *options)
{
        static const char *const names[] = {
            [PART_SETS] = "sets", [PART_IPV4] = "ipv4", [PART_IPV6] = "ipv6"};

        for (enum part part = PART_SETS; part <= PART_IPV6; part++)
                if (strcmp(argument, names[part]) == 0) {
                        options->part = part;
                        return NULL;
                }
        return "sets, ipv4 or ipv6";
}

static const char *read_repair(const char *argument, struct options *options)
{
        options->repair = true;
        return NULL;
}

static const char *read_watch(const char *argument, struct options *options)
{
        options->watch = true;
        return NULL;
}

static const char *read_period(const char *argument, struct options *options)
{
        return read_number(argument, 1, 86400, &options->period_seconds) ? NULL
                                                                         : "seconds, 1 to 86400";
}

static const char *read_timings(const char *argument, struct options *options)
{
        options->timings = true;
        return NULL;
}

static const char *read_limit(const char *argument, struct options *options)
{
        return read_number(argument, 1, UINT_MAX, &options->limit) ? NULL : "a number from 1 on";
}

/* Its text is kept, and looked at by the command. */
static const char *read_later(const char *argument, struct options *options)
{
        return NULL;
}

static const struct option_row {
        enum option_bit bit;
        char letter; /* 0 where it has none */
        const char *name;
        const char *argument; /* NULL where it takes none */
        option_reader read;
        const char *help;
} rows[] = {
    {OPTION_FILES, 'f', "filename", "PATH", read_file_name,
     "a file, a directory or - for standard input; many times"},
    {OPTION_TO, 0, "to", "PATH", read_to, "what it becomes: as -f, many times"},
    {OPTION_NAMESPACE, 'n', "namespace", "NAME", read_namespace,
     "the namespace of what names none (default)"},
    {OPTION_OUTPUT, 'o', "output", "text|json", read_output, "how to print"},
    {OPTION_NODE, 0, "node", "NODE", read_node,
     "whose pods are local; not needed where there is one node"},
    {OPTION_BACKEND, 0, "backend", "BACKEND", read_backend,
     "iptables-nft, iptables-legacy or iptables: whichever is in use"},
    {OPTION_OWN_NODE_EGRESS, 0, "own-node-egress", "Allow|Policy", read_own_node_egress,
     "whether egress rules apply to a pod's own node (Allow: no)"},
    {OPTION_DENY, 0, "deny", "drop|reject", read_deny, "what happens to denied packets (drop)"},
    {OPTION_DRY_RUN, 0, "dry-run", NULL, read_dry_run, "only print what would change"},
    {OPTION_WAIT, 0, "wait", "SECONDS", read_wait, "for the locks of iptables (30)"},
    {OPTION_PORT, 'p', "port", "PORT", read_port, "destination port, by number or name"},
    {OPTION_PROTOCOL, 0, "protocol", "NAME", read_protocol, "TCP (default), UDP, SCTP or ICMP"},
    {OPTION_TIMEOUT, 0, "timeout", "MS", read_timeout,
     "milliseconds until a silent probe counts as denied (3000)"},
    {OPTION_LAB, 0, "lab", "NAME", read_lab, "which lab, where there are several (lab)"},
    {OPTION_PART, 0, "part", "sets|ipv4|ipv6", read_part, "print that part only, for one tool"},
    {OPTION_LIVE, 0, "live", NULL, read_live, "ask this network namespace's kernel, too"},
    {OPTION_REPAIR, 0, "repair", NULL, read_repair,
     "where something differs: apply, and look again"},
    {OPTION_WATCH, 0, "watch", NULL, read_watch, "stay, and look again whenever rules change"},
    {OPTION_PERIOD, 0, "period", "SECONDS", read_period,
     "look at what is installed at least so often (60)"},
    {OPTION_TIMINGS, 0, "timings", NULL, read_timings, "say how long each part took"},
    {OPTION_RULES, 0, "rules", "FILE", read_rules,
     "what iptables-save or ip6tables-save wrote, or - ; many times"},
    {OPTION_SETS, 0, "sets", "FILE", read_sets, "what ipset save wrote, or - ; many times"},
    {OPTION_LIMIT, 0, "limit", "N", read_limit, "print no more changes than these (all)"},
    {OPTION_SOCKET, 0, "socket", "PATH", read_later, "of the agent (" AGENT_SOCKET ")"},
    {OPTION_CONFIG, 0, "config", "FILE", read_later, "the configuration; flags win over it"},
    {OPTION_KUBECONFIG, 0, "kubeconfig", "FILE", read_later,
     "where the API server is; a pod needs none"},
    {OPTION_CONTEXT, 0, "context", "NAME", read_later, "which of the kubeconfig's contexts"},
    {OPTION_METRICS, 0, "metrics", "ADDRESS:PORT", read_later,
     "of /metrics, /healthz and /readyz (" AGENT_METRICS ")"},
    {OPTION_LOG_LEVEL, 0, "log-level", "LEVEL", read_later,
     "error, warning, info (default), debug"},
    {OPTION_LOG_FORMAT, 0, "log-format", "text|json", read_later, "how to log (text)"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, read_verbose, "say more"},
};

#define LONG_ONLY 0x100 /* getopt values of rows without a letter: LONG_ONLY + index */

#define SPELT_WIDTH 34 /* the longest: --own-node-egress */

static void print_usage(const struct usage *usage)
{
        printf("Usage: penstock %s\n\n%s\n\nOptions:\n", usage->synopsis, usage->description);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char spelt[64];
                if (!(usage->options & rows[i].bit))
                        continue;
                snprintf(spelt, sizeof(spelt), "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
                         rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ",
                         rows[i].name, rows[i].argument ? " " : "",
                         rows[i].argument ? rows[i].argument : "");
                printf("  %-*s  %s\n", SPELT_WIDTH, spelt,
                       rows[i].bit == OPTION_NODE && usage->node ? usage->node : rows[i].help);
        }
        printf("  %-*s  %s\n", SPELT_WIDTH, "-h, --help", "this text");
}

static int row_value(size_t i)
{
        return rows[i].letter ? rows[i].letter : LONG_ONLY + (int)i;
}

/* What getopt_long() needs, from the rows this command takes. */
static void getopt_tables(const struct usage *usage, char *letters, struct option *longs)
{
        *letters++ = ':'; /* missing arguments are told apart from unknown options */
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (!(usage->options & rows[i].bit))
                        continue;
                if (rows[i].letter) {
                        *letters++ = rows[i].letter;
                        if (rows[i].argument)
                                *letters++ = ':';
                }
                *longs++ = (struct option){rows[i].name,
                                           rows[i].argument ? required_argument : no_argument, NULL,
                                           row_value(i)};
        }
        *letters++ = 'h';
        *letters = '\0';
        *longs++ = (struct option){"help", no_argument, NULL, 'h'};
        *longs = (struct option){0};
}

static const struct option_row *row_of(int value)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (row_value(i) == value)
                        return &rows[i];
        return NULL;
}

int options_parse(int argc, char **argv, const struct usage *usage, struct options *ret)
{
        char letters[3 * ARRAY_SIZE(rows)];
        struct option longs[ARRAY_SIZE(rows) + 2];
        int value;

        *ret = (struct options){
            .namespace = "default",
            .wait_seconds = 30,
            .protocol = PROTOCOL_TCP,
            .timeout_ms = 3000,
            .lab = "lab",
        };
        getopt_tables(usage, letters, longs);
        opterr = 0;
        optind = 0; /* a new scan: the lab runs commands of its own */
        while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
                if (value == 'h') {
                        print_usage(usage);
                        return EXIT_YES;
                }
                if (value == ':' || value == '?') {
                        return fail(argv[0], EXIT_USAGE, "%s: %s; see penstock %s --help",
                                    argv[optind - 1],
                                    value == ':' ? "wants an argument" : "unknown option", argv[0]);
                }
                const struct option_row *row = row_of(value);
                const char *wanted = row->read(optarg, ret);
                if (wanted) {
                        return fail(argv[0], EXIT_USAGE, "--%s %s: not %s", row->name, optarg,
                                    wanted);
                }
                ret->texts[__builtin_ctz(row->bit)] = row->argument ? optarg : "";
        }
        if ((usage->options & OPTION_FILES) && !(usage->options & OPTION_SOCKET) &&
            ret->n_files == 0 && !(usage->files_or_saved && ret->n_saved > 0)) {
                return fail(argv[0], EXIT_USAGE, "-f PATH is missing; see penstock %s --help",
                            argv[0]);
        }
        if ((usage->options & OPTION_TO) && ret->n_to_files == 0) {
                return fail(argv[0], EXIT_USAGE, "--to PATH is missing; see penstock %s --help",
                            argv[0]);
        }
        ret->n_arguments = argc - optind;
        ret->arguments = argv + optind;
        if (ret->n_arguments < usage->min_arguments)
                return fail(argv[0], EXIT_USAGE, "%s are needed; see penstock %s --help",
                            usage->arguments, argv[0]);
        if (ret->n_arguments > usage->max_arguments)
                return fail(argv[0], EXIT_USAGE,
                            "%s: one argument too many; see penstock %s --help",
                            ret->arguments[usage->max_arguments], argv[0]);
        return PARSED;
}

const char *option_text(const struct options *options, enum option_bit bit)
{
        return options->texts[__builtin_ctz(bit)];
}

static void print_skipped(const struct load_stats *stats)
{
        for (size_t i = 0; i < stats->skipped_kinds.n; i++)
                fprintf(stderr, "passed over: %zu %s\n", stats->skipped_counts.items[i],
                        stats->skipped_kinds.items[i]);
}

static struct cluster *load(const struct options *options, const char **files, size_t n_files)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct load_stats stats = {0};
        struct cluster *cluster = cluster_new();

        if (load_paths(cluster, files, n_files, options->namespace, &problems, &stats) < 0) {
                problems_print(&problems, stderr);
                cluster_free(cluster);
                return NULL;
        }
        if (options->verbose)
                print_skipped(&stats);
        return cluster;
}

struct cluster *options_load(const struct options *options)
{
        return load(options, options->files, options->n_files);
}

struct cluster *options_load_to(const struct options *options)
{
        return load(options, options->to_files, options->n_to_files);
}

void options_seal(struct cluster *cluster)
{
        cluster_seal(cluster);
        vec_foreach (const char *, note, &cluster->notes)
                fprintf(stderr, "note: %s\n", *note);
}

int options_flavour(const char *command, const struct options *options, enum flavour *ret)
{
        struct err err;

        if (options->has_flavour) {
                *ret = options->flavour;
                return EXIT_YES;
        }
        if (flavour_detect(ret, &err) < 0)
                return fail(command, EXIT_TROUBLE, "%s", err.text);
        return EXIT_YES;
}

int fail(const char *command, int status, const char *format, ...)
{
        va_list args;

        fprintf(stderr, "penstock %s: ", command);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        return status;
}
