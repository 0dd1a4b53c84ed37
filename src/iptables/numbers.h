#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Numbers as the tools take them: decimal, or hexadecimal behind 0x; no sign. */

/* At most max. The text ends with end. *ret_rest (may be NULL) is what follows. */
bool parse_number(const char *text, char end, uint32_t max, uint32_t *ret, const char **ret_rest);
/* "1", "1:2" with the first not behind the last; where open says so, an end may be left out: "1:",
 * ":2". */
bool parse_number_pair(const char *text, char between, uint32_t max, bool open, uint32_t *ret_first,
                       uint32_t *ret_last);
/* "0x1/0xff"; without a mask all bits. */
bool parse_masked(const char *text, uint32_t *ret_value, uint32_t *ret_mask);
void print_masked(uint32_t value, uint32_t mask, struct strbuf *out); /* no mask where it is all */
void print_both(uint32_t value, uint32_t mask, struct strbuf *out);   /* the mask in any case */
unsigned digit_of(char c); /* of a hexadecimal number; more than 15 where it is none */
