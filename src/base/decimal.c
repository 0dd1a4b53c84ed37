#include "base/decimal.h"

char *decimal_put(char *text, size_t number)
{
        size_t digits = 1;

        for (size_t rest = number / 10; rest > 0; rest /= 10)
                digits++;
        text[digits] = '\0';
        for (char *at = text + digits; at > text; number /= 10)
                *--at = (char)('0' + number % 10);
        return text + digits;
}
