#include "base/json_print.h"

#include <inttypes.h>

static void add_escaped(struct strbuf *out, const char *text)
{
        strbuf_add_char(out, '"');
        for (; *text; text++) {
                unsigned char c = (unsigned char)*text;
                if (c == '"' || c == '\\')
                        strbuf_printf(out, "\\%c", c);
                else if (c < 0x20 || c == 0x7f)
                        strbuf_printf(out, "\\u%04x", c);
                else
                        strbuf_add_char(out, (char)c);
        }
        strbuf_add_char(out, '"');
}

static void new_line(struct json_print *json)
{
        if (!json->compact)
                strbuf_printf(json->out, "\n%*s", (int)(4 * json->depth), "");
}

static void begin_member(struct json_print *json, const char *key)
{
        if (json->has_member)
                strbuf_add_char(json->out, ',');
        if (json->depth > 0)
                new_line(json);
        json->has_member = true;
        if (!key)
                return;
        add_escaped(json->out, key);
        strbuf_add(json->out, json->compact ? ":" : ": ");
}

void json_open(struct json_print *json, const char *key, char bracket)
{
        begin_member(json, key);
        strbuf_add_char(json->out, bracket);
        json->depth++;
        json->has_member = false;
}

void json_close(struct json_print *json, char bracket)
{
        json->depth--;
        if (json->has_member)
                new_line(json);
        strbuf_add_char(json->out, bracket);
        json->has_member = true;
        if (json->depth == 0)
                strbuf_add_char(json->out, '\n');
        if (json->take && json->out->length >= JSON_PIECE)
                json->take(json->take_data, json->out);
}

void json_text(struct json_print *json, const char *key, const char *text)
{
        begin_member(json, key);
        if (text)
                add_escaped(json->out, text);
        else
                strbuf_add(json->out, "null");
}

void json_number(struct json_print *json, const char *key, uint64_t number)
{
        begin_member(json, key);
        strbuf_printf(json->out, "%" PRIu64, number);
}

void json_digits(struct json_print *json, const char *key, const char *digits)
{
        begin_member(json, key);
        strbuf_add(json->out, digits);
}

void json_bool(struct json_print *json, const char *key, bool value)
{
        begin_member(json, key);
        strbuf_add(json->out, value ? "true" : "false");
}
