#include "iptables/span.h"

#include <string.h>

bool span_is(struct span span, const char *text)
{
        return strncmp(span.at, text, span_length(span)) == 0 && text[span_length(span)] == '\0';
}

struct span span_take(struct span *span, char separator)
{
        const char *end = memchr(span->at, separator, span_length(*span));
        struct span taken = {span->at, end ? end : span->end};

        span->at = end ? end + 1 : span->end;
        return taken;
}

bool span_number(struct span span, uint64_t max, uint64_t *ret)
{
        uint64_t number = 0;

        if (span.at == span.end)
                return false;
        for (const char *p = span.at; p < span.end; p++) {
                unsigned digit = (unsigned)(*p - '0');
                if (digit > 9 || digit > max || number > (max - digit) / 10)
                        return false;
                number = number * 10 + digit;
        }
        *ret = number;
        return true;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

bool span_hex(struct span span, uint32_t *ret)
{
        uint32_t number = 0;

        if (span_length(span) < 3 || span_length(span) > 10 || strncmp(span.at, "0x", 2) != 0)
                return false;
        for (const char *p = span.at + 2; p < span.end; p++) {
                int digit = hex_digit(*p);
                if (digit < 0)
                        return false;
                number = number << 4 | (uint32_t)digit;
        }
        *ret = number;
        return true;
}
