#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void strbuf_done(struct strbuf *buf)
{
        free(buf->text);
        *buf = (struct strbuf){0};
}

static void make_room(struct strbuf *buf, size_t n)
{
        size_t wanted = buf->length + n + 1;

        if (wanted <= buf->cap)
                return;
        while (buf->cap < wanted)
                buf->cap = buf->cap ? buf->cap * 2 : 256;
        buf->text = memory_grow(buf->text, buf->cap);
}

void strbuf_add_bytes(struct strbuf *buf, const char *bytes, size_t n)
{
        make_room(buf, n);
        if (n)
                memcpy(buf->text + buf->length, bytes, n);
        buf->length += n;
        buf->text[buf->length] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *text)
{
        strbuf_add_bytes(buf, text, strlen(text));
}

void strbuf_add_char(struct strbuf *buf, char c)
{
        strbuf_add_bytes(buf, &c, 1);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
        va_list again;

        va_copy(again, args);
        int n = vsnprintf(NULL, 0, format, again);
        va_end(again);
        make_room(buf, (size_t)n);
        vsnprintf(buf->text + buf->length, (size_t)n + 1, format, args);
        buf->length += (size_t)n;
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        strbuf_vprintf(buf, format, args);
        va_end(args);
}

const char *strbuf_text(const struct strbuf *buf)
{
        return buf->text ? buf->text : "";
}
