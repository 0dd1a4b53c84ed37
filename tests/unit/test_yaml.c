#include "unit.h"

#include <stdio.h>

#include "base/vec.h"
#include "document_text.h"
#include "kube/load.h"
#include "kube/read/yaml.h"

static char *read_yaml(const char *text)
{
        return read_text(text, strlen(text), false, yaml_read);
}

struct row {
        const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char *got = read_yaml(rows[i].text);
                if (strcmp(got, rows[i].expected) != 0)
                        print_message("reading %s\n", rows[i].text);
                assert_string_equal(got, rows[i].expected);
                free(got);
        }
}

/* As go-yaml v2 reads YAML 1.1 for kubectl: "v: TEXT" gives {'v': EXPECTED}. */
static void what_a_scalar_means(void **state)
{
        static const struct row rows[] = {
            /* booleans */
            {"true", "true"},
            {"True", "true"},
            {"TRUE", "true"},
            {"yes", "true"},
            {"Yes", "true"},
            {"on", "true"},
            {"ON", "true"},
            {"y", "true"},
            {"Y", "true"},
            {"false", "false"},
            {"no", "false"},
            {"NO", "false"},
            {"Off", "false"},
            {"n", "false"},
            {"N", "false"},
            {"tRue", "'tRue'"},
            {"yES", "'yES'"},
            {"oN", "'oN'"},
            /* null */
            {"", "null"},
            {"~", "null"},
            {"null", "null"},
            {"Null", "null"},
            {"NULL", "null"},
            {"nULL", "'nULL'"},
            {"none", "'none'"},
            {"nil", "'nil'"},
            /* integers */
            {"0", "0"},
            {"80", "80"},
            {"-1", "-1"},
            {"+5", "5"},
            {"1_000", "1000"},
            {"1__0_", "10"},
            {"0x1F", "31"},
            {"0X1f", "31"},
            {"-0x10", "-16"},
            {"0x_0A_74_AE", "685230"},
            {"017", "15"},
            {"0o17", "15"},
            {"0O17", "15"},
            {"-017", "-15"},
            {"0b1010", "10"},
            {"-0b101010", "-42"},
            {"00", "0"},
            {"08", "8"}, /* no octal, so a decimal with a zero in front */
            {"9223372036854775807", "9223372036854775807"},
            {"18446744073709551616", "18446744073709551616"},
            {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"},
            {"-0x8000000000000000", "-9223372036854775808"},
            {"0x", "'0x'"},
            {"0x1G", "'0x1G'"},
            {"0b12", "'0b12'"},
            {"_1", "'_1'"},
            {"1,000", "'1,000'"},
            {"80/tcp", "'80/tcp'"},
            {"1:30", "'1:30'"}, /* no base 60 */
            /* floating point */
            {"1.10", "1.10"},
            {"1.", "1"},
            {".5", "0.5"},
            {"-.5", "-0.5"},
            {"+1.5", "1.5"},
            {"01.50", "1.50"},
            {"685_230.15", "685230.15"},
            {"1e3", "1e3"},
            {"1.e3", "1e3"},
            {"1E+05", "1E+05"},
            {"80.0", "80.0"},
            {"1e400", "'1e400'"}, /* past a double: a string to Go */
            {".5_0", "'.5_0'"},
            {".", "'.'"},
            {"1.2.3", "'1.2.3'"},
            {"10.0.0.1", "'10.0.0.1'"},
            {"1e", "'1e'"},
            {"inf", "'inf'"},
            {"nan", "'nan'"},
            /* strings */
            {"\"80\"", "'80'"},
            {"'80'", "'80'"},
            {"\"true\"", "'true'"},
            {"'~'", "'~'"},
            {"\"\"", "''"},
            {"2001-12-14", "'2001-12-14'"},
            {"2001-12-14t21:59:43.10-05:00", "'2001-12-14t21:59:43.10-05:00'"},
            {"|\n  80\n", "'80\n'"},
            {">-\n  a\n  b\n", "'a b'"},
            {"\"\\u00e4\\x41\"", "'äA'"},
            {"=", "'='"},
            /* tags */
            {"!!str 80", "'80'"},
            {"!!str yes", "'yes'"},
            {"!!str", "''"},
            {"!!int \"80\"", "80"},
            {"!!int 0x10", "16"},
            {"!!float 80", "80"},
            {"!!bool \"yes\"", "true"},
            {"!!null ''", "null"},
            {"!!timestamp 2001-12-14", "'2001-12-14'"},
            {"!<tag:yaml.org,2002:str> 1", "'1'"},
            {"! 12", "'12'"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[128], expected[128];

                snprintf(text, sizeof(text), "v: %s", rows[i].text);
                snprintf(expected, sizeof(expected), "{'v': %s}\n", rows[i].expected);
                char *got = read_yaml(text);
                if (strcmp(got, expected) != 0)
                        print_message("reading %s\n", text);
                assert_string_equal(got, expected);
                free(got);
        }
}

static void what_json_cannot_hold_is_refused(void **state)
{
        static const struct row rows[] = {
            {"v: .inf", "refused\n1: JSON cannot hold the number `.inf`\n"},
            {"v: -.Inf", "refused\n1: JSON cannot hold the number `-.Inf`\n"},
            {"v: .NaN", "refused\n1: JSON cannot hold the number `.NaN`\n"},
            {"v: 0x1FFFFFFFFFFFFFFFF",
             "refused\n1: JSON cannot hold the number `0x1FFFFFFFFFFFFFFFF`\n"},
            {"v: !!int abc", "refused\n1: cannot decode `abc` as a !!int\n"},
            {"v: !!int 1.5", "refused\n1: cannot decode `1.5` as a !!int\n"},
            {"v: !!bool 1", "refused\n1: cannot decode `1` as a !!bool\n"},
            {"v: !!null x", "refused\n1: cannot decode `x` as a !!null\n"},
            {"v: !!binary gIGC", "refused\n1: cannot take `gIGC` with the tag !!binary\n"},
            {"v: !mine x", "refused\n1: cannot take `x` with the tag !mine\n"},
            {"v: !!set {a}", "refused\n1: cannot take a map or list with the tag "
                             "tag:yaml.org,2002:set\n"},
            {"v: !!map {a: 1}", "{'v': {'a': 1}}\n"},
            {"v: !!seq [1]", "{'v': [1]}\n"},
            {"v: \"a\\0b\"", "refused\n1: a text holds NUL\n"},
            {"v: \"\\ud800\"", "refused\n1: found invalid Unicode character escape code while "
                               "parsing a quoted scalar\n"},
            {"a: 1\nb: \x01", "2: control characters are not allowed (\\x01)\n"},
            {"a: 1\nb: \xff", "2: invalid leading UTF-8 octet (\\xff)\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void keys_become_texts(void **state)
{
        static const struct row rows[] = {
            {"true: a", "{'true': 'a'}\n"},
            {"on: a", "{'true': 'a'}\n"},
            {"no: a", "{'false': 'a'}\n"},
            {"1: a", "{'1': 'a'}\n"},
            {"0x10: a", "{'16': 'a'}\n"},
            {"1.10: a", "{'1.1': 'a'}\n"},
            {"80.0: a", "{'80': 'a'}\n"},
            {"1e6: a", "{'1e+06': 'a'}\n"},
            {"0.00001: a", "{'1e-05': 'a'}\n"},
            {"3.1415926535: a", "{'3.1415927': 'a'}\n"},
            {"'1': a", "{'1': 'a'}\n"},
            {"2001-12-14: a", "{'2001-12-14': 'a'}\n"},
            {"? a\n: b", "{'a': 'b'}\n"},
            {"~: a", "refused\n1: unsupported map key: null\n"},
            {"? [a]\n: b", "refused\n1: invalid map key: a map or list\n"},
            {"{{a: b}: c}", "refused\n1: invalid map key: a map or list\n"},
            {"a: &x [1]\n? *x\n: b", "refused\n2: unsupported map key: a map or list\n"},
            {"a: &x k\n*x : b", "{'a': 'k', 'k': 'b'}\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void a_key_given_twice_is_refused_with_both_lines(void **state)
{
        static const struct row rows[] = {
            {"a: 1\nb: 2\na: 3", "refused\n3: key \"a\" already set in map on line 1\n"},
            {"a:\n  b: 1\n  b: 1", "refused\n3: key \"b\" already set in map on line 2\n"},
            {"1: a\n'1': b", "refused\n2: key \"1\" already set in map on line 1\n"},
            {"yes: a\ntrue: b", "refused\n2: key \"true\" already set in map on line 1\n"},
            {"a: 1\na: 2\n---\nb: 1", "refused\n{'b': 1}\n2: key \"a\" already set in map on line "
                                      "1\n"},
            {"items:\n- {a: 1, a: 2}\n- {b: 1}",
             "item {'b': 1}\n{'items': []}\n2: key \"a\" already set in map on line 2\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void anchors_and_aliases(void **state)
{
        static const struct row rows[] = {
            {"a: &x 1\nb: *x", "{'a': 1, 'b': 1}\n"},
            {"a: &x {c: [1]}\nb: *x\nd: [*x, *x]",
             "{'a': {'c': [1]}, 'b': {'c': [1]}, 'd': [{'c': [1]}, {'c': [1]}]}\n"},
            {"a: &x 1\nb: &x 2\nc: *x", "{'a': 1, 'b': 2, 'c': 2}\n"},
            {"a: &x [&x 1]\nb: *x", "{'a': [1], 'b': 1}\n"},
            {"a: *x", "refused\n1: unknown anchor 'x' referenced\n"},
            {"a: &x [*x]", "refused\n1: anchor 'x' value contains itself\n"},
            {"&x\na: *x", "refused\n2: anchor 'x' value contains itself\n"},
            {"a: &x 1\n---\nb: *x", "{'a': 1}\nrefused\n3: unknown anchor 'x' referenced\n"},
            /* an item is forgotten, what it anchors is not */
            {"items:\n- a: &x {b: 1}\n- *x\n- c: *x\nd: *x",
             "item {'a': {'b': 1}}\nitem {'b': 1}\nitem {'c': {'b': 1}}\n"
             "{'items': [], 'd': {'b': 1}}\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void merge_keys(void **state)
{
        static const struct row rows[] = {
            {"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  e: 3",
             "{'a': {'b': 1, 'c': 2}, 'd': {'b': 1, 'c': 2, 'e': 3}}\n"},
            /* what is given prevails over what was merged */
            {"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3",
             "{'a': {'b': 1, 'c': 2}, 'd': {'c': 2, 'b': 3}}\n"},
            /* of several, the earlier */
            {"a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}",
             "{'a': {'b': 1}, 'c': {'b': 2, 'd': 3}, 'e': {'b': 1, 'd': 3}}\n"},
            {"a: {<<: {b: 1}, c: 2}", "{'a': {'b': 1, 'c': 2}}\n"},
            {"a: {\"<<\": {b: 1}}", "{'a': {'<<': {'b': 1}}}\n"},
            /* the specification and kubectl's reader differ: neither is guessed */
            {"a: &x {b: 1}\nd:\n  b: 3\n  <<: *x",
             "refused\n3: key \"b\" is set here and again by a \"<<\" that follows: put the "
             "\"<<\" first\n"},
            {"a: {<<: {b: 1}, c: 1, c: 2}", "refused\n1: key \"c\" already set in map on line 1\n"},
            {"a:\n  <<: {b: 1}\n  <<: {c: 1}",
             "refused\n3: key \"<<\" already set in map on line 2\n"},
            {"a: {<<: 1}", "refused\n1: map merge requires map or sequence of maps as the value\n"},
            {"a: {<<: [{b: 1}, 2]}",
             "refused\n1: map merge requires map or sequence of maps as the value\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void documents(void **state)
{
        static const struct row rows[] = {
            {"", ""},
            {"# nothing\n", ""},
            {"---\n---\n# nothing\n---\n", ""},
            {"a: 1\n---\nb: 2\n...\n---\nc: 3", "{'a': 1}\n{'b': 2}\n{'c': 3}\n"},
            {"%YAML 1.1\n---\na: 1\n", "{'a': 1}\n"},
            {"--- # first\na: 1\n--- {b: 2}\n", "{'a': 1}\n{'b': 2}\n"},
            {"null", ""},
            {"text", "'text'\n"},
            {"- 1\n- 2", "[1, 2]\n"},
            {"a: |\n  x\n  --- y\n", "{'a': 'x\n--- y\n'}\n"},
            {"{\"a\": [1, \"x\"]}", "{'a': [1, 'x']}\n"},
            {"a: 1\n---\nb: [\n---\nc: 1",
             "{'a': 1}\nrefused\n4: did not find expected node content while parsing a flow "
             "node\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void ends_of_lines_tabs_and_marks(void **state)
{
        static const struct row rows[] = {
            {"a: 1\r\nb:\r\n  - x\r\n", "{'a': 1, 'b': ['x']}\n"},
            {"a: |\r\n  x\r\n  y\r\n", "{'a': 'x\ny\n'}\n"},
            {"\xef\xbb\xbf"
             "a: 1",
             "{'a': 1}\n"},
            {"a:\tx", "{'a': 'x'}\n"},
            {"a: x\t# y", "{'a': 'x'}\n"},
            {"a:\n\tb: 1", "refused\n2: found character that cannot start any token while scanning "
                           "for the next token (a tab: only spaces indent YAML)\n"},
            {"a: @b", "refused\n1: found character that cannot start any token while scanning "
                      "for the next token\n"},
            {"a: b\n\tc: d", "refused\n2: found a tab character that violates indentation while "
                             "scanning a plain scalar from line 1 on\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));

        static const char utf16[] = "\xff\xfe"
                                    "a\0:\0 \0\xe4\0";
        char *got = read_text(utf16, 10, false, yaml_read);
        assert_string_equal(got, "{'a': 'ä'}\n");
        free(got);
}

static void items_are_handed_over_one_by_one(void **state)
{
        static const struct row rows[] = {
            {"kind: List\nitems:\n- a: 1\n- b: 2\nz: 1",
             "item {'a': 1}\nitem {'b': 2}\n{'kind': 'List', 'items': [], 'z': 1}\n"},
            {"items: []", "{'items': []}\n"},
            {"a: {items: [1]}", "{'a': {'items': [1]}}\n"},
            {"items: {a: [1]}", "{'items': {'a': [1]}}\n"},
            {"- items: [1]", "[{'items': [1]}]\n"},
            /* a list that something may refer to is kept whole */
            {"items: &x [{a: 1}]\nz: *x", "{'items': [{'a': 1}], 'z': [{'a': 1}]}\n"},
            {"items:\n- a: 1\n- b: [",
             "item {'a': 1}\nrefused\n4: did not find expected node content while parsing a flow "
             "node\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void values_know_their_lines(void **state)
{
        const char *text = "# x\na:\n- 1\n-\n  b: &x\n    c: w\n---\n\nd: |\n  text\ne: z\n";
        char *got = read_text(text, strlen(text), true, yaml_read);

        assert_string_equal(got, "{'a': [1@3, {'b': {'c': 'w'@6}@5}@5]@2}@2\n"
                                 "{'d': 'text\n'@9, 'e': 'z'@11}@9\n");
        free(got);
}

static char *repeated(const char *before, const char *part, size_t n, const char *after)
{
        struct strbuf text = {0};

        strbuf_add(&text, before);
        for (size_t i = 0; i < n; i++)
                strbuf_add(&text, part);
        strbuf_add(&text, after);
        return text.text;
}

static void check_repeated(const char *before, const char *part, size_t n, const char *after,
                           const char *expected)
{
        char *text = repeated(before, part, n, after), *got = read_yaml(text);

        assert_string_equal(got, expected);
        free(got);
        free(text);
}

static void caps(void **state)
{
        check_repeated("a: ", "[", 100, "", "refused\n1: nested deeper than 100\n");
        check_repeated("a: '", "x", LOAD_MAX_TEXT + 1, "'",
                       "refused\n1: a text is longer than 1048576 bytes\n");
        check_repeated("a: [", "1,", LOAD_MAX_OBJECT_BYTES / sizeof(struct value), "]",
                       "refused\n1: an object is larger than 16777216 bytes\n");
        check_repeated("a: '", "x", LOAD_MAX_OBJECT_BYTES + 100000, "'",
                       "refused\n1: cannot be read: a scalar or comment is larger than an object "
                       "may be\n");
        check_repeated("", "%TAG !a! b\n", 20000, "--- a",
                       "1: cannot be read: too many directives\n");
}

/* Ten levels of ten aliases are ten thousand million nodes. */
static void a_bomb_of_aliases_does_not_go_off(void **state)
{
        struct strbuf text = {0};

        strbuf_add(&text, "a0: &a0 x\n");
        for (unsigned level = 1; level <= 10; level++) {
                strbuf_printf(&text, "a%u: &a%u [", level, level);
                for (unsigned i = 0; i < 10; i++)
                        strbuf_printf(&text, "*a%u,", level - 1);
                strbuf_add(&text, "]\n");
        }
        char *got = read_yaml(text.text);
        assert_string_equal(
            got, "refused\n6: document contains excessive aliasing (more than 100000 nodes)\n");
        free(got);
        strbuf_done(&text);
}

/* Each level is one deeper than the one it refers to, so depth grows without nesting. */
static void depth_counts_through_aliases(void **state)
{
        struct strbuf text = {0};

        strbuf_add(&text, "a0: &a0 [x]\n");
        for (unsigned level = 1; level <= 200; level++)
                strbuf_printf(&text, "a%u: &a%u [*a%u]\n", level, level, level - 1);
        char *got = read_yaml(text.text);
        assert_string_equal(got, "refused\n100: nested deeper than 100\n");
        free(got);
        strbuf_done(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_a_scalar_means),
            cmocka_unit_test(what_json_cannot_hold_is_refused),
            cmocka_unit_test(keys_become_texts),
            cmocka_unit_test(a_key_given_twice_is_refused_with_both_lines),
            cmocka_unit_test(anchors_and_aliases),
            cmocka_unit_test(merge_keys),
            cmocka_unit_test(documents),
            cmocka_unit_test(ends_of_lines_tabs_and_marks),
            cmocka_unit_test(items_are_handed_over_one_by_one),
            cmocka_unit_test(values_know_their_lines),
            cmocka_unit_test(caps),
            cmocka_unit_test(a_bomb_of_aliases_does_not_go_off),
            cmocka_unit_test(depth_counts_through_aliases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
