#include "kube/read/extent.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Eight bytes at a time, until one of them may be of interest. */

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

static inline uint64_t load_eight(const char *at)
{
        uint64_t word;

        memcpy(&word, at, sizeof(word));
        return word;
}

/* Not 0 where a byte is 0. */
static inline uint64_t zero_bytes(uint64_t word)
{
        return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

static const char *to_quote_or_backslash(const char *at, const char *end)
{
        for (; end - at >= 8; at += 8) {
                uint64_t word = load_eight(at);

                if (zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\')))
                        break;
        }
        while (at < end && *at != '"' && *at != '\\')
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

/* "[" and "{" differ in one bit, "]" and "}" too; with it and two more set all four are 0x7f, as
 * are few others. */
static const char *to_bracket_or_quote(const char *at, const char *end)
{
        for (; end - at >= 8; at += 8) {
                uint64_t word = load_eight(at);

                if (zero_bytes((word | EACH_BYTE(0x26)) ^ EACH_BYTE(0x7f)) |
                    zero_bytes(word ^ EACH_BYTE('"')))
                        break;
        }
        while (at < end && *at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']')
                at++;
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
