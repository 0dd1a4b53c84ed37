#include "kube/read/extent.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kube/read/eight.h"

/* Eight bytes at a time, to the first of them that is of interest. */

/* The high bit of each byte that is 0; borrows spoil bytes behind the first one only. */
static inline uint64_t zero_bytes(uint64_t word)
{
        return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

static inline uint64_t quotes_and_backslashes(uint64_t word)
{
        return zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'));
}

/* "[" and "{" differ in one bit, "]" and "}" too; with it and two more set all four are 0x7f, and
 * of what stands between texts nothing else is. */
static inline uint64_t brackets_and_quotes(uint64_t word)
{
        return zero_bytes((word | EACH_BYTE(0x26)) ^ EACH_BYTE(0x7f)) |
               zero_bytes(word ^ EACH_BYTE('"'));
}

/* To the first of those bytes, or so near to the end that the rest has to be looked at one by one.
 */
static inline const char *pass_eights(const char *at, const char *end, uint64_t of(uint64_t word))
{
        for (; end - at >= 8; at += 8) {
                uint64_t hits = of(load_eight(at));

                if (hits)
                        return at + __builtin_ctzll(hits) / 8;
        }
        return at;
}

static inline const char *to_quote_or_backslash(const char *at, const char *end)
{
        at = pass_eights(at, end, quotes_and_backslashes);
        while (at < end && *at != '"' && *at != '\\')
                at++;
        return at;
}

static inline const char *to_bracket_or_quote(const char *at, const char *end)
{
        at = pass_eights(at, end, brackets_and_quotes);
        while (at < end && *at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']')
                at++;
        return at;
}

const char *extent_pass_text(struct extent *extent, const char *at, const char *end)
{
        while (at < end) {
                if (extent->escaped) {
                        extent->escaped = false;
                        at++;
                        continue;
                }
                at = to_quote_or_backslash(at, end);
                if (at == end)
                        break;
                if (*at++ == '"') {
                        extent->in_text = false;
                        break;
                }
                extent->escaped = true;
        }
        return at;
}

const char *extent_pass(struct extent *extent, const char *at, const char *end)
{
        while (at < end) {
                if (extent->in_text) {
                        at = extent_pass_text(extent, at, end);
                        continue;
                }
                at = to_bracket_or_quote(at, end);
                if (at == end)
                        break;
                char c = *at++;
                if (c == '"')
                        extent->in_text = true;
                else if (c == '{' || c == '[')
                        extent->depth++;
                else if (extent->depth <= 1) {
                        extent->depth = 0;
                        break;
                } else
                        extent->depth--;
        }
        return at;
}
