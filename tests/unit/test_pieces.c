#include "unit.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/client/pieces.h"
#include "kube/read/input.h"

/* Whole objects out of bytes, in pieces of any length. */

/* Objects in brackets, then what stands around them, or why not. */
static void cut(enum pieces_of what, const char *text, size_t length, size_t step,
                struct strbuf *out)
{
        struct pieces pieces = {0};
        struct err err;
        char *object;
        size_t n;
        int r = 0;

        pieces_begin(&pieces, what);
        out->length = 0;
        strbuf_add(out, "");
        for (size_t at = 0; at < length && r >= 0; at += step) {
                pieces_feed(&pieces, text + at, length - at < step ? length - at : step);
                while ((r = pieces_next(&pieces, &object, &n, &err)) > 0) {
                        for (size_t i = 0; i < INPUT_PAD; i++)
                                assert_int_equal(object[n + i], 0);
                        strbuf_printf(out, "<%.*s>", (int)n, object);
                }
        }
        if (r < 0)
                strbuf_printf(out, " %s", err.text);
        else if (!pieces_are_whole(&pieces))
                strbuf_add(out, " cut");
        if (what == PIECES_OF_LIST)
                strbuf_printf(out, " %s", strbuf_text(&pieces.around));
        pieces_done(&pieces);
}

static const struct {
        enum pieces_of what;
        const char *text, *expected;
} rows[] = {
    {PIECES_OF_STREAM, "", ""},
    {PIECES_OF_STREAM, " \n{}\n{\"a\":[{}]}", "<{}><{\"a\":[{}]}>"},
    {PIECES_OF_STREAM, "{\"a\":\"}{\\\"]\\\\\"}{}", "<{\"a\":\"}{\\\"]\\\\\"}><{}>"},
    {PIECES_OF_STREAM, "{\"a\":\"xxxxxxxxxxxxxxxxxxxxx}\\\\\\\"xxxxxxxxxxxxxxxx{\"}",
     "<{\"a\":\"xxxxxxxxxxxxxxxxxxxxx}\\\\\\\"xxxxxxxxxxxxxxxx{\"}>"},
    {PIECES_OF_STREAM, "{}{\"a\":", "<{}> cut"},
    {PIECES_OF_STREAM, "{}{\"a", "<{}> cut"},
    {PIECES_OF_STREAM, "{},{}", "<{}> invalid character ',' between objects"},
    {PIECES_OF_STREAM, "[]", " invalid character '[' between objects"},
    {PIECES_OF_LIST, "{\"items\":[{\"a\":1},{\"b\":[2]}],\"x\":{\"items\":[3]}}\n",
     "<{\"a\":1}><{\"b\":[2]}> {\"items\":[],\"x\":{\"items\":[3]}}"},
    {PIECES_OF_LIST, "{ \"items\" : [ {} , {} ] }", "<{}><{}> { \"items\" : [] }"},
    {PIECES_OF_LIST, "{\"items\":[]}", " {\"items\":[]}"},
    {PIECES_OF_LIST, "{\"items\":null}", " {\"items\":null}"},
    {PIECES_OF_LIST, "{\"a\":\"items\",\"b\":[{}]}", " {\"a\":\"items\",\"b\":[{}]}"},
    {PIECES_OF_LIST, "{\"a\":{\"items\":[{}]}}", " {\"a\":{\"items\":[{}]}}"},
    {PIECES_OF_LIST, "{\"a\":\"\\\"items\",\"\\u0069tems\":[{}]}",
     " {\"a\":\"\\\"items\",\"\\u0069tems\":[{}]}"},
    {PIECES_OF_LIST, "{\"items\":[{}", "<{}> cut {\"items\":["},
    {PIECES_OF_LIST, "{\"items\":[{}]", "<{}> cut {\"items\":[]"},
    {PIECES_OF_LIST, "", " cut "},
    {PIECES_OF_LIST, "{\"items\":[{}{}]}",
     "<{}> invalid character '{' among the items of a list {\"items\":["},
    {PIECES_OF_LIST, "{\"items\":[{},]}",
     "<{}> invalid character ']' among the items of a list {\"items\":["},
    {PIECES_OF_LIST, "{\"items\":[,]}",
     " invalid character ',' among the items of a list {\"items\":["},
    {PIECES_OF_LIST, "{\"items\":[3]}",
     " invalid character '3' among the items of a list {\"items\":["},
    {PIECES_OF_LIST, "[{}]", " invalid character '[' where a list begins "},
    {PIECES_OF_LIST, "{}{}", " invalid character '{' behind a list {}"},
};

static void it_is_the_same_in_any_pieces(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t step = 1; step < strlen(rows[i].text) + 2; step++) {
                        cut(rows[i].what, rows[i].text, strlen(rows[i].text), step, &out);
                        if (strcmp(strbuf_text(&out), rows[i].expected) != 0)
                                print_message("%s in steps of %zu\n", rows[i].text, step);
                        assert_string_equal(strbuf_text(&out), rows[i].expected);
                }
}

/* No object is handed out before its last byte is there. */
static void cut_at_every_byte(void **state)
{
        static const char text[] = "{\"type\":\"ADDED\",\"object\":{\"a\":[\"{\\\"}\"]}}";
        _cleanup_strbuf_ struct strbuf out = {0};

        for (size_t length = 1; length < sizeof(text) - 1; length++) {
                cut(PIECES_OF_STREAM, text, length, length, &out);
                assert_string_equal(strbuf_text(&out), " cut");
        }
}

static void too_large(enum pieces_of what, const char *begin, size_t most, const char *expected)
{
        struct pieces pieces = {0};
        struct err err = {""};
        char *object, *chunk = malloc(1 << 16);
        size_t n;
        int r = 0;

        memset(chunk, 'x', 1 << 16);
        pieces_begin(&pieces, what);
        pieces_feed(&pieces, begin, strlen(begin));
        for (size_t fed = 0; fed <= most && r == 0; fed += 1 << 16) {
                r = pieces_next(&pieces, &object, &n, &err);
                assert_true(pieces.cap <= 4 * most);
                pieces_feed(&pieces, chunk, 1 << 16);
        }
        if (r == 0)
                r = pieces_next(&pieces, &object, &n, &err);
        assert_int_equal(r, -1);
        assert_string_equal(err.text, expected);
        pieces_done(&pieces);
        free(chunk);
}

static void caps(void **state)
{
        too_large(PIECES_OF_STREAM, "{\"", PIECES_MAX_OBJECT,
                  "an object is larger than 16777216 bytes");
        too_large(PIECES_OF_LIST, "{\"items\":[{\"", PIECES_MAX_OBJECT,
                  "an object is larger than 16777216 bytes");
        too_large(PIECES_OF_LIST, "{\"", PIECES_MAX_AROUND,
                  "a list has more than 1048576 bytes around its items");
}

/* A list of any length takes the memory of an item. */
static void memory_of_one_item(void **state)
{
        static const char begin[] = "{\"items\":[", item[] = "{\"a\":\"0123456789\"},";
        struct pieces pieces = {0};
        struct err err;
        char *object;
        size_t n, items = 0;

        pieces_begin(&pieces, PIECES_OF_LIST);
        pieces_feed(&pieces, begin, sizeof(begin) - 1);
        for (size_t i = 0; i < 1000000; i++) {
                pieces_feed(&pieces, item, sizeof(item) - 1);
                while (pieces_next(&pieces, &object, &n, &err) > 0)
                        items++;
        }
        assert_int_equal(items, 1000000);
        assert_true(pieces.cap <= INPUT_WINDOW);
        assert_true(pieces.around.cap <= 256);
        pieces_done(&pieces);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_is_the_same_in_any_pieces),
            cmocka_unit_test(cut_at_every_byte),
            cmocka_unit_test(caps),
            cmocka_unit_test(memory_of_one_item),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
