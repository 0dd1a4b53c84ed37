#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Text that grows on the heap; always ends in NUL once something was added. Zero-initialise;
 * strbuf_done() releases. */
struct strbuf {
        char *text;
        size_t length, cap;
};

void strbuf_done(struct strbuf *buf);
#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_done)))

void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_add_bytes(struct strbuf *buf, const char *bytes, size_t n);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* The text so far, "" where nothing was added. */
const char *strbuf_text(const struct strbuf *buf);
