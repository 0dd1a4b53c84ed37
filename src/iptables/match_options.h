#pragma once

#include "base/strbuf.h"
#include "iptables/words.h"
#include "rules/ruleset.h"

/* The options of iptables that say a match, one row of a table for each, used in both directions. A
 * new match is a new row. */

/* A rule while it is read. */
struct match_reading {
        struct ruleset *ruleset;
        enum family family;
        enum protocol protocol; /* of the rule so far */
};

#define FAMILY_ANY FAMILIES

struct match_option {
        enum match_kind kind;
        const char *module; /* NULL: an option of iptables itself */
        const char *name;
        unsigned n_arguments;
        unsigned family;        /* enum family or FAMILY_ANY */
        enum protocol protocol; /* the module is this protocol's; PROTOCOL_ANY where it is not */
        /* arguments: n_arguments of them; invert and kind are set by the caller. False where they
         * are not understood. */
        bool (*parse)(struct match_reading *reading, const struct word *arguments,
                      struct match *ret);
        /* NULL: another row prints what this one reads. */
        void (*print)(const struct match *match, struct strbuf *out);
};

/* NULL where there is none that fits what is being read. */
const struct match_option *match_option_named(const struct match_reading *reading,
                                              const char *module, const char *name);
/* The one to print a match by; NULL for MATCH_UNKNOWN. Where no row fits (a port without a
 * protocol) the kind's first is printed, for iptables to refuse: a match that is left out would let
 * more through. */
const struct match_option *match_option_of_kind(enum match_kind kind, enum family family,
                                                enum protocol protocol);
/* iptables' own options, in the order in which iptables-save prints them; NULL behind the last. */
const struct match_option *match_option_own(size_t i);
/* Is it the module of a protocol: "tcp"? */
bool is_protocols_module(const char *module);
/* Several options of one module are printed behind one -m, as iptables-save does it, where these
 * are kinds of a protocol's own module; two conntrack matches in a row are two. previous may be
 * NULL. */
bool match_options_share_module(const struct match_option *row,
                                const struct match_option *previous);
