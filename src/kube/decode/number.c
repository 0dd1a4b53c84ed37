#include "kube/decode/number.h"

#include <stddef.h>

/* A number of the input, exactly: digits × 10^exponent, neither with zeros to spare. */
struct decimal {
        bool negative;
        const char *digits; /* the first that is not zero; the point may stand between */
        size_t n_digits;
        long exponent;
};

#define EXPONENT_MAX 1000000

static const char *scan_exponent(const char *text, long *exponent)
{
        bool negative = *text == '-';
        long value = 0;

        text += *text == '-' || *text == '+';
        if (*text < '0' || *text > '9')
                return NULL;
        for (; *text >= '0' && *text <= '9'; text++)
                value = value < EXPONENT_MAX ? value * 10 + (*text - '0') : value;
        *exponent += negative ? -value : value;
        return text;
}

/* False where the text is no finite decimal number. */
static bool scan_decimal(const char *text, struct decimal *ret)
{
        struct decimal number = {.negative = *text == '-'};
        bool any = false, point = false;
        size_t zeros = 0;

        text += *text == '-' || *text == '+';
        for (;; text++) {
                if (*text == '.' && !point) {
                        point = true;
                        continue;
                }
                if (*text < '0' || *text > '9')
                        break;
                any = true;
                number.exponent -= point;
                if (*text == '0') {
                        zeros += number.n_digits > 0;
                        continue;
                }
                if (number.n_digits == 0)
                        number.digits = text;
                number.n_digits += zeros + 1;
                zeros = 0;
        }
        number.exponent += (long)zeros;
        /* Zeros before the first digit count for nothing, those after the last for the exponent. */
        if (any && (*text == 'e' || *text == 'E'))
                text = scan_exponent(text + 1, &number.exponent);
        if (!any || !text || *text)
                return false;
        *ret = number;
        return true;
}

bool number_int32(const char *text, int32_t *ret)
{
        struct decimal number;
        int64_t value = 0;

        if (!scan_decimal(text, &number))
                return false;
        if (number.n_digits == 0) {
                *ret = 0;
                return true;
        }
        if (number.exponent < 0 || number.exponent > 10 ||
            number.n_digits + (size_t)number.exponent > 10)
                return false;
        for (const char *c = number.digits; number.n_digits > 0; c++) {
                if (*c == '.')
                        continue;
                value = value * 10 + (*c - '0');
                number.n_digits--;
        }
        while (number.exponent-- > 0)
                value *= 10;
        value = number.negative ? -value : value;
        if (value < INT32_MIN || value > INT32_MAX)
                return false;
        *ret = (int32_t)value;
        return true;
}
