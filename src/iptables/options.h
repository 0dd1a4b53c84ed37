#pragma once

#include "base/strbuf.h"
#include "iptables/words.h"
#include "rules/ruleset.h"

/* A rule to and from the options of iptables. What penstock does not understand is kept as it was
 * written (MATCH_UNKNOWN, TARGET_UNKNOWN). */

/* What a rule is read or printed among. */
struct options_context {
        enum family family;
        /* For reading: a target without options is a chain of this table, or unknown. */
        const struct table *table;
        /* For reading: an administrator's command, which is not printed again as it was written. */
        bool command;
};

/* Reads the words from first on: matches and target. */
void options_parse_rule(const struct options_context *context, struct ruleset *ruleset,
                        const struct words *words, size_t first, struct rule *ret);
/* " -p tcp -m tcp --dport 80 -j RETURN" */
void options_print_rule(const struct options_context *context, const struct rule *rule,
                        struct strbuf *out);
