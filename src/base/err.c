#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        return -1;
}

static int __attribute__((format(printf, 3, 0)))
append(struct err *err, const char *reason, const char *format, va_list args)
{
        char whole[sizeof(err->text)];
        int n = vsnprintf(whole, sizeof(whole), format, args);

        if (n >= 0 && (size_t)n < sizeof(whole))
                snprintf(whole + n, sizeof(whole) - (size_t)n, ": %s", reason);
        memcpy(err->text, whole, sizeof(whole));
        return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
        char reason[sizeof(err->text)];
        va_list args;

        memcpy(reason, err->text, sizeof(reason));
        va_start(args, format);
        append(err, reason, format, args);
        va_end(args);
        return -1;
}

int err_errno(struct err *err, const char *format, ...)
{
        const char *reason = strerror(errno);
        va_list args;

        va_start(args, format);
        append(err, reason, format, args);
        va_end(args);
        return -1;
}
