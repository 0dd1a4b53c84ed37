#include "kube/read/json.h"

#include <string.h>

#include "kube/load.h"
#include "kube/read/keys.h"
#include "kube/read/tree.h"

/* kubectl prints a pod on some 150 lines, of which a third are the blanks that indent them and
 * another third are texts. Both are passed over eight bytes at a time; everything else is a byte or
 * two. Texts are checked where they stand in the window and copied once. */

struct json {
        const struct document_reader *reader;
        struct input *input;
        const unsigned char *at, *end; /* the window; at the end stands a zero */
        unsigned line;
        unsigned depth;
        struct tree *tree; /* of the object that is being read: one of the next two */
        struct tree document, item;
        struct keys keys;
        bool refused; /* the object has a problem but can be read on */
};

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* Eight bytes, the first one lowest. */
static inline uint64_t load_eight(const unsigned char *at)
{
        uint64_t word;

        memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        return word;
}

static bool refuse(struct json *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse_at(struct json *json, unsigned line, const char *text)
{
        struct place place = {json->input->file, line};

        problems_add(json->reader->problems, place, "%s", text);
        return false;
}

/* Reports a problem on the present line; false, so that it can be returned. */
static bool refuse(struct json *json, const char *format, ...)
{
        char text[256];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        return refuse_at(json, json->line, text);
}

static bool refuse_end(struct json *json)
{
        if (json->input->error)
                return refuse(json, "cannot be read: %s", strerror(json->input->error));
        return refuse(json, "unexpected end of JSON input");
}

/* c is what stands there, -1 for the end. */
static bool refuse_byte(struct json *json, int c, const char *where)
{
        if (c < 0)
                return refuse_end(json);
        if (c == '\'' || c == '"')
                return refuse(json, "invalid character %s %s", c == '"' ? "'\"'" : "'\\''", where);
        if (c > ' ' && c < 0x7f)
                return refuse(json, "invalid character '%c' %s", c, where);
        return refuse(json, "invalid character '\\x%02x' %s", (unsigned)c, where);
}

/* Reads on, keeping what stands from *start on (or from at, where start is NULL). Both move. */
static bool more(struct json *json, const unsigned char **start)
{
        const unsigned char *window = (const unsigned char *)json->input->window;
        const unsigned char *keep = start ? *start : json->at;
        size_t ahead = (size_t)(json->at - keep);

        json->input->at = (size_t)(json->at - window);
        bool came = input_more(json->input, (size_t)(keep - window));
        window = (const unsigned char *)json->input->window;
        json->at = window + ahead;
        json->end = window + json->input->end;
        if (start)
                *start = window;
        return came;
}

/* The next byte that is not white space, not taken; -1 at the end. */
static inline int next(struct json *json)
{
        for (;;) {
                unsigned char c = *json->at;

                if (c > ' ')
                        return c;
                if (c == '\n') {
                        uint64_t word;

                        json->line++;
                        json->at++;
                        while ((word = load_eight(json->at) ^ EACH_BYTE(' ')) == 0)
                                json->at += 8;
                        json->at += __builtin_ctzll(word) / 8;
                } else if (c == ' ' || c == '\t' || c == '\r') {
                        json->at++;
                } else if (json->at < json->end) {
                        return c;
                } else if (!more(json, NULL)) {
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

static bool pass_multibyte(struct json *json, const unsigned char **start)
{
        while (json->end - json->at < 4 && more(json, start))
                ;
        size_t length = utf8_length(json->at);
        if (!length)
                return refuse(json, "text is not UTF-8 (byte '\\x%02x')", *json->at);
        json->at += length;
        return true;
}

/* From behind the opening quote to the closing one, which is left at `at`. */
static bool find_quote(struct json *json, const unsigned char **ret_start, bool *ret_escaped)
{
        const unsigned char *start = json->at;
        bool escaped = false;

        for (;;) {
                json->at = pass_plain(json->at);
                unsigned char c = *json->at;

                if (json->at - start > (ptrdiff_t)LOAD_MAX_TEXT)
                        return refuse(json, "a text is longer than %u bytes", LOAD_MAX_TEXT);
                if (c == '"')
                        break;
                if (c >= 0x80) {
                        if (!pass_multibyte(json, &start))
                                return false;
                } else if (json->at == json->end) {
                        if (!more(json, &start))
                                return refuse_end(json);
                } else if (c == '\\') {
                        escaped = true;
                        if (json->end - json->at < 2 && !more(json, &start))
                                return refuse_end(json);
                        json->at += 2;
                } else {
                        return refuse_byte(json, c, "in string literal");
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
static char *unescape_rune(struct json *json, const unsigned char **at, const unsigned char *end,
                           char *out)
{
        int rune = hex_four(*at, end);

        if (rune < 0) {
                refuse(json, "invalid character in \\u hexadecimal character escape");
                return NULL;
        }
        *at += 4;
        if (rune == 0) {
                refuse(json, "a text holds NUL (\\u0000)");
                return NULL;
        }
        if (rune >= 0xd800 && rune <= 0xdfff) {
                int low = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u'
                              ? hex_four(*at + 2, end)
                              : -1;
                if (rune > 0xdbff || low < 0xdc00 || low > 0xdfff) {
                        refuse(json, "a text holds half a surrogate pair (\\u%04x)",
                               (unsigned)rune);
                        return NULL;
                }
                *at += 6;
                rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
        }
        return put_utf8(out, (unsigned)rune);
}

/* What is written never is longer than what it is read from. */
static char *unescape(struct json *json, const unsigned char *at, const unsigned char *end,
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
                        out = unescape_rune(json, &at, end, out);
                        if (!out)
                                return NULL;
                } else {
                        refuse_byte(json, c, "in string escape code");
                        return NULL;
                }
        }
        return out;
}

/* `at` is the opening quote; taken up to behind the closing one. */
static bool read_string(struct json *json, const char **ret, size_t *ret_length)
{
        const unsigned char *start = NULL;
        bool escaped = false;

        json->at++;
        if (!find_quote(json, &start, &escaped))
                return false;
        size_t length = (size_t)(json->at - start);
        char *text = tree_room(json->tree, length);
        if (escaped) {
                char *end = unescape(json, start, json->at, text);
                if (!end)
                        return false;
                length = (size_t)(end - text);
        } else {
                memcpy(text, start, length);
        }
        text[length] = '\0';
        json->at++;
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

static bool read_number(struct json *json, struct value *value)
{
        const unsigned char *start = json->at;

        for (;;) {
                while (is_number_byte(*json->at))
                        json->at++;
                if (json->at - start > (ptrdiff_t)LOAD_MAX_TEXT)
                        return refuse(json, "a number is longer than %u bytes", LOAD_MAX_TEXT);
                if (json->at < json->end || !more(json, &start))
                        break;
        }
        size_t length = (size_t)(json->at - start);
        if (number_end(start) != json->at)
                return refuse(json, "invalid numeric literal '%.*s%s'",
                              (int)(length < 32 ? length : 32), (const char *)start,
                              length < 32 ? "" : "…");
        value->kind = VALUE_NUMBER;
        value->text = tree_text(json->tree, (const char *)start, length);
        return true;
}

static bool read_literal(struct json *json, const char *literal)
{
        for (const char *c = literal; *c; c++) {
                if (json->at == json->end && !more(json, NULL))
                        return refuse_end(json);
                if (*json->at != (unsigned char)*c) {
                        char where[48];
                        snprintf(where, sizeof(where), "in literal %s (expecting '%c')", literal,
                                 *c);
                        return refuse_byte(json, *json->at, where);
                }
                json->at++;
        }
        return true;
}

static bool read_value(struct json *json, struct value *value);

static bool enter(struct json *json)
{
        json->at++;
        if (++json->depth > LOAD_MAX_DEPTH)
                return refuse(json, "nested deeper than %d", LOAD_MAX_DEPTH);
        return true;
}

/* Takes the ',' that another item or member follows, or the closing bracket. */
static bool separator(struct json *json, char close, const char *where, bool *ret_another)
{
        int c = next(json);

        if (c != ',' && c != close)
                return refuse_byte(json, c, where);
        json->at++;
        *ret_another = c == ',';
        return true;
}

static bool read_list(struct json *json, struct value *list)
{
        struct value **tail = &list->first;
        bool another = true;

        list->kind = VALUE_LIST;
        if (!enter(json))
                return false;
        if (next(json) == ']') {
                json->at++;
                another = false;
        }
        while (another) {
                next(json);
                struct value *item = tree_value(json->tree, VALUE_NULL, json->line);
                *tail = item;
                tail = &item->next;
                if (!read_value(json, item) ||
                    !separator(json, ']', "after array element", &another))
                        return false;
        }
        json->depth--;
        return true;
}

/* An item of the document's list: a tree of its own, handed over and forgotten. */
static bool read_item(struct json *json, const struct value *document)
{
        bool refused = json->refused;

        json->refused = false;
        json->tree = &json->item;
        tree_reset(json->tree);
        next(json);
        struct value *item = tree_value(json->tree, VALUE_NULL, json->line);
        if (!read_value(json, item))
                return false;
        if (!json->refused)
                json->reader->visitor->item(json->reader->visitor->context, document, item);
        json->tree = &json->document;
        json->refused = refused;
        return true;
}

static bool read_items(struct json *json, const struct value *document, struct value *list)
{
        bool another = true;

        list->kind = VALUE_LIST;
        if (!enter(json))
                return false;
        if (next(json) == ']') {
                json->at++;
                another = false;
        }
        while (another)
                if (!read_item(json, document) ||
                    !separator(json, ']', "after array element", &another))
                        return false;
        json->depth--;
        return true;
}

static struct value *read_key(struct json *json, size_t mark)
{
        int c = next(json);
        size_t length;

        if (c != '"') {
                refuse_byte(json, c, "looking for beginning of object key string");
                return NULL;
        }
        struct value *member = tree_value(json->tree, VALUE_NULL, json->line);
        if (!read_string(json, &member->key, &length))
                return NULL;
        keys_add(&json->keys, mark, member, length);
        c = next(json);
        if (c != ':') {
                refuse_byte(json, c, "after object key");
                return NULL;
        }
        json->at++;
        return member;
}

static void check_keys(struct json *json, size_t mark)
{
        const struct value *before, *second = keys_end(&json->keys, mark, &before);
        char text[256];

        if (!second)
                return;
        snprintf(text, sizeof(text), "key \"%.150s\" already set in map on line %u", second->key,
                 before->line);
        refuse_at(json, second->line, text);
        json->refused = true;
}

static bool is_items(const struct json *json, const struct value *member)
{
        return json->depth == 1 && *json->at == '[' && strcmp(member->key, "items") == 0;
}

static bool read_map(struct json *json, struct value *map)
{
        struct value **tail = &map->first;
        size_t mark = keys_mark(&json->keys);
        bool another = true;

        map->kind = VALUE_MAP;
        if (!enter(json))
                return false;
        if (next(json) == '}') {
                json->at++;
                another = false;
        }
        while (another) {
                struct value *member = read_key(json, mark);
                if (!member)
                        return false;
                next(json);
                bool read = is_items(json, member) ? read_items(json, map, member)
                                                   : read_value(json, member);
                *tail = member;
                tail = &member->next;
                if (!read || !separator(json, '}', "after object key:value pair", &another))
                        return false;
        }
        check_keys(json, mark);
        json->depth--;
        return true;
}

static bool read_value(struct json *json, struct value *value)
{
        int c = next(json);
        size_t length;

        if (tree_too_large(json->tree))
                return refuse(json, "an object is larger than %u bytes", LOAD_MAX_OBJECT_BYTES);
        switch (c) {
        case '"':
                value->kind = VALUE_STRING;
                return read_string(json, &value->text, &length);
        case '{':
                return read_map(json, value);
        case '[':
                return read_list(json, value);
        case 't':
        case 'f':
                value->kind = VALUE_BOOL;
                value->boolean = c == 't';
                return read_literal(json, c == 't' ? "true" : "false");
        case 'n':
                return read_literal(json, "null");
        default:
                if (c == '-' || (c >= '0' && c <= '9'))
                        return read_number(json, value);
                return refuse_byte(json, c, "looking for beginning of value");
        }
}

static bool read_document(struct json *json)
{
        const struct document_visitor *visitor = json->reader->visitor;

        json->refused = false;
        json->depth = 0;
        json->keys.n = 0;
        json->tree = &json->document;
        tree_reset(json->tree);
        struct value *root = tree_value(json->tree, VALUE_MAP, json->line);
        bool read = read_map(json, root);
        visitor->document(visitor->context, read && !json->refused ? root : NULL);
        return read;
}

static bool is_separator(struct json *json)
{
        while (json->end - json->at < 3 && more(json, NULL))
                ;
        return memcmp(json->at, "---", 3) == 0;
}

static enum json_end read_documents(struct json *json)
{
        for (;;) {
                int c = next(json);

                if (c == '{') {
                        if (!read_document(json))
                                return JSON_BROKEN;
                } else if (c == '-' && is_separator(json)) {
                        return JSON_YAML;
                } else if (c < 0 && !json->input->error) {
                        return JSON_END;
                } else {
                        refuse_byte(json, c, "looking for the next document");
                        return JSON_BROKEN;
                }
        }
}

enum json_end json_read(const struct document_reader *reader)
{
        struct input *input = reader->input;
        const unsigned char *window = (const unsigned char *)input->window;
        struct json json = {
            .reader = reader,
            .input = input,
            .at = window + input->at,
            .end = window + input->end,
            .line = input->line,
            .document = tree_new(),
            .item = tree_new(),
        };
        enum json_end end = read_documents(&json);

        input->at = (size_t)(json.at - (const unsigned char *)input->window);
        input->line = json.line;
        tree_done(&json.document);
        tree_done(&json.item);
        keys_done(&json.keys);
        return end;
}
