#include "kube/decode/quote.h"

#include <string.h>

#include "base/character.h"

#define QUOTE_NAME_MAX 253 /* the longest valid name is shown whole */

static void quote_byte(struct strbuf *buf, unsigned char byte)
{
        switch (byte) {
        case '"':
        case '\\':
                strbuf_printf(buf, "\\%c", byte);
                break;
        case '\n':
                strbuf_add(buf, "\\n");
                break;
        case '\r':
                strbuf_add(buf, "\\r");
                break;
        case '\t':
                strbuf_add(buf, "\\t");
                break;
        default:
                strbuf_printf(buf, "\\x%02x", byte);
        }
}

/* Returns how much of text was too long. */
static size_t add_escaped(struct strbuf *buf, const char *text)
{
        size_t total = strlen(text), i = 0;

        while (i < total && i < QUOTE_MAX_BYTES) {
                size_t length = character_shown(text + i);

                if (length == 0 || text[i] == '"' || text[i] == '\\') {
                        quote_byte(buf, (unsigned char)text[i++]);
                } else {
                        strbuf_add_bytes(buf, text + i, length);
                        i += length;
                }
        }
        return total - i;
}

void quote_text(struct strbuf *buf, const char *text)
{
        strbuf_add_char(buf, '"');
        size_t cut = add_escaped(buf, text);
        strbuf_add_char(buf, '"');
        if (cut)
                strbuf_printf(buf, "… (%zu bytes)", strlen(text));
}

void quote_inside(struct strbuf *buf, const char *text)
{
        if (add_escaped(buf, text))
                strbuf_add(buf, "…");
}

void quote_name(struct strbuf *buf, const char *name)
{
        size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-_.()");

        if (name[length] || length == 0 || length > QUOTE_NAME_MAX)
                quote_text(buf, name);
        else
                strbuf_add(buf, name);
}

static void quote_number(struct strbuf *buf, const char *text)
{
        size_t length = strlen(text);

        strbuf_add_bytes(buf, text, length < QUOTE_MAX_BYTES ? length : QUOTE_MAX_BYTES);
        if (length > QUOTE_MAX_BYTES)
                strbuf_printf(buf, "… (%zu digits)", length);
}

/* Stops within the list or map once enough was said. */
static void quote_children(struct strbuf *buf, const struct value *value, size_t limit)
{
        bool map = value->kind == VALUE_MAP;

        strbuf_add_char(buf, map ? '{' : '[');
        for (const struct value *child = value->first; child; child = child->next) {
                if (child != value->first)
                        strbuf_add_char(buf, ',');
                if (buf->length > limit) {
                        strbuf_add(buf, "…");
                        break;
                }
                if (map) {
                        quote_text(buf, child->key);
                        strbuf_add_char(buf, ':');
                }
                if (child->kind == VALUE_LIST || child->kind == VALUE_MAP)
                        quote_children(buf, child, limit);
                else
                        quote_value(buf, child);
        }
        strbuf_add_char(buf, map ? '}' : ']');
}

void quote_value(struct strbuf *buf, const struct value *value)
{
        switch (value->kind) {
        case VALUE_NULL:
                strbuf_add(buf, "null");
                break;
        case VALUE_BOOL:
                strbuf_add(buf, value->boolean ? "true" : "false");
                break;
        case VALUE_NUMBER:
                quote_number(buf, value->text);
                break;
        case VALUE_STRING:
                quote_text(buf, value->text);
                break;
        case VALUE_LIST:
        case VALUE_MAP:
                quote_children(buf, value, buf->length + QUOTE_MAX_BYTES);
                break;
        }
}
