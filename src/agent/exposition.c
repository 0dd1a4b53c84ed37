#include "agent/exposition.h"

#include <inttypes.h>

#include "base/character.h"

/* Values are UTF-8; a backslash, a quote and a newline are escaped. Bytes that are no UTF-8 and
 * controls, which nobody can have meant, become the replacement character. */
static void add_value(struct strbuf *out, const char *value)
{
        uint32_t point;

        while (*value) {
                size_t length = character_decode(value, &point);

                if (*value == '\n')
                        strbuf_add(out, "\\n");
                else if (*value == '"' || *value == '\\')
                        strbuf_printf(out, "\\%c", *value);
                else if (length == 0 || point < ' ')
                        strbuf_add(out, "\xef\xbf\xbd");
                else
                        strbuf_add_bytes(out, value, length);
                value += length ? length : 1;
        }
}

static void add_name(struct strbuf *out, const char *name, const struct metric_label *of)
{
        char before = '{';

        strbuf_add(out, name);
        for (; of->name; of++) {
                if (!of->value || !*of->value)
                        continue;
                strbuf_printf(out, "%c%s=\"", before, of->name);
                add_value(out, of->value);
                strbuf_add_char(out, '"');
                before = ',';
        }
        if (before == ',')
                strbuf_add_char(out, '}');
        strbuf_add_char(out, ' ');
}

void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help)
{
        strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_whole(struct strbuf *out, const char *name, const struct metric_label *of,
                      uint64_t value)
{
        add_name(out, name, of);
        strbuf_printf(out, "%" PRIu64 "\n", value);
}

void exposition_real(struct strbuf *out, const char *name, const struct metric_label *of,
                     double value)
{
        add_name(out, name, of);
        strbuf_printf(out, "%.15g\n", value);
}
