#include "kube/decode/timestamp.h"

#include <stddef.h>

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Reads exactly that many digits; NULL, also when given it, where they aren't there. */
static const char *take_number(const char *text, unsigned digits, int *ret)
{
        int value = 0;

        for (; text && digits > 0; digits--, text++) {
                if (!is_digit(*text))
                        return NULL;
                value = value * 10 + (*text - '0');
        }
        *ret = value;
        return text;
}

static const char *take(const char *text, char c)
{
        return text && *text == c ? text + 1 : NULL;
}

static int days_of_month(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

static int64_t days_since_1970(int year, int month, int day)
{
        int64_t days = day - 1;

        for (int m = 1; m < month; m++)
                days += days_of_month(year, m);
        int64_t y = year - 1; /* whole years, of the calendar that begins with year 1 */
        days += y * 365 + y / 4 - y / 100 + y / 400;
        return days - 719162;
}

/* The offset's seconds, "Z" or "+02:00"; NULL where there is more or none. */
static const char *take_offset(const char *text, int *ret)
{
        int hours = 0, minutes = 0, sign = 1;

        *ret = 0;
        if (take(text, 'Z'))
                return text + 1;
        if (!text || (*text != '+' && *text != '-'))
                return NULL;
        sign = *text == '-' ? -1 : 1;
        text = take_number(text + 1, 2, &hours);
        text = take_number(take(text, ':'), 2, &minutes);
        if (!text || hours > 23 || minutes > 59)
                return NULL;
        *ret = sign * (hours * 3600 + minutes * 60);
        return text;
}

bool timestamp_parse(const char *text, int64_t *ret)
{
        int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0;

        text = take_number(text, 4, &year);
        text = take_number(take(text, '-'), 2, &month);
        text = take_number(take(text, '-'), 2, &day);
        text = take_number(take(text, 'T'), 2, &hour);
        text = take_number(take(text, ':'), 2, &minute);
        text = take_number(take(text, ':'), 2, &second);
        if (text && *text == '.') {
                if (!is_digit(*++text))
                        return false;
                while (is_digit(*text))
                        text++;
        }
        text = take_offset(text, &offset);
        if (!text || *text || year == 0 || month < 1 || month > 12 || day < 1 ||
            day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 59)
                return false;
        *ret =
            days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
        return true;
}
