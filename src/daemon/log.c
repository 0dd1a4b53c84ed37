#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/character.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define PATIENCE_MS 200 /* with a reader that has not hung before */

static const char *const levels[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
static const char *const formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json"};

static struct {
        const char *process;
        enum log_level level, first_level;
        enum log_format format;
        uint64_t lost; /* lines that nobody took */
} log_state = {.process = "penstock", .level = LOG_INFO, .first_level = LOG_INFO};

const char *log_level_name(enum log_level level)
{
        return levels[level];
}

bool log_level_parse(const char *name, enum log_level *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (strcmp(levels[i], name) == 0) {
                        *ret = (enum log_level)i;
                        return true;
                }
        return false;
}

bool log_format_parse(const char *name, enum log_format *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if (strcmp(formats[i], name) == 0) {
                        *ret = (enum log_format)i;
                        return true;
                }
        return false;
}

void log_begin(const char *process, enum log_level level, enum log_format format)
{
        log_state.process = process;
        log_state.level = log_state.first_level = level;
        log_state.format = format;
}

enum log_level log_level(void)
{
        return log_state.level;
}

void log_set_level(enum log_level level)
{
        log_state.level = level;
}

enum log_level log_cycle_level(void)
{
        enum log_level quiet =
            log_state.first_level == LOG_DEBUG ? LOG_INFO : log_state.first_level;

        log_state.level = log_state.level == LOG_DEBUG ? quiet : LOG_DEBUG;
        return log_state.level;
}

/* What is no character, or none to show, as bytes that a person can look up. */
static size_t escape_for_text(struct strbuf *line, const char *at)
{
        static const char letters[] = "\nn\rr\tt";
        const char *letter = strchr(letters, *at);

        if (letter)
                strbuf_printf(line, "\\%c", letter[1]);
        else
                strbuf_printf(line, "\\x%02x", (unsigned char)*at);
        return 1;
}

/* JSON knows characters only: a byte that is part of none becomes the replacement character. */
static size_t escape_for_json(struct strbuf *line, const char *at)
{
        uint32_t point;
        size_t length = character_decode(at, &point);

        if (length == 0)
                strbuf_add(line, "\\ufffd");
        else if (point < 0x10000)
                strbuf_printf(line, "\\u%04" PRIx32, point);
        else
                strbuf_printf(line, "\\u%04" PRIx32 "\\u%04" PRIx32,
                              0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
        return length ? length : 1;
}

static void add_escaped(struct strbuf *line, const char *text)
{
        size_t begin = line->length;

        while (*text && line->length - begin < LOG_MAX_TEXT) {
                size_t shown = character_shown(text);

                if (*text == '"' || *text == '\\')
                        strbuf_add_char(line, '\\');
                if (shown)
                        strbuf_add_bytes(line, text, shown);
                else if (log_state.format == LOG_JSON)
                        shown = escape_for_json(line, text);
                else
                        shown = escape_for_text(line, text);
                text += shown;
        }
        if (*text)
                strbuf_add(line, "…");
}

static void add_quoted(struct strbuf *line, const char *text)
{
        strbuf_add_char(line, '"');
        add_escaped(line, text);
        strbuf_add_char(line, '"');
}

static bool is_bare(const char *text)
{
        if (!*text)
                return false;
        for (size_t shown; *text; text += shown) {
                shown = character_shown(text);
                if (!shown || strchr(" \"\\=", *text))
                        return false;
        }
        return true;
}

static void add_number(struct strbuf *line, double number)
{
        if (number > -1e15 && number < 1e15 && number == (double)(int64_t)number)
                strbuf_printf(line, "%.0f", number);
        else if (isfinite(number))
                strbuf_printf(line, "%.9g", number);
        else
                strbuf_add(line, "null");
}

static void add_field(struct strbuf *line, const struct log_field *field)
{
        bool json = log_state.format == LOG_JSON;

        strbuf_printf(line, json ? ",\"%s\":" : " %s=", field->name);
        if (!field->text)
                add_number(line, field->number);
        else if (!json && is_bare(field->text))
                add_escaped(line, field->text);
        else
                add_quoted(line, field->text);
}

static void add_beginning(struct strbuf *line, enum log_level level, const char *message)
{
        struct timespec now;
        struct tm utc;
        char time[sizeof("2026-01-02T03:04:05")];

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        strftime(time, sizeof(time), "%FT%T", &utc);
        unsigned milliseconds = (unsigned)(now.tv_nsec / 1000000);
        if (log_state.format == LOG_TEXT) {
                strbuf_printf(line, "%s.%03uZ %s %s: ", time, milliseconds, levels[level],
                              log_state.process);
                add_escaped(line, message);
        } else {
                strbuf_printf(line, "{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"process\":\"%s\",",
                              time, milliseconds, levels[level], log_state.process);
                strbuf_add(line, "\"message\":");
                add_quoted(line, message);
        }
}

/* A reader that hangs (a runtime whose disk is full) holds up one line for a moment, and no other:
 * a pipe blocks unless it was told not to, and this end is not this process' alone to tell. */
static bool has_room(void)
{
        struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
        int r;

        do
                r = poll(&out, 1, log_state.lost ? 0 : PATIENCE_MS);
        while (r < 0 && errno == EINTR);
        return r > 0;
}

/* The kernel takes what a pipe has room for at once, or nothing (pipe(7)); only files and terminals
 * may take a part of it. */
static bool write_line(const char *line, size_t length)
{
        while (length > 0) {
                ssize_t n = write(STDERR_FILENO, line, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                line += n;
                length -= (size_t)n;
        }
        return true;
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields)
{
        static const char cut[2][sizeof(",\"cut\":true")] = {
            [LOG_TEXT] = " cut=true", [LOG_JSON] = ",\"cut\":true"};
        static const char ends[2][sizeof("}\n")] = {[LOG_TEXT] = "\n", [LOG_JSON] = "}\n"};
        _cleanup_strbuf_ struct strbuf line = {0};
        const struct log_field lost = log_number("lostLines", log_state.lost);

        if (level > log_state.level)
                return;
        add_beginning(&line, level, message);
        if (log_state.lost)
                add_field(&line, &lost);
        for (; fields->name; fields++) {
                size_t whole = line.length;

                add_field(&line, fields);
                if (line.length + sizeof(cut[0]) + sizeof(ends[0]) <= LOG_MAX_LINE)
                        continue;
                line.length = whole;
                strbuf_add(&line, cut[log_state.format]);
                break;
        }
        strbuf_add(&line, ends[log_state.format]);
        log_state.lost = has_room() && write_line(line.text, line.length) ? 0 : log_state.lost + 1;
}
