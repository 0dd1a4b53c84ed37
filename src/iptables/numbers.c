#include "iptables/numbers.h"

#include <inttypes.h>
#include <string.h>

unsigned digit_of(char c)
{
        if (c >= '0' && c <= '9')
                return (unsigned)(c - '0');
        if (c >= 'a' && c <= 'f')
                return (unsigned)(c - 'a') + 10;
        return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : UINT8_MAX;
}

bool parse_number(const char *text, char end, uint32_t max, uint32_t *ret, const char **ret_rest)
{
        const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        const unsigned base = hex ? 16 : 10;
        uint64_t value = 0;
        unsigned digits = 0;

        for (text += hex ? 2 : 0; digit_of(*text) < base; text++, digits++) {
                value = value * base + digit_of(*text);
                if (value > max)
                        return false;
        }
        if (digits == 0 || *text != end)
                return false;
        *ret = (uint32_t)value;
        if (ret_rest)
                *ret_rest = text + (end != '\0');
        return true;
}

bool parse_masked(const char *text, uint32_t *ret_value, uint32_t *ret_mask)
{
        uint32_t value, mask = UINT32_MAX;
        const char *rest;

        if (!strchr(text, '/')) {
                if (!parse_number(text, '\0', UINT32_MAX, &value, NULL))
                        return false;
        } else if (!parse_number(text, '/', UINT32_MAX, &value, &rest) ||
                   !parse_number(rest, '\0', UINT32_MAX, &mask, NULL)) {
                return false;
        }
        *ret_value = value;
        *ret_mask = mask;
        return true;
}

void print_masked(uint32_t value, uint32_t mask, struct strbuf *out)
{
        strbuf_printf(out, "0x%" PRIx32, value);
        if (mask != UINT32_MAX)
                strbuf_printf(out, "/0x%" PRIx32, mask);
}

void print_both(uint32_t value, uint32_t mask, struct strbuf *out)
{
        strbuf_printf(out, "0x%" PRIx32 "/0x%" PRIx32, value, mask);
}

bool parse_number_pair(const char *text, char between, uint32_t max, bool open, uint32_t *ret_first,
                       uint32_t *ret_last)
{
        const char *rest = strchr(text, between);
        uint32_t first = 0, last = max;

        if (!rest) {
                if (!parse_number(text, '\0', max, &first, NULL))
                        return false;
                last = first;
        } else if (!(open && rest == text) && !parse_number(text, between, max, &first, &rest)) {
                return false;
        } else {
                rest = strchr(text, between) + 1;
                if (!(open && !*rest) && !parse_number(rest, '\0', max, &last, NULL))
                        return false;
        }
        if (first > last)
                return false;
        *ret_first = first;
        *ret_last = last;
        return true;
}
