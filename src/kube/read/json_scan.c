#include "kube/read/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kube/load.h"
#include "kube/read/eight.h"
#include "kube/read/extent.h"

/* kubectl prints a pod on some 150 lines, of which a third are the blanks that indent them and
 * another third are texts. Both are passed over eight bytes at a time; everything else is a byte or
 * two. Texts are checked where they stand in the window and copied once. */

struct json_scan scan_begin(struct input *input, struct problems *problems)
{
        const unsigned char *window = (const unsigned char *)input->window;

        return (struct json_scan){
            .input = input,
            .problems = problems,
            .at = window + input->at,
            .end = window + input->end,
            .line = input->line,
        };
}

void scan_end(struct json_scan *scan)
{
        scan->input->at = (size_t)(scan->at - (const unsigned char *)scan->input->window);
        scan->input->line = scan->line;
}

static void __attribute__((format(printf, 3, 0)))
report(struct json_scan *scan, unsigned line, const char *format, va_list args)
{
        char text[256];

        vsnprintf(text, sizeof(text), format, args);
        problems_add(scan->problems, (struct place){scan->input->file, line}, "%s", text);
}

bool scan_refuse_at(struct json_scan *scan, unsigned line, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        report(scan, line, format, args);
        va_end(args);
        return false;
}

bool scan_refuse(struct json_scan *scan, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        report(scan, scan->line, format, args);
        va_end(args);
        return false;
}

static bool refuse_end(struct json_scan *scan)
{
        if (scan->input->error)
                return scan_refuse(scan, "cannot be read: %s", strerror(scan->input->error));
        return scan_refuse(scan, "unexpected end of JSON input");
}

bool scan_refuse_byte(struct json_scan *scan, int c, const char *where)
{
        if (c < 0)
                return refuse_end(scan);
        if (c == '\'' || c == '"')
                return scan_refuse(scan, "invalid character %s %s", c == '"' ? "'\"'" : "'\\''",
                                   where);
        if (c > ' ' && c < 0x7f)
                return scan_refuse(scan, "invalid character '%c' %s", c, where);
        return scan_refuse(scan, "invalid character '\\x%02x' %s", (unsigned)c, where);
}

/* Reads on, keeping what stands from *start on (or from at, where start is NULL). Both move. */
static bool more(struct json_scan *scan, const unsigned char **start)
{
        const unsigned char *window = (const unsigned char *)scan->input->window;
        const unsigned char *keep = start ? *start : scan->at;
        size_t ahead = (size_t)(scan->at - keep);

        scan->input->at = (size_t)(scan->at - window);
        bool came = input_more(scan->input, (size_t)(keep - window));
        window = (const unsigned char *)scan->input->window;
        scan->at = window + ahead;
        scan->end = window + scan->input->end;
        if (start)
                *start = window;
        return came;
}

int scan_past_blanks(struct json_scan *scan)
{
        for (;;) {
                unsigned char c = *scan->at;

                if (c > ' ')
                        return c;
                if (c == '\n') {
                        uint64_t word;

                        scan->line++;
                        scan->at++;
                        while ((word = load_eight(scan->at) ^ EACH_BYTE(' ')) == 0)
                                scan->at += 8;
                        scan->at += __builtin_ctzll(word) / 8;
                } else if (c == ' ' || c == '\t' || c == '\r') {
                        scan->at++;
                } else if (scan->at < scan->end) {
                        return c;
                } else if (!more(scan, NULL)) {
                        return -1;
                }
        }
}

/* Passes over printable ASCII that is neither a quote nor a backslash. */
static inline const unsigned char *pass_plain(const unsigned char *at)
{
        const uint64_t ones = EACH_BYTE(0x01), high = EACH_BYTE(0x80);

        for (;; at += 8) {
                uint64_t word = load_eight(at);
                uint64_t quote = word ^ EACH_BYTE('"'), slash = word ^ EACH_BYTE('\\');
                uint64_t stop = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                                ((word - EACH_BYTE(' ')) & ~word) | word;

                /* Borrows spoil bytes behind the first hit only, which is the one that counts. */
                if (stop & high)
                        return at + __builtin_ctzll(stop & high) / 8;
        }
}

/* Length of the UTF-8 sequence at a byte of 0x80 or more (shortest form, no surrogate, at most
 * U+10FFFF); 0 where it is none. Reads up to four bytes. */
static size_t utf8_length(const unsigned char *s)
{
        if (s[0] < 0xc2 || s[0] > 0xf4 || (s[1] & 0xc0) != 0x80)
                return 0;
        if (s[0] < 0xe0)
                return 2;
        if ((s[2] & 0xc0) != 0x80)
                return 0;
        if (s[0] < 0xf0)
                return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ? 0 : 3;
        if ((s[3] & 0xc0) != 0x80 || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
                return 0;
        return 4;
}

static bool pass_multibyte(struct json_scan *scan, const unsigned char **start)
{
        while (scan->end - scan->at < 4 && more(scan, start))
                ;
        size_t length = utf8_length(scan->at);
        if (!length)
                return scan_refuse(scan, "text is not UTF-8 (byte '\\x%02x')", *scan->at);
        scan->at += length;
        return true;
}

/* From behind the opening quote to the closing one, which is left at `at`. */
static bool find_quote(struct json_scan *scan, const unsigned char **ret_start, bool *ret_escaped)
{
        const unsigned char *start = scan->at;
        bool escaped = false;

        for (;;) {
                scan->at = pass_plain(scan->at);
                unsigned char c = *scan->at;

                if (scan->at - start > (ptrdiff_t)LOAD_MAX_TEXT)
                        return scan_refuse(scan, "a text is longer than %u bytes", LOAD_MAX_TEXT);
                if (c == '"')
                        break;
                if (c >= 0x80) {
                        if (!pass_multibyte(scan, &start))
                                return false;
                } else if (scan->at == scan->end) {
                        if (!more(scan, &start))
                                return refuse_end(scan);
                } else if (c == '\\') {
                        escaped = true;
                        if (scan->end - scan->at < 2 && !more(scan, &start))
                                return refuse_end(scan);
                        scan->at += 2;
                } else {
                        return scan_refuse_byte(scan, c, "in string literal");
                }
        }
        *ret_start = start;
        *ret_escaped = escaped;
        return true;
}

/* The four digits of \uXXXX; -1 where they are none. */
static int hex_four(const unsigned char *at, const unsigned char *end)
{
        int number = 0;

        if (end - at < 4)
                return -1;
        for (const unsigned char *p = at; p < at + 4; p++) {
                int digit = *p >= '0' && *p <= '9'   ? *p - '0'
                            : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
                            : *p >= 'A' && *p <= 'F' ? *p - 'A' + 10
                                                     : -1;
                if (digit < 0)
                        return -1;
                number = number * 16 + digit;
        }
        return number;
}

static char *put_utf8(char *out, unsigned rune)
{
        if (rune < 0x80) {
                *out++ = (char)rune;
        } else if (rune < 0x800) {
                *out++ = (char)(0xc0 | rune >> 6);
                *out++ = (char)(0x80 | (rune & 0x3f));
        } else if (rune < 0x10000) {
                *out++ = (char)(0xe0 | rune >> 12);
                *out++ = (char)(0x80 | (rune >> 6 & 0x3f));
                *out++ = (char)(0x80 | (rune & 0x3f));
        } else {
                *out++ = (char)(0xf0 | rune >> 18);
                *out++ = (char)(0x80 | (rune >> 12 & 0x3f));
                *out++ = (char)(0x80 | (rune >> 6 & 0x3f));
                *out++ = (char)(0x80 | (rune & 0x3f));
        }
        return out;
}

/* *at stands behind "\u". */
static char *unescape_rune(struct json_scan *scan, const unsigned char **at,
                           const unsigned char *end, char *out)
{
        int rune = hex_four(*at, end);

        if (rune < 0) {
                scan_refuse(scan, "invalid character in \\u hexadecimal character escape");
                return NULL;
        }
        *at += 4;
        if (rune == 0) {
                scan_refuse(scan, "a text holds NUL (\\u0000)");
                return NULL;
        }
        if (rune >= 0xd800 && rune <= 0xdfff) {
                int low = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u'
                              ? hex_four(*at + 2, end)
                              : -1;
                if (rune > 0xdbff || low < 0xdc00 || low > 0xdfff) {
                        scan_refuse(scan, "a text holds half a surrogate pair (\\u%04x)",
                                    (unsigned)rune);
                        return NULL;
                }
                *at += 6;
                rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
        }
        return put_utf8(out, (unsigned)rune);
}

/* What is written never is longer than what it is read from. */
static char *unescape(struct json_scan *scan, const unsigned char *at, const unsigned char *end,
                      char *out)
{
        static const char plain[256] = {
            ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
            ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
        };

        while (at < end) {
                unsigned char c = *at++;

                if (c != '\\') {
                        *out++ = (char)c;
                        continue;
                }
                c = *at++;
                if (plain[c]) {
                        *out++ = plain[c];
                } else if (c == 'u') {
                        out = unescape_rune(scan, &at, end, out);
                        if (!out)
                                return NULL;
                } else {
                        scan_refuse_byte(scan, c, "in string escape code");
                        return NULL;
                }
        }
        return out;
}

bool scan_string(struct json_scan *scan, struct tree *tree, const char **ret, size_t *ret_length)
{
        const unsigned char *start = ++scan->at;
        bool escaped = false;

        if (!find_quote(scan, &start, &escaped))
                return false;
        size_t length = (size_t)(scan->at - start);
        char *text = tree_room(tree, length);
        if (escaped) {
                char *end = unescape(scan, start, scan->at, text);
                if (!end)
                        return false;
                length = (size_t)(end - text);
        } else {
                memcpy(text, start, length);
        }
        text[length] = '\0';
        scan->at++;
        *ret = text;
        *ret_length = length;
        return true;
}

static const unsigned char *pass_digits(const unsigned char *at)
{
        while (*at >= '0' && *at <= '9')
                at++;
        return at;
}

/* The end of the number that stands there, by the grammar; NULL where it is none. Text ends in a
 * byte that is not of a number. */
static const unsigned char *number_end(const unsigned char *at)
{
        const unsigned char *digits;

        if (*at == '-')
                at++;
        digits = at;
        at = pass_digits(at);
        if (at == digits || (*digits == '0' && at - digits > 1))
                return NULL;
        if (*at == '.') {
                digits = ++at;
                at = pass_digits(at);
                if (at == digits)
                        return NULL;
        }
        if (*at == 'e' || *at == 'E') {
                at++;
                if (*at == '+' || *at == '-')
                        at++;
                digits = at;
                at = pass_digits(at);
                if (at == digits)
                        return NULL;
        }
        return at;
}

static bool is_number_byte(unsigned char c)
{
        return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

bool scan_number(struct json_scan *scan, struct tree *tree, const char **ret)
{
        const unsigned char *start = scan->at;

        for (;;) {
                while (is_number_byte(*scan->at))
                        scan->at++;
                if (scan->at - start > (ptrdiff_t)LOAD_MAX_TEXT)
                        return scan_refuse(scan, "a number is longer than %u bytes", LOAD_MAX_TEXT);
                if (scan->at < scan->end || !more(scan, &start))
                        break;
        }
        size_t length = (size_t)(scan->at - start);
        if (number_end(start) != scan->at)
                return scan_refuse(scan, "invalid numeric literal '%.*s%s'",
                                   (int)(length < 32 ? length : 32), (const char *)start,
                                   length < 32 ? "" : "…");
        *ret = tree_text(tree, (const char *)start, length);
        return true;
}

bool scan_literal(struct json_scan *scan, const char *literal)
{
        for (const char *c = literal; *c; c++) {
                if (scan->at == scan->end && !more(scan, NULL))
                        return refuse_end(scan);
                if (*scan->at != (unsigned char)*c) {
                        char where[48];
                        snprintf(where, sizeof(where), "in literal %s (expecting '%c')", literal,
                                 *c);
                        return scan_refuse_byte(scan, *scan->at, where);
                }
                scan->at++;
        }
        return true;
}

/* Until the extent is closed, window by window. */
static bool skip_extent(struct json_scan *scan, struct extent *extent)
{
        const char *(*pass)(struct extent *, const char *, const char *) =
            extent->in_text ? extent_pass_text : extent_pass;

        for (;;) {
                scan->at = (const unsigned char *)pass(extent, (const char *)scan->at,
                                                       (const char *)scan->end);
                if (extent->depth == 0 && !extent->in_text)
                        return true;
                if (!more(scan, NULL))
                        return refuse_end(scan);
        }
}

static bool is_scalar_byte(unsigned char c)
{
        return is_number_byte(c) || (c >= 'a' && c <= 'z');
}

bool scan_skip(struct json_scan *scan)
{
        int c = scan_next(scan);
        bool any = false;

        if (c == '"')
                scan->at++;
        if (c == '"' || c == '{' || c == '[')
                return skip_extent(scan, &(struct extent){.in_text = c == '"'});
        for (;;) {
                for (; is_scalar_byte(*scan->at); any = true)
                        scan->at++;
                if (scan->at < scan->end || !more(scan, NULL))
                        break;
        }
        return any || scan_refuse_byte(scan, c, "looking for beginning of value");
}

bool scan_is_at_separator(struct json_scan *scan)
{
        while (scan->end - scan->at < 3 && more(scan, NULL))
                ;
        return memcmp(scan->at, "---", 3) == 0;
}
