#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "rules/ruleset.h"

/* A ruleset to and from the tools' own texts. Printing and parsing are inverse: what iptables-save
 * wrote and iptables_parse() read is printed again to the byte (tests hold dumps of real nodes to
 * it); what is not understood is kept verbatim and marked unknown. */

/* In iptables-save's form, tables in the ruleset's order. counters: "[packets:bytes]" before rules.
 * Built-in chains without a policy are somebody else's, to be added to, not defined: their rules
 * are printed as insertions at the top ("-I FORWARD 1 …"), as `iptables-restore --noflush` wants
 * them. */
void iptables_print(const struct ruleset *ruleset, enum family family, bool counters,
                    struct strbuf *out);
/* What follows "-A CHAIN": " -s 10.0.0.0/8 -j DROP". */
void iptables_print_rule(enum family family, const struct rule *rule, struct strbuf *out);
bool chain_is_builtin(const char *name); /* of the kernel's, in any table */

/* Does the save say that a table holds what iptables cannot show? */
bool iptables_is_unreadable(const char *save);

/* Adds what a save says to the ruleset. Errors name the line. A table that cannot be shown is one.
 */
int iptables_parse(struct ruleset *ruleset, enum family family, const char *text, struct err *err);

/* In ipset save's form: create and add lines. What was read is printed as it was written; a set of
 * which a line is not understood (a kind or an option that is new) is SET_UNKNOWN and keeps its
 * lines verbatim. A set with a name of penstock's that was not made as penstock makes it, with a
 * timeout or too small, is a misfit.
 *
 * ipset_print_create() and ipset_print_element() print what penstock makes: no options that were
 * read, no counters. maxelem is the same for every set and far above any cluster: it is a cap, not a reservation, and
 * one that fits today's size would refuse tomorrow's. hashsize follows the size: most peers are a
 * few pods, for which the default of 1024 buckets would be 8 kB each. */
void ipset_print_create(const struct set *set, struct strbuf *out);
void ipset_print_element(const char *verb, const struct set *set, const struct set_element *element,
                         struct strbuf *out); /* "add NAME …" with newline */
void ipset_print(const struct ruleset *ruleset, struct strbuf *out);
#define IPSET_MAX_ELEMENTS 16777216
/* Adds what a save says to the ruleset, in its order; ruleset_finish() is the caller's. Errors name
 * the line. A text whose last line does not end was cut off, which is one. */
int ipset_parse(struct ruleset *ruleset, const char *text, struct err *err);
