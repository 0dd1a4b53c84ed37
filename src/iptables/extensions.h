#pragma once

#include "iptables/grammar.h"

/* Matches of which the model of a packet says no more than that they count, are chance, or look
 * beyond it (MATCH_COUNTS, MATCH_CHANCE, MATCH_BEYOND): a table of modules and their options. A new
 * one is a new row. A module may have several rows, of which the first that understands all of its
 * words takes them; modules with options of their own in match_options.h come here with what those
 * don't know. */

/* [first, end) are the words behind "-m module". False where no row understands them. */
bool extension_parse(const struct reading *reading, const char *module, const struct words *words,
                     size_t first, size_t end, struct match *ret);
void extension_print(const struct match *match, struct strbuf *out); /* "limit --limit 10/min" */
/* What module calls the option that begins so; NULL. *ret_arguments: how many it has. */
const char *extension_option(enum family family, const char *module, const char *name,
                             unsigned *ret_arguments);
