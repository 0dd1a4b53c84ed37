#include "unit.h"

#include "base/vec.h"
#include "daemon/feed.h"
#include "document_text.h"
#include "kube/load.h"
#include "kube/read/json.h"
#include "kube/read/value_bytes.h"

/* Values as bytes, and frames. */

struct copied {
        struct arena *arena;
        struct value *value;
};

static void copy_document(void *context, const struct value *document)
{
        struct copied *copied = context;

        copied->value = document ? value_copy(copied->arena, document) : NULL;
}

static struct value *value_of(struct arena *arena, const char *text)
{
        struct copied copied = {arena, NULL};
        struct problems problems = problems_in(arena);
        const struct document_visitor visitor = {&copied, NULL, copy_document};
        struct input input;

        input_from_text(&input, text, strlen(text), "-");
        json_read(&(struct document_reader){&input, &problems, &visitor});
        input_done(&input);
        assert_non_null(copied.value);
        return copied.value;
}

static char *text_of(const struct value *value)
{
        struct document_text text = {0};

        print_value(&text, value);
        return text.out.text;
}

static void values_come_back(void **state)
{
        static const char *const texts[] = {
            "{}",
            "{\"a\": [], \"b\": {}, \"\": \"\"}",
            "{\"null\": null, \"yes\": true, \"no\": false}",
            "{\"n\": [0, -1, 1.5e10, 18446744073709551616, -0.0E-1]}",
            "{\"text\": \"gr\\u00fc\\u00dfe\\n\\\\ \\ud83d\\ude00\"}",
            "{\"deep\": [[[{\"a\": [1, {\"b\": 2}, 3]}]]], \"after\": 1}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf bytes = {0};
                struct value *value = value_of(arena, texts[i]);

                value_to_bytes(&bytes, value);
                struct value *again = value_from_bytes(arena, bytes.text, bytes.length);
                assert_non_null(again);
                char *before = text_of(value), *after = text_of(again);
                assert_string_equal(before, after);
                free(before);
                free(after);
        }
}

/* Every length of a key and a text, over all that a byte of it can be. */
static void lengths_are_no_marks(void **state)
{
        char text[600] = {0};

        for (size_t n = 0; n < sizeof(text) - 1; n++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf bytes = {0};
                struct value item = {.kind = VALUE_STRING, .key = text, .text = text};
                struct value map = {.kind = VALUE_MAP, .first = &item};

                value_to_bytes(&bytes, &map);
                struct value *again = value_from_bytes(arena, bytes.text, bytes.length);
                assert_non_null(again);
                assert_string_equal(again->first->key, text);
                assert_string_equal(again->first->text, text);
                assert_null(again->first->next);
                text[n] = 'x';
        }
}

static void what_is_cut_or_longer_is_no_value(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf bytes = {0};

        value_to_bytes(&bytes,
                       value_of(arena, "{\"a\": [1, \"x\", true, null], \"b\": {\"c\": 2}}"));
        for (size_t n = 0; n < bytes.length; n++) {
                char *cut = malloc(n + 1);

                memcpy(cut, bytes.text, n);
                assert_null(value_from_bytes(arena, cut, n));
                free(cut);
        }
        assert_non_null(value_from_bytes(arena, bytes.text, bytes.length));
        strbuf_add_char(&bytes, '\0');
        assert_null(value_from_bytes(arena, bytes.text, bytes.length));
}

static void put_length(struct strbuf *bytes, uint32_t length)
{
        strbuf_add_bytes(bytes, (const char *)&length, sizeof(length));
}

static void assert_no_value(struct strbuf *bytes)
{
        _cleanup_arena_ struct arena *arena = arena_new();

        assert_null(value_from_bytes(arena, strbuf_text(bytes), bytes->length));
        bytes->length = 0;
}

static void what_no_reader_hands_over_is_no_value(void **state)
{
        _cleanup_strbuf_ struct strbuf bytes = {0};

        strbuf_add_char(&bytes, VALUE_MAP + 1); /* no kind */
        assert_no_value(&bytes);
        strbuf_add_bytes(&bytes, "\x01\x02", 2); /* no bool */
        assert_no_value(&bytes);
        strbuf_add_char(&bytes, VALUE_STRING); /* a NUL inside */
        put_length(&bytes, 3);
        strbuf_add_bytes(&bytes, "a\0b", 3);
        assert_no_value(&bytes);
        strbuf_add_char(&bytes, VALUE_STRING); /* longer than all */
        put_length(&bytes, UINT32_MAX);
        strbuf_add(&bytes, "ab");
        assert_no_value(&bytes);
        strbuf_add_char(&bytes, VALUE_NUMBER);
        put_length(&bytes, 2);
        strbuf_add(&bytes, "1\n");
        assert_no_value(&bytes);
        strbuf_add_char(&bytes, VALUE_NUMBER);
        put_length(&bytes, 0);
        assert_no_value(&bytes);
}

static void a_key_given_twice_is_no_value(void **state)
{
        struct value second = {.kind = VALUE_NULL, .key = "a"};
        struct value middle = {.kind = VALUE_NULL, .key = "b", .next = &second};
        struct value first = {.kind = VALUE_NULL, .key = "a", .next = &middle};
        struct value map = {.kind = VALUE_MAP, .first = &first};
        _cleanup_strbuf_ struct strbuf bytes = {0};

        value_to_bytes(&bytes, &map);
        assert_no_value(&bytes);
}

static void depth_has_an_end(void **state)
{
        for (size_t depth = LOAD_MAX_DEPTH; depth <= LOAD_MAX_DEPTH + 1; depth++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf bytes = {0};

                for (size_t i = 0; i < depth; i++)
                        strbuf_add_char(&bytes, VALUE_LIST);
                for (size_t i = 0; i < depth; i++)
                        strbuf_add_char(&bytes, (char)0xff);
                const struct value *value = value_from_bytes(arena, bytes.text, bytes.length);
                assert_int_equal(value != NULL, depth == LOAD_MAX_DEPTH);
        }
}

/* A frame of nothing but nulls would be a tree of gigabytes. */
static void a_tree_has_the_size_of_an_object(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf bytes = {0};

        strbuf_add_char(&bytes, VALUE_LIST);
        for (size_t i = 0; i < (4u << 20); i++)
                strbuf_add_char(&bytes, VALUE_NULL);
        strbuf_add_char(&bytes, (char)0xff);
        assert_null(value_from_bytes(arena, bytes.text, bytes.length));
        assert_in_range(arena_size(arena), LOAD_MAX_OBJECT_BYTES, 2 * LOAD_MAX_OBJECT_BYTES);
}

/* As a socket would: at most so many bytes at a time. */
static void give(struct feed_reader *reader, const struct strbuf *bytes, size_t *at, size_t n)
{
        size_t room;
        char *to = feed_room(reader, &room);

        assert_true(room > 0);
        if (n > room)
                n = room;
        if (n > bytes->length - *at)
                n = bytes->length - *at;
        memcpy(to, bytes->text + *at, n);
        feed_take(reader, n);
        *at += n;
}

static void frames_come_in_any_pieces(void **state)
{
        static const size_t pieces[] = {1, 2, 3, 5, 7, 100, 65536};
        _cleanup_strbuf_ struct strbuf bytes = {0};
        struct value value = {.kind = VALUE_NUMBER, .text = "7"};

        feed_put(&bytes, FEED_BEGIN, KIND_POD, NULL, 0);
        feed_put_value(&bytes, FEED_OBJECT, KIND_POD, &value);
        feed_put(&bytes, FEED_END, KIND_NETWORK_POLICY, NULL, 0);
        feed_put_text(&bytes, FEED_METRICS, 7, "a b\n");
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct feed_reader reader = {0};
                struct feed_frame frames[4];
                uint32_t number = 0;
                const char *text;
                struct err err;
                size_t n = 0;

                for (size_t at = 0; at < bytes.length;) {
                        give(&reader, &bytes, &at, pieces[i]);
                        for (int r; (r = feed_next(&reader, &frames[n], &err)) != 0; n++) {
                                assert_int_equal(r, 1);
                                frames[n].body =
                                    arena_copy(arena, frames[n].body, frames[n].length);
                        }
                }
                assert_int_equal(n, 4);
                assert_int_equal(frames[0].type, FEED_BEGIN);
                assert_int_equal(frames[0].kind, KIND_POD);
                assert_int_equal(frames[0].length, 0);
                assert_string_equal(feed_value(arena, &frames[1])->text, "7");
                assert_null(feed_value(arena, &frames[0]));
                assert_int_equal(frames[2].kind, KIND_NETWORK_POLICY);
                assert_true(feed_text(arena, &frames[3], &number, &text));
                assert_int_equal(number, 7);
                assert_string_equal(text, "a b\n");
                feed_reader_done(&reader);
        }
}

static void a_large_frame_gives_its_place_back(void **state)
{
        _cleanup_strbuf_ struct strbuf bytes = {0};
        struct feed_reader reader = {0};
        struct feed_frame frame;
        struct err err;
        size_t large = 5u << 20, at = 0, n = 0;
        char *body = calloc(1, large);

        feed_put(&bytes, FEED_REPORT, 0, body, large);
        feed_put(&bytes, FEED_END, KIND_POD, NULL, 0);
        free(body);
        while (at < bytes.length) {
                give(&reader, &bytes, &at, 50000);
                assert_in_range(reader.bytes.cap, 1, 3 * large);
                while (feed_next(&reader, &frame, &err) == 1)
                        n++;
        }
        assert_int_equal(n, 2);
        assert_int_equal(frame.type, FEED_END);
        feed_room(&reader, &n);
        assert_in_range(reader.bytes.cap, 1, 128 << 10);
        feed_reader_done(&reader);
}

static int next_of(const void *bytes, size_t length)
{
        struct feed_reader reader = {0};
        struct feed_frame frame;
        struct err err = {""};
        size_t room;

        memcpy(feed_room(&reader, &room), bytes, length);
        feed_take(&reader, length);
        int r = feed_next(&reader, &frame, &err);
        assert_int_equal(feed_next(&reader, &frame, &err) < 0, r < 0);
        assert_int_equal(err.text[0] != '\0', r < 0);
        feed_reader_done(&reader);
        return r;
}

static void what_is_no_frame_is_refused(void **state)
{
        struct {
                uint32_t length;
                uint8_t type, kind, body[2];
        } frame = {2, FEED_BEGIN, KIND_POD, {0}};

        assert_int_equal(next_of(&frame, 6), 1);
        assert_int_equal(next_of(&frame, 5), 0);
        frame.length = 1;
        assert_int_equal(next_of(&frame, 6), -1);
        frame.length = FEED_MAX_FRAME;
        assert_int_equal(next_of(&frame, 6), 0);
        frame.length++;
        assert_int_equal(next_of(&frame, 4), -1);
        frame.length = 100;
        frame.kind = OBJECT_KINDS;
        assert_int_equal(next_of(&frame, 6), -1);
        frame.kind = 0;
        frame.type = FEED_TYPES;
        assert_int_equal(next_of(&frame, 6), -1);
}

static struct feed_frame frame_of(enum feed_type type, const void *body, size_t length)
{
        return (struct feed_frame){.type = type, .body = body, .length = length};
}

static void counts_are_whole(void **state)
{
        struct feed_counts counts = {.lists = {1, 2, 3, 4}, .bytes = 5, .connected = {true}}, ret;
        struct feed_frame frame = frame_of(FEED_COUNTS, &counts, sizeof(counts));

        assert_true(feed_counts(&frame, &ret));
        assert_int_equal(ret.lists[3], 4);
        assert_true(ret.connected[0]);
        frame.length--;
        assert_false(feed_counts(&frame, &ret));
        frame.length++;
        frame.type = FEED_STATE;
        assert_false(feed_counts(&frame, &ret));
        frame.type = FEED_COUNTS;
        memset(&counts.connected[OBJECT_KINDS - 1], 2, 1);
        assert_false(feed_counts(&frame, &ret));
}

static void states_end_their_text(void **state)
{
        struct feed_state given = {.live = true, .why = "because"}, ret;
        struct feed_frame frame = frame_of(FEED_STATE, &given, sizeof(given));

        assert_true(feed_state(&frame, &ret));
        assert_true(ret.live);
        assert_string_equal(ret.why, "because");
        memset(given.why, 'x', sizeof(given.why));
        assert_false(feed_state(&frame, &ret));
        given.why[0] = '\0';
        memset(&given.enforcing, 2, 1);
        assert_false(feed_state(&frame, &ret));
}

static void texts_hold_no_nul(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct feed_frame frame = frame_of(FEED_LEVEL, "\1\0\0\0abc", 7);
        const char *text;
        uint32_t number;

        assert_true(feed_text(arena, &frame, &number, &text));
        assert_int_equal(number, 1);
        assert_string_equal(text, "abc");
        frame.length = 4;
        assert_true(feed_text(arena, &frame, &number, &text));
        assert_string_equal(text, "");
        frame.length = 3;
        assert_false(feed_text(arena, &frame, &number, &text));
        frame = frame_of(FEED_LEVEL, "\1\0\0\0a\0c", 7);
        assert_false(feed_text(arena, &frame, &number, &text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(values_come_back),
            cmocka_unit_test(lengths_are_no_marks),
            cmocka_unit_test(what_is_cut_or_longer_is_no_value),
            cmocka_unit_test(what_no_reader_hands_over_is_no_value),
            cmocka_unit_test(a_key_given_twice_is_no_value),
            cmocka_unit_test(depth_has_an_end),
            cmocka_unit_test(a_tree_has_the_size_of_an_object),
            cmocka_unit_test(frames_come_in_any_pieces),
            cmocka_unit_test(a_large_frame_gives_its_place_back),
            cmocka_unit_test(what_is_no_frame_is_refused),
            cmocka_unit_test(counts_are_whole),
            cmocka_unit_test(states_end_their_text),
            cmocka_unit_test(texts_hold_no_nul),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
