#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "rules/ruleset.h"

/* A ruleset to and from the tools' own texts. Printing and parsing are inverse: what iptables-save
 * wrote and iptables_parse() read is printed again to the byte (tests hold dumps of real nodes to it);
 * what is not understood is kept verbatim and marked unknown. */

/* In iptables-save's form, tables in the ruleset's order. counters: "[packets:bytes]" before rules. */
void iptables_print(const struct ruleset *ruleset, enum family family, bool counters,
                    struct strbuf *out);
void iptables_print_rule(const char *chain, const struct rule *rule, struct strbuf *out); /* "-A …", no newline */

/* Adds what a save says to the ruleset. Errors name the line. */
int iptables_parse(struct ruleset *ruleset, enum family family, const char *text, struct err *err);

/* In ipset save's form: create and add lines. Sets of another program keep only name and type
 * (SET_UNKNOWN where the type is not one of ours). */
void ipset_print_create(const struct set *set, struct strbuf *out);
void ipset_print_element(const char *verb, const struct set *set, const struct set_element *element,
                         struct strbuf *out); /* "add NAME …" with newline */
void ipset_print(const struct ruleset *ruleset, struct strbuf *out);
int ipset_parse(struct ruleset *ruleset, const char *text, struct err *err);
