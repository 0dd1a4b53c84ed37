#include "kube/read/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define CORE "tag:yaml.org,2002:"

struct word {
        const char *text;
        enum value_kind kind;
        bool boolean;
};

static const struct word words[] = {
    {"", VALUE_NULL, false},      {"~", VALUE_NULL, false},     {"null", VALUE_NULL, false},
    {"Null", VALUE_NULL, false},  {"NULL", VALUE_NULL, false},  {"y", VALUE_BOOL, true},
    {"Y", VALUE_BOOL, true},      {"yes", VALUE_BOOL, true},    {"Yes", VALUE_BOOL, true},
    {"YES", VALUE_BOOL, true},    {"true", VALUE_BOOL, true},   {"True", VALUE_BOOL, true},
    {"TRUE", VALUE_BOOL, true},   {"on", VALUE_BOOL, true},     {"On", VALUE_BOOL, true},
    {"ON", VALUE_BOOL, true},     {"n", VALUE_BOOL, false},     {"N", VALUE_BOOL, false},
    {"no", VALUE_BOOL, false},    {"No", VALUE_BOOL, false},    {"NO", VALUE_BOOL, false},
    {"false", VALUE_BOOL, false}, {"False", VALUE_BOOL, false}, {"FALSE", VALUE_BOOL, false},
    {"off", VALUE_BOOL, false},   {"Off", VALUE_BOOL, false},   {"OFF", VALUE_BOOL, false},
};

/* JSON has no such numbers. */
static const char *const not_finite[] = {
    ".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
    "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
};

enum reading { READING_STRING, READING_WORD, READING_INTEGER, READING_FLOAT, READING_REFUSED };

static const struct word *word_find(const char *text)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(words[i].text, text) == 0)
                        return &words[i];
        return NULL;
}

static bool is_not_finite(const char *text)
{
        for (size_t i = 0; i < ARRAY_SIZE(not_finite); i++)
                if (strcmp(not_finite[i], text) == 0)
                        return true;
        return false;
}

static size_t digits_of(const char *text, unsigned base)
{
        size_t n = 0;

        for (;; n++) {
                unsigned c = (unsigned char)text[n];
                unsigned digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

                if (c < '0' || (c > '9' && c < 'A') || digit >= base)
                        return n;
        }
}

/* 0x, 0o, 0b, and 0 alone for octal, as Go's ParseInt with base 0. */
static unsigned base_of(const char **digits)
{
        const char *text = *digits;

        if (text[0] != '0' || text[1] == '\0')
                return 10;
        switch (text[1] | 0x20) {
        case 'x':
                *digits += 2;
                return 16;
        case 'o':
                *digits += 2;
                return 8;
        case 'b':
                *digits += 2;
                return 2;
        default:
                *digits += 1;
                return 8;
        }
}

/* Decimals of any length keep their text: whether they fit is judged where they are used. */
static enum reading read_integer(struct tree *tree, const char *text, const char **ret)
{
        bool negative = *text == '-';
        const char *digits = text + (*text == '-' || *text == '+');
        unsigned base = base_of(&digits);
        size_t n = digits_of(digits, base);
        char number[32];

        if (n == 0 || digits[n] != '\0')
                return READING_STRING;
        if (base == 10) {
                *ret = tree_text(tree, negative ? text : digits, n + negative);
                return READING_INTEGER;
        }
        errno = 0;
        unsigned long long magnitude = strtoull(digits, NULL, (int)base);
        if (errno == ERANGE || (negative && magnitude > (uint64_t)INT64_MAX + 1))
                return READING_REFUSED;
        int length =
            snprintf(number, sizeof(number), "%s%llu", negative && magnitude ? "-" : "", magnitude);
        *ret = tree_text(tree, number, (size_t)length);
        return READING_INTEGER;
}

/* [-+]? (.d+ | d+ (.d*)?) ([eE][-+]?d+)? */
static bool is_float(const char *text)
{
        text += *text == '-' || *text == '+';
        size_t whole = digits_of(text, 10), fraction = 0;
        text += whole;
        if (*text == '.') {
                text++;
                fraction = digits_of(text, 10);
                text += fraction;
        }
        if (whole + fraction == 0)
                return false;
        if (*text == 'e' || *text == 'E') {
                text++;
                text += *text == '-' || *text == '+';
                size_t exponent = digits_of(text, 10);
                if (exponent == 0)
                        return false;
                text += exponent;
        }
        return *text == '\0';
}

/* The same number as JSON writes it: no plus, no zeros in front, digits on both sides of the point.
 */
static const char *json_float(struct tree *tree, const char *text)
{
        char *out = tree_room(tree, strlen(text) + 1), *end = out;

        if (*text == '-')
                *end++ = '-';
        text += *text == '-' || *text == '+';
        while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
                text++;
        if (*text == '.')
                *end++ = '0';
        for (; *text; text++)
                if (*text != '.' || (text[1] >= '0' && text[1] <= '9'))
                        *end++ = *text;
        *end = '\0';
        return out;
}

static enum reading read_float(struct tree *tree, const char *text, const char **ret)
{
        if (!is_float(text) || isinf(strtod(text, NULL)))
                return READING_STRING;
        *ret = json_float(tree, text);
        return READING_FLOAT;
}

static char *without_underscores(struct tree *tree, const char *text, size_t length)
{
        char *out = tree_room(tree, length), *end = out;

        for (; *text; text++)
                if (*text != '_')
                        *end++ = *text;
        *end = '\0';
        return out;
}

static enum reading read_number(struct tree *tree, const char *text, size_t length,
                                const char **ret)
{
        if (*text == '.') /* here an underscore makes it a string */
                return read_float(tree, text, ret);
        if (*text != '+' && *text != '-' && (*text < '0' || *text > '9'))
                return READING_STRING;
        if (memchr(text, '_', length))
                text = without_underscores(tree, text, length);
        enum reading reading = read_integer(tree, text, ret);
        return reading == READING_STRING ? read_float(tree, text, ret) : reading;
}

static enum reading read_plain(struct tree *tree, const struct scalar *scalar, struct value *value)
{
        const struct word *word = scalar->length <= 5 ? word_find(scalar->text) : NULL;

        if (word) {
                value->kind = word->kind;
                value->boolean = word->boolean;
                return READING_WORD;
        }
        enum reading reading = read_number(tree, scalar->text, scalar->length, &value->text);
        if (reading == READING_INTEGER || reading == READING_FLOAT)
                value->kind = VALUE_NUMBER;
        else if (reading == READING_STRING && is_not_finite(scalar->text))
                reading = READING_REFUSED;
        return reading;
}

/* The kind that a core tag asks for; false for one that is not a scalar's. */
static bool tag_kind(const char *tag, enum value_kind *ret)
{
        static const struct {
                const char *name;
                enum value_kind kind;
        } tags[] = {
            {"!", VALUE_STRING}, /* "not what it looks like" */
            {CORE "str", VALUE_STRING}, {CORE "timestamp", VALUE_STRING}, {CORE "bool", VALUE_BOOL},
            {CORE "int", VALUE_NUMBER}, {CORE "float", VALUE_NUMBER},     {CORE "null", VALUE_NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
                if (strcmp(tags[i].name, tag) == 0) {
                        *ret = tags[i].kind;
                        return true;
                }
        return false;
}

static const char *short_tag(struct tree *tree, const char *tag)
{
        size_t prefix = strlen(CORE);

        return strncmp(tag, CORE, prefix) == 0 ? arena_printf(tree->arena, "!!%.40s", tag + prefix)
                                               : tag;
}

static bool refuse_tag(struct tree *tree, const struct scalar *scalar, const char *what,
                       const char *how, const char **ret_why)
{
        *ret_why = arena_printf(tree->arena, "%s `%.40s` %s %.60s", what, scalar->text, how,
                                short_tag(tree, scalar->tag));
        return false;
}

static void take_as_string(struct tree *tree, const struct scalar *scalar, struct value *value)
{
        value->kind = VALUE_STRING;
        value->text = tree_text(tree, scalar->text, scalar->length);
}

bool scalar_resolve(struct tree *tree, const struct scalar *scalar, struct value *value,
                    const char **ret_why)
{
        enum value_kind wanted = VALUE_STRING;

        if (scalar->tag && !tag_kind(scalar->tag, &wanted))
                return refuse_tag(tree, scalar, "cannot take", "with the tag", ret_why);
        if (scalar->tag ? wanted == VALUE_STRING : !scalar->plain) {
                take_as_string(tree, scalar, value);
                return true;
        }
        enum reading reading = read_plain(tree, scalar, value);
        if (reading == READING_REFUSED) {
                *ret_why =
                    arena_printf(tree->arena, "JSON cannot hold the number `%.40s`", scalar->text);
                return false;
        }
        if (reading == READING_STRING)
                take_as_string(tree, scalar, value);
        bool float_as_int =
            scalar->tag && reading == READING_FLOAT && strcmp(scalar->tag, CORE "int") == 0;
        if (scalar->tag && (value->kind != wanted || float_as_int))
                return refuse_tag(tree, scalar, "cannot decode", "as a", ret_why);
        return true;
}

/* Go's FormatFloat(f, 'g', -1, 32): as few digits as tell the float32 from its neighbours. */
static const char *shortest_float(struct tree *tree, float number)
{
        char text[64];
        int precision = 0;

        do
                snprintf(text, sizeof(text), "%.*e", precision, (double)number);
        while (strtof(text, NULL) != number && ++precision < 9);
        int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        if (exponent >= -4 && exponent < 6)
                snprintf(text, sizeof(text), "%.*f",
                         precision > exponent ? precision - exponent : 0, (double)number);
        return tree_text(tree, text, strlen(text));
}

const char *scalar_key(struct tree *tree, const struct value *key)
{
        switch (key->kind) {
        case VALUE_STRING:
                return key->text;
        case VALUE_BOOL:
                return key->boolean ? "true" : "false";
        case VALUE_NUMBER:
                return strpbrk(key->text, ".eE") ? shortest_float(tree, strtof(key->text, NULL))
                                                 : key->text;
        default:
                return NULL;
        }
}
