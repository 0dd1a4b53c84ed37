#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "compile/compile.h"
#include "iptables/backend.h"
#include "kube/cluster.h"

/* The options of all subcommands, in kubectl's spelling: one table says which exist, a subcommand
 * says which of them it takes. `--help` is made from the same table. */

enum option_bit {
        OPTION_FILES = 1 << 0,           /* -f, --filename PATH (many) */
        OPTION_NAMESPACE = 1 << 1,       /* -n, --namespace NAME */
        OPTION_OUTPUT = 1 << 2,          /* -o, --output text|json */
        OPTION_NODE = 1 << 3,            /* --node NODE */
        OPTION_BACKEND = 1 << 4,         /* --backend iptables|iptables-nft|iptables-legacy */
        OPTION_OWN_NODE_EGRESS = 1 << 5, /* --own-node-egress Allow|Policy */
        OPTION_DENY = 1 << 6,            /* --deny drop|reject */
        OPTION_DRY_RUN = 1 << 7,         /* --dry-run */
        OPTION_WAIT = 1 << 8,            /* --wait SECONDS */
        OPTION_PORT = 1 << 9,            /* --port PORT (number or name) */
        OPTION_PROTOCOL = 1 << 10,       /* --protocol TCP|UDP|SCTP|ICMP */
        OPTION_TIMEOUT = 1 << 11,        /* --timeout MILLISECONDS */
        OPTION_VERBOSE = 1 << 12,        /* -v */
        OPTION_LAB = 1 << 13,            /* --lab NAME */
        OPTION_PART = 1 << 14,           /* --part sets|ipv4|ipv6 */
        OPTION_TO = 1 << 15,             /* --to PATH (many) */
        OPTION_LIVE = 1 << 16,           /* --live */
        OPTION_REPAIR = 1 << 17,         /* --repair */
        OPTION_WATCH = 1 << 18,          /* --watch */
        OPTION_PERIOD = 1 << 19,         /* --period SECONDS */
        OPTION_TIMINGS = 1 << 20,        /* --timings */
        OPTION_RULES = 1 << 21,          /* --rules FILE (many) */
        OPTION_SETS = 1 << 22,           /* --sets FILE (many) */
        OPTION_LIMIT = 1 << 23,          /* --limit N */
        OPTION_SOCKET = 1 << 24,         /* --socket PATH */
        OPTION_CONFIG = 1 << 25,         /* --config FILE */
        OPTION_KUBECONFIG = 1 << 26,     /* --kubeconfig FILE */
        OPTION_CONTEXT = 1 << 27,        /* --context NAME */
        OPTION_METRICS = 1 << 28,        /* --metrics ADDRESS:PORT */
        OPTION_LOG_LEVEL = 1 << 29,      /* --log-level LEVEL */
        OPTION_LOG_FORMAT = 1 << 30,     /* --log-format text|json */
};

#define OPTION_BITS 31

enum output { OUTPUT_TEXT, OUTPUT_JSON };
enum part { PART_ALL, PART_SETS, PART_IPV4, PART_IPV6 };

/* What a tool saved. */
struct saved_file {
        const char *path; /* "-": standard input */
        bool is_sets;     /* of --sets, else of --rules */
};

struct options {
        const char **files; /* in the order given */
        size_t n_files;
        const struct saved_file *saved; /* --rules and --sets, in the order given */
        size_t n_saved;
        const char **to_files; /* --to, likewise */
        size_t n_to_files;
        const char *namespace; /* "default" */
        enum output output;
        const char *node;    /* NULL where not given */
        bool node_is_agents; /* the agent says that it is this one */
        bool has_flavour;
        enum flavour flavour;
        bool own_node_egress;
        enum deny_action deny;
        bool dry_run;
        unsigned wait_seconds;  /* 30 */
        const char *port;       /* NULL where not given */
        enum protocol protocol; /* PROTOCOL_TCP */
        unsigned timeout_ms;    /* 3000 */
        bool verbose;
        const char *lab; /* "lab" */
        enum part part;  /* of a rendered ruleset */
        bool live, repair, watch, timings;
        unsigned period_seconds;        /* 0 where not given */
        unsigned limit;                 /* of lines of text; 0: none */
        const char *texts[OPTION_BITS]; /* what was given, by the number of the bit; else NULL */
        int n_arguments;                /* what is left */
        char **arguments;
};

/* A subcommand's usage: "apply -f PATH… [--node NODE]", what it does, and what it takes. */
struct usage {
        const char *synopsis;
        const char *description;
        unsigned options;                 /* enum option_bit */
        int min_arguments, max_arguments; /* besides options */
        bool files_or_saved;              /* -f is not needed where --rules or --sets is given */
        const char *arguments; /* what they are, where some must be given: "FROM and TO" */
        const char *node;      /* help for --node, where its row has no say */
};

/* PARSED, or the status to exit with: help was printed, or what is wrong was. A command that takes
 * -f and no --socket wants at least one. What ret points to lives until exit. */
int options_parse(int argc, char **argv, const struct usage *usage, struct options *ret);
#define PARSED (-1)

/* What was given for an option, the last where it was given often; NULL where it was not. */
const char *option_text(const struct options *options, enum option_bit bit);

/* Loads options->files into a cluster that is not sealed; prints problems, skipped kinds (-v) to
 * stderr. NULL where the input is bad: return EXIT_USAGE. */
struct cluster *options_load(const struct options *options);
/* The same of options->to_files. */
struct cluster *options_load_to(const struct options *options);
/* cluster_seal() and its notes to stderr. */
void options_seal(struct cluster *cluster);

/* --backend, or what flavour_detect() finds; EXIT_YES or what to exit with. */
int options_flavour(const char *command, const struct options *options, enum flavour *ret);

/* "penstock apply: …" on stderr; returns status. */
int fail(const char *command, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
