#pragma once

#include "iptables/grammar.h"

/* The options of iptables that say a match that simulate understands, one row of a table for each,
 * used in both directions. A new match is a new row; one of which the model of a packet says
 * nothing is a row of extensions.c. */

struct match_option {
        enum match_kind kind;
        const char *module; /* NULL: an option of iptables itself */
        const char *name;
        unsigned n_arguments;
        unsigned only;          /* ONLY() */
        enum protocol protocol; /* the module is this protocol's; PROTOCOL_ANY where it is not */
        /* arguments: n_arguments of them; invert and kind are set by the caller. False where they
         * are not understood. */
        bool (*parse)(struct reading *reading, const struct word *arguments, struct match *ret);
        /* NULL: another row prints what this one reads. */
        void (*print)(const struct match *match, struct strbuf *out);
        /* Matches of this kind and of others that share stand behind one -m. */
        bool shares;
        /* What may follow to the end of the group; it becomes the set's options. */
        const struct grammar *more;
        /* An option that is no match itself but says more of those of its group (parse and print
         * are NULL), and when to print it: behind the group's last. */
        void (*modify)(struct match *match);
        bool (*modified)(const struct match *match);
};

/* NULL where there is none that fits what is being read. */
const struct match_option *match_option_named(const struct reading *reading, const char *module,
                                              const char *name);
/* The one to print a match by; NULL for MATCH_UNKNOWN. Where no row fits (a port without a
 * protocol) the kind's first is printed, for iptables to refuse: a match that is left out would let
 * more through. */
const struct match_option *match_option_of_kind(enum match_kind kind, enum family family,
                                                enum protocol protocol);
/* iptables' own options, in the order in which iptables-save prints them; NULL behind the last. */
const struct match_option *match_option_own(size_t i);
/* Is the match printed behind the -m of the one in front of it? previous may be NULL. */
bool match_shares_module(const struct match *previous, const struct match_option *previous_row,
                         const struct match *match, const struct match_option *row);
/* The n-th option that modifies matches of row's module; NULL behind the last. */
const struct match_option *match_option_modifier(const struct match_option *row, size_t n);
/* What module (NULL: iptables itself) calls the option that begins so; NULL. *ret_arguments: how
 * many it has. */
const char *match_option_name(enum family family, const char *module, const char *name,
                              unsigned *ret_arguments);
