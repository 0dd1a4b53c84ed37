#pragma once

#include "base/strbuf.h"
#include "cmd/options.h"
#include "rules/ruleset.h"

/* What tools saved, from files: --rules (iptables-save, of either family, any number of saves in a
 * file) and --sets (ipset save); "-" is standard input. */

#define SAVED_MAX_BYTES (512u << 20) /* of one file */

/* Adds all of them to the ruleset, which is not finished. EXIT_YES, or EXIT_USAGE with the reason
 * printed. */
int saved_read(const char *command, const struct options *options, struct ruleset *ruleset);
/* Prints each as it was read, in the order in which they were given. A file that is not as the tool
 * writes it is printed as the tool would, which is said on stderr. Returns as saved_read(). */
int saved_print(const char *command, const struct options *options, struct strbuf *out);
/* All of them as data: tables, chains, rules, and what of them is not understood; sets. */
int saved_print_json(const char *command, const struct options *options, struct strbuf *out);
