#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/vec.h"
#include "document_text.h"
#include "kube/load.h"
#include "kube/read/json.h"

static int read_all(const struct document_reader *reader)
{
        return (int)json_read(reader);
}

static char *read_json(const char *text)
{
        return read_text(text, strlen(text), false, read_all);
}

struct row {
        const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char *got = read_json(rows[i].text);
                if (strcmp(got, rows[i].expected) != 0)
                        print_message("reading %s\n", rows[i].text);
                assert_string_equal(got, rows[i].expected);
                free(got);
        }
}

static void what_json_is(void **state)
{
        static const struct row rows[] = {
            {"", ""},
            {" \t\r\n", ""},
            {"{}", "{}\n"},
            {"\xef\xbb\xbf{}", "{}\n"}, /* a byte order mark */
            {"{\"a\":null,\"b\":true,\"c\":false,\"d\":[],\"e\":{}}",
             "{'a': null, 'b': true, 'c': false, 'd': [], 'e': {}}\n"},
            {"{ \"a\" : [ 1 , [ 2 ] , { \"b\" : \"c\" } ] } ", "{'a': [1, [2], {'b': 'c'}]}\n"},
            /* documents follow each other with or without white space */
            {"{\"a\":1}{\"b\":2}\n{}", "{'a': 1}\n{'b': 2}\n{}\n"},
            {"{}\r\n{}\r\n", "{}\n{}\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void numbers_keep_their_text(void **state)
{
        static const struct row rows[] = {
            {"{\"n\":0}", "{'n': 0}\n"},
            {"{\"n\":-0}", "{'n': -0}\n"},
            {"{\"n\":1.10}", "{'n': 1.10}\n"},
            {"{\"n\":-12.5e+07}", "{'n': -12.5e+07}\n"},
            {"{\"n\":9223372036854775808}", "{'n': 9223372036854775808}\n"},
            {"{\"n\":1E400}", "{'n': 1E400}\n"},
            {"{\"n\":01}", "refused\n1: invalid numeric literal '01'\n"},
            {"{\"n\":-}", "refused\n1: invalid numeric literal '-'\n"},
            {"{\"n\":1.}", "refused\n1: invalid numeric literal '1.'\n"},
            {"{\"n\":1e}", "refused\n1: invalid numeric literal '1e'\n"},
            {"{\"n\":1-2}", "refused\n1: invalid numeric literal '1-2'\n"},
            {"{\"n\":.5}", "refused\n1: invalid character '.' looking for beginning of value\n"},
            {"{\"n\":+5}", "refused\n1: invalid character '+' looking for beginning of value\n"},
            {"{\"n\":0x1F}", "refused\n1: invalid character 'x' after object key:value pair\n"},
            {"{\"n\":NaN}", "refused\n1: invalid character 'N' looking for beginning of value\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void texts_are_utf8_and_nothing_else(void **state)
{
        static const struct row rows[] = {
            {"{\"s\":\"\\\"\\\\\\/\\n\\t\"}", "{'s': '\"\\/\n\t'}\n"},
            {"{\"s\":\"\\u0041\\u00e4\\u20AC\"}", "{'s': 'Aä€'}\n"},
            {"{\"s\":\"\\ud83d\\ude00\"}", "{'s': '😀'}\n"},
            {"{\"s\":\"ä€😀 and more than eight bytes\"}",
             "{'s': 'ä€😀 and more than eight bytes'}\n"},
            {"{\"\\u006bey\":1}", "{'key': 1}\n"},
            {"{\"s\":\"\x7f\"}", "{'s': '\x7f'}\n"}, /* DEL is no control character to JSON */
            {"{\"s\":\"\xf4\x8f\xbf\xbf\"}", "{'s': '\xf4\x8f\xbf\xbf'}\n"}, /* U+10FFFF */
            {"{\"s\":\"\xf4\x90\x80\x80\"}", "refused\n1: text is not UTF-8 (byte '\\xf4')\n"},
            {"{\"s\":\"\xff\"}", "refused\n1: text is not UTF-8 (byte '\\xff')\n"},
            {"{\"s\":\"\x80\"}", "refused\n1: text is not UTF-8 (byte '\\x80')\n"},
            {"{\"s\":\"\xc0\x80\"}", "refused\n1: text is not UTF-8 (byte '\\xc0')\n"},
            {"{\"s\":\"\xe0\x9f\xbf\"}", "refused\n1: text is not UTF-8 (byte '\\xe0')\n"},
            {"{\"s\":\"\xed\xa0\x80\"}", "refused\n1: text is not UTF-8 (byte '\\xed')\n"},
            {"{\"s\":\"\xc3\"}", "refused\n1: text is not UTF-8 (byte '\\xc3')\n"},
            {"{\"s\":\"\xc3", "refused\n1: text is not UTF-8 (byte '\\xc3')\n"},
            {"{\"s\":\"\\ud800\"}", "refused\n1: a text holds half a surrogate pair (\\ud800)\n"},
            {"{\"s\":\"\\udc00\\ud800\"}",
             "refused\n1: a text holds half a surrogate pair (\\udc00)\n"},
            {"{\"s\":\"\\udc00\\udc00\"}",
             "refused\n1: a text holds half a surrogate pair (\\udc00)\n"},
            {"{\"s\":\"\\ud800\\u0041\"}",
             "refused\n1: a text holds half a surrogate pair (\\ud800)\n"},
            {"{\"s\":\"\\u0000\"}", "refused\n1: a text holds NUL (\\u0000)\n"},
            {"{\"s\":\"\\u00g0\"}",
             "refused\n1: invalid character in \\u hexadecimal character escape\n"},
            {"{\"s\":\"\\u00\"}",
             "refused\n1: invalid character in \\u hexadecimal character escape\n"},
            {"{\"s\":\"\\x\"}", "refused\n1: invalid character 'x' in string escape code\n"},
            {"{\"s\":\"a\tb\"}", "refused\n1: invalid character '\\x09' in string literal\n"},
            {"{\"s\":\"a\nb\"}", "refused\n1: invalid character '\\x0a' in string literal\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void nul_is_refused_wherever_it_stands(void **state)
{
        static const struct {
                const char *text;
                size_t length;
                const char *expected;
        } rows[] = {
            {"{\"a\0b\":1}", 9, "refused\n1: invalid character '\\x00' in string literal\n"},
            {"{\0}", 3,
             "refused\n1: invalid character '\\x00' looking for beginning of object key string\n"},
            {"{}\0", 3, "{}\n1: invalid character '\\x00' looking for the next document\n"},
            {"{\"a\":1\0}", 8,
             "refused\n1: invalid character '\\x00' after object key:value pair\n"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *got = read_text(rows[i].text, rows[i].length, false, read_all);
                assert_string_equal(got, rows[i].expected);
                free(got);
        }
}

static void what_json_is_not(void **state)
{
        static const struct row rows[] = {
            {"{", "refused\n1: unexpected end of JSON input\n"},
            {"{\n\"a\"", "refused\n2: unexpected end of JSON input\n"},
            {"{\"a", "refused\n1: unexpected end of JSON input\n"},
            {"{\"a\\", "refused\n1: unexpected end of JSON input\n"},
            {"{\"a\":tru", "refused\n1: unexpected end of JSON input\n"},
            {"{\"a\":12", "refused\n1: unexpected end of JSON input\n"},
            {"{\"a\":[1,2", "refused\n1: unexpected end of JSON input\n"},
            {"{a: 1}", "refused\n1: invalid character 'a' looking for beginning of object key "
                       "string\n"},
            {"{'a': 1}", "refused\n1: invalid character '\\'' looking for beginning of object key "
                         "string\n"},
            {"{\"a\":1,}", "refused\n1: invalid character '}' looking for beginning of object key "
                           "string\n"},
            {"{\"a\":[1,]}", "refused\n1: invalid character ']' looking for beginning of value\n"},
            {"{\"a\" 1}", "refused\n1: invalid character '1' after object key\n"},
            {"{\"a\":1\n\"b\":2}",
             "refused\n2: invalid character '\"' after object key:value pair\n"},
            {"{\"a\":[1 2]}", "refused\n1: invalid character '2' after array element\n"},
            {"{\"a\":nul!}", "refused\n1: invalid character '!' in literal null (expecting 'l')\n"},
            {"{\"a\":True}", "refused\n1: invalid character 'T' looking for beginning of value\n"},
            {"{\"a\":1} // x",
             "{'a': 1}\n1: invalid character '/' looking for the next document\n"},
            {"{}]", "{}\n1: invalid character ']' looking for the next document\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void a_key_given_twice_spoils_its_object_only(void **state)
{
        static const struct row rows[] = {
            {"{\"a\":1,\n\"b\":{},\n\"a\":2}{}",
             "refused\n{}\n3: key \"a\" already set in map on line 1\n"},
            {"{\"a\":{\"b\":1,\"b\":1}}", "refused\n1: key \"b\" already set in map on line 1\n"},
            {"{\"a\":1,\"\\u0061\":2}", "refused\n1: key \"a\" already set in map on line 1\n"},
            {"{\"a\":{\"b\":1},\"b\":1,\"c\":{\"a\":1}}",
             "{'a': {'b': 1}, 'b': 1, 'c': {'a': 1}}\n"},
            {"{\"a\":1,\"A\":2}", "{'a': 1, 'A': 2}\n"},
            {"{\"items\":[{\"a\":1,\"a\":1},{\"b\":1}]}",
             "item {'b': 1}\n{'items': []}\n1: key \"a\" already set in map on line 1\n"},
            {"{\"items\":[{}],\"items\":[{}]}",
             "item {}\nitem {}\nrefused\n1: key \"items\" already set in map on line 1\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

/* More members than are compared pair by pair. */
static void a_key_given_twice_is_found_among_many(void **state)
{
        struct strbuf text = {0};

        strbuf_add(&text, "{");
        for (unsigned i = 0; i < 20000; i++)
                strbuf_printf(&text, "\"key%u\":%u,\n", i, i);
        strbuf_add(&text, "\"key777\":1,\n\"key5\":1,\n\"key777\":1}");
        char *got = read_json(text.text);
        assert_string_equal(got, "refused\n20001: key \"key777\" already set in map on line 778\n");
        free(got);
        strbuf_done(&text);
}

static void items_are_handed_over_one_by_one(void **state)
{
        static const struct row rows[] = {
            {"{\"kind\":\"List\",\"items\":[{\"a\":1},{\"b\":2}],\"z\":1}",
             "item {'a': 1}\nitem {'b': 2}\n{'kind': 'List', 'items': [], 'z': 1}\n"},
            {"{\"items\":[]}", "{'items': []}\n"},
            {"{\"items\":[1,null,[2]]}", "item 1\nitem null\nitem [2]\n{'items': []}\n"},
            {"{\"items\":{\"items\":[1]}}", "{'items': {'items': [1]}}\n"},
            {"{\"a\":{\"items\":[1]}}", "{'a': {'items': [1]}}\n"},
            {"{\"items\":[{\"items\":[1]}]}", "item {'items': [1]}\n{'items': []}\n"},
            {"{\"items\":[{\"a\":1},{\"b\"", "item {'a': 1}\nrefused\n1: unexpected end of JSON "
                                             "input\n"},
        };
        check_rows(rows, ARRAY_SIZE(rows));
}

static void values_know_their_lines(void **state)
{
        const char *text =
            "\n{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n\n  \"b\":\n    true\n}\r\n{\r\n}";
        char *got = read_text(text, strlen(text), true, read_all);

        assert_string_equal(got, "{'a': [1@4, 'x'@5]@3, 'b': true@8}@2\n{}@11\n");
        free(got);
}

static void a_line_of_dashes_hands_over_to_yaml(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct document_text text = {0};
        const struct document_visitor visitor = {&text, print_item, print_document};
        struct input input;

        const char *both = "{}\n\n---\na: 1";
        input_from_text(&input, both, strlen(both), "-");
        assert_true(input_is_json(&input));
        assert_int_equal(json_read(&(struct document_reader){&input, &problems, &visitor}),
                         JSON_YAML);
        assert_int_equal(input.line, 3);
        assert_string_equal(input.window + input.at, "---\na: 1");
        input_done(&input);
        strbuf_done(&text.out);
}

static char *nested(unsigned depth)
{
        struct strbuf text = {0};

        strbuf_add(&text, "{\"a\":");
        for (unsigned i = 1; i < depth; i++)
                strbuf_add(&text, "[");
        for (unsigned i = 1; i < depth; i++)
                strbuf_add(&text, "]");
        strbuf_add(&text, "}");
        return text.text;
}

static void depth_is_capped(void **state)
{
        char *most = nested(LOAD_MAX_DEPTH), *more = nested(LOAD_MAX_DEPTH + 1);
        char *whole = read_json(most), *refused = read_json(more);

        assert_null(strstr(whole, "refused"));
        assert_string_equal(refused, "refused\n1: nested deeper than 100\n");
        free(whole);
        free(refused);
        free(most);
        free(more);
}

/* {"s":"xxx…"} of exactly so many bytes between the quotes. */
static char *long_text(size_t length)
{
        struct strbuf text = {0};

        strbuf_add(&text, "{\"s\":\"");
        for (size_t i = 0; i < length; i++)
                strbuf_add_char(&text, 'x');
        strbuf_add(&text, "\"}");
        return text.text;
}

static void texts_are_capped(void **state)
{
        char *most = long_text(LOAD_MAX_TEXT), *more = long_text(LOAD_MAX_TEXT + 1);
        char *whole = read_json(most), *refused = read_json(more);

        assert_int_equal(strlen(whole), LOAD_MAX_TEXT + strlen("{'s': ''}\n"));
        assert_string_equal(refused, "refused\n1: a text is longer than 1048576 bytes\n");
        free(whole);
        free(refused);
        free(most);
        free(more);
}

static void objects_are_capped(void **state)
{
        struct strbuf text = {0};

        /* Each value takes much more memory than its two bytes. */
        strbuf_add(&text, "{\"a\":[");
        for (size_t i = 0; i < LOAD_MAX_OBJECT_BYTES / sizeof(struct value); i++)
                strbuf_add(&text, "1,");
        strbuf_add(&text, "1]}");
        char *got = read_json(text.text);
        assert_string_equal(got, "refused\n1: an object is larger than 16777216 bytes\n");
        free(got);
        strbuf_done(&text);
}

/* Whatever token the window's end cuts, the result is the same. */
static void tokens_may_straddle_the_window(void **state)
{
        static const char document[] = "{\"key\": [true, false, null, -12.5e3, \"plain\", "
                                       "\"\\u00e4\\ud83d\\ude00\\n\", \"ä€😀\"]}";
        char *expected = read_json(document);
        char *text = malloc(INPUT_WINDOW + sizeof(document));

        for (size_t shift = 0; shift < sizeof(document) + 8; shift++) {
                size_t blank = INPUT_WINDOW - shift;
                memset(text, ' ', blank);
                memcpy(text + blank, document, sizeof(document));
                char *got = read_json(text);
                assert_string_equal(got, expected);
                free(got);
        }
        free(text);
        free(expected);
}

static void a_pipe_is_read_in_what_pieces_it_gives(void **state)
{
        static const char text[] = "{\"items\": [{\"a\": 1}]}";
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct document_text got = {0};
        const struct document_visitor visitor = {&got, print_item, print_document};
        struct input input;
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
        close(ends[1]);
        input_from_fd(&input, ends[0], "-");
        assert_int_equal(json_read(&(struct document_reader){&input, &problems, &visitor}),
                         JSON_END);
        assert_string_equal(got.out.text, "item {'a': 1}\n{'items': []}\n");
        input_done(&input);
        close(ends[0]);
        strbuf_done(&got.out);
}

static void what_cannot_be_read_is_no_end(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct document_text got = {0};
        const struct document_visitor visitor = {&got, print_item, print_document};
        struct input input;
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        input_from_fd(&input, ends[1], "-"); /* the end for writing */
        assert_int_equal(json_read(&(struct document_reader){&input, &problems, &visitor}),
                         JSON_BROKEN);
        assert_string_equal(problems.list.items[0].text, "cannot be read: Bad file descriptor");
        input_done(&input);
        close(ends[0]);
        close(ends[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_json_is),
            cmocka_unit_test(numbers_keep_their_text),
            cmocka_unit_test(texts_are_utf8_and_nothing_else),
            cmocka_unit_test(nul_is_refused_wherever_it_stands),
            cmocka_unit_test(what_json_is_not),
            cmocka_unit_test(a_key_given_twice_spoils_its_object_only),
            cmocka_unit_test(a_key_given_twice_is_found_among_many),
            cmocka_unit_test(items_are_handed_over_one_by_one),
            cmocka_unit_test(values_know_their_lines),
            cmocka_unit_test(a_line_of_dashes_hands_over_to_yaml),
            cmocka_unit_test(depth_is_capped),
            cmocka_unit_test(texts_are_capped),
            cmocka_unit_test(objects_are_capped),
            cmocka_unit_test(tokens_may_straddle_the_window),
            cmocka_unit_test(a_pipe_is_read_in_what_pieces_it_gives),
            cmocka_unit_test(what_cannot_be_read_is_no_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
