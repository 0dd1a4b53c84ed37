#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Words between commas, each of which is a bit: "NEW,ESTABLISHED". Read in any order and in
 * capitals or not, printed in the order of the table, which is iptables-save's. */
struct flag_word {
        unsigned flag;
        const char *name;
};

/* False where text is empty or one of its words is not in the table. */
bool flags_parse(const char *text, const struct flag_word *words, size_t n, unsigned *ret);
void flags_print(unsigned flags, const struct flag_word *words, size_t n, struct strbuf *out);

#define CT_STATES 7
extern const struct flag_word ct_state_words[CT_STATES]; /* of enum ct_state */
