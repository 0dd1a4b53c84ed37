#include "unit.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include <stdlib.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/json_print.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "base/vec.h"

static void what_grew_out_of_its_place_is_given_back(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        VEC(uint64_t) numbers = {0};
        char *small = arena_alloc(arena, 10);

        memset(small, 'x', 10);
        for (uint64_t i = 0; i < 100000; i++)
                vec_push_own(arena, &numbers, i);
        for (uint64_t i = 0; i < numbers.n; i++)
                assert_int_equal(numbers.items[i], i);
        /* Two blocks for all that was small, and one for the numbers. */
        assert_true(arena_size(arena) < numbers.cap * sizeof(uint64_t) + 600000);
        assert_int_equal(small[9], 'x');
        size_t size = arena_size(arena);
        arena_release(arena, small);
        assert_int_equal(arena_size(arena), size);
}

static void arena_pieces_are_zero_and_apart(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char *small = arena_alloc(arena, 10), *huge = arena_alloc(arena, 1 << 20);

        memset(small, 'x', 10);
        for (size_t i = 0; i < 1 << 20; i++)
                assert_int_equal(huge[i], 0);
        arena_reset(arena);
        assert_int_equal(((char *)arena_alloc(arena, 10))[0], 0);
}

static void map_finds_what_was_put(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct map *map = map_new(arena);
        static int values[1000];

        for (int i = 0; i < 1000; i++)
                map_put(map, arena_printf(arena, "key %d", i), &values[i]);
        for (int i = 0; i < 1000; i++)
                assert_ptr_equal(map_get(map, arena_printf(arena, "key %d", i)), &values[i]);
        assert_null(map_get(map, "key 1000"));
        map_put(map, "key 7", &values[8]);
        assert_ptr_equal(map_get(map, "key 7"), &values[8]);
        assert_int_equal(map_size(map), 1000);
        assert_string_equal(map_entries(map)[999].key, "key 999");
}

static void interned_texts_are_one(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct intern *intern = intern_new(arena);
        const char *app = intern_text(intern, "app");

        for (int i = 0; i < 1000; i++)
                intern_text(intern, arena_printf(arena, "text %d", i));
        assert_ptr_equal(intern_bytes(intern, "apple", 3), app);
        assert_ptr_not_equal(intern_text(intern, "apple"), app);
}

static void addresses(void **state)
{
        static const struct {
                const char *text, *strict, *sloppy; /* NULL: refused */
        } cases[] = {
            {"10.0.0.1", "10.0.0.1", "10.0.0.1"},
            {"010.0.0.1", NULL, "10.0.0.1"},
            {"10.0.0", NULL, NULL},
            {"10.0.0.256", NULL, NULL},
            {"10.0.0.1 ", NULL, NULL},
            {"", NULL, NULL},
            {"2001:DB8:0:0::1", "2001:db8::1", "2001:db8::1"},
            {"::ffff:10.1.2.3", "10.1.2.3", "10.1.2.3"},
            {"fe80::1%eth0", NULL, NULL},
            {"::", "::", "::"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[IP_TEXT_SIZE];
                struct ip ip;
                assert_int_equal(ip_parse(cases[i].text, &ip), cases[i].strict != NULL);
                if (cases[i].strict)
                        assert_string_equal(ip_format(&ip, text), cases[i].strict);
                assert_int_equal(ip_parse_sloppy(cases[i].text, &ip), cases[i].sloppy != NULL);
                if (cases[i].sloppy)
                        assert_string_equal(ip_format(&ip, text), cases[i].sloppy);
        }
}

static void prefixes(void **state)
{
        static const struct {
                const char *text, *result; /* NULL: refused */
                bool host_bits;
        } cases[] = {
            {"10.1.2.3/8", "10.0.0.0/8", true},
            {"10.0.0.0/33", NULL, false},
            {"0.0.0.0/0", "0.0.0.0/0", false},
            {"10.0.0.0/", NULL, false},
            {"10.0.0.0/08", NULL, false},
            {"2001:db8::1/127", "2001:db8::/127", true},
            {"::/0", "::/0", false},
            {"10.0.0.0", NULL, false},
            {"255.255.255.255/31", "255.255.255.254/31", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[PREFIX_TEXT_SIZE];
                struct prefix prefix;
                bool host_bits = false;
                assert_int_equal(prefix_parse(cases[i].text, &prefix, &host_bits),
                                 cases[i].result != NULL);
                assert_int_equal(host_bits, cases[i].host_bits);
                if (cases[i].result)
                        assert_string_equal(prefix_format(&prefix, text), cases[i].result);
        }
}

static void prefix_holds_its_addresses(void **state)
{
        struct prefix prefix, inner;
        struct ip in, out;

        prefix_parse("10.128.0.0/9", &prefix, NULL);
        prefix_parse("10.200.0.0/16", &inner, NULL);
        ip_parse("10.255.0.1", &in);
        ip_parse("10.127.255.255", &out);
        assert_true(prefix_contains(&prefix, &in));
        assert_false(prefix_contains(&prefix, &out));
        assert_true(prefix_covers(&prefix, &inner));
        assert_false(prefix_covers(&inner, &prefix));
        ip_parse("::1", &out);
        assert_false(prefix_contains(&prefix, &out));
}

static void errors_are_wrapped(void **state)
{
        struct err err;

        assert_int_equal(err_set(&err, "no such file"), -1);
        err_wrap(&err, "reading %s", "a.yaml");
        assert_string_equal(err.text, "reading a.yaml: no such file");
}

static void digests_are_sha256_in_base32(void **state)
{
        char name[17];

        /* $ printf abc | sha256sum | xxd -r -p | base32 | head -c 16 | tr A-Z a-z */
        digest_name("abc", 3, name, 16);
        assert_string_equal(name, "xj4bnp4pahh6uqkb");
}

static void strbuf_grows(void **state)
{
        _cleanup_strbuf_ struct strbuf buf = {0};

        assert_string_equal(strbuf_text(&buf), "");
        for (int i = 0; i < 1000; i++)
                strbuf_printf(&buf, "%03d,", i);
        assert_int_equal(buf.length, 4000);
        assert_string_equal(buf.text + 3996, "999,");
}

static void json_is_printed_as_kubectl_does(void **state)
{
        _cleanup_strbuf_ struct strbuf buf = {0};
        struct json_print json = {.out = &buf};

        json_open(&json, NULL, '{');
        json_text(&json, "text", "a \"b\" \\ \n");
        json_open(&json, "list", '[');
        json_number(&json, NULL, UINT64_MAX);
        json_bool(&json, NULL, true);
        json_close(&json, ']');
        json_open(&json, "none", '[');
        json_close(&json, ']');
        json_close(&json, '}');
        assert_string_equal(buf.text, "{\n"
                                      "    \"text\": \"a \\\"b\\\" \\\\ \\u000a\",\n"
                                      "    \"list\": [\n"
                                      "        18446744073709551615,\n"
                                      "        true\n"
                                      "    ],\n"
                                      "    \"none\": []\n"
                                      "}\n");
}

/* Without this every test and fuzzer would be blind inside of arenas. */
static void the_sanitizer_sees_the_end_of_a_piece(void **state)
{
#ifdef __SANITIZE_ADDRESS__
        _cleanup_arena_ struct arena *arena = arena_new();

        for (size_t size = 0; size < 40; size++) {
                char *piece = arena_alloc(arena, size);

                arena_alloc(arena, 1);
                assert_int_equal(__asan_address_is_poisoned(piece + size), 1);
                assert_true(size == 0 || !__asan_address_is_poisoned(piece + size - 1));
        }
        char *piece = arena_alloc(arena, 8);
        arena_reset(arena);
        assert_int_equal(__asan_address_is_poisoned(piece), 1);
#else
        print_message("skipped: built without AddressSanitizer\n");
        skip();
#endif
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_sanitizer_sees_the_end_of_a_piece),
            cmocka_unit_test(arena_pieces_are_zero_and_apart),
            cmocka_unit_test(what_grew_out_of_its_place_is_given_back),
            cmocka_unit_test(map_finds_what_was_put),
            cmocka_unit_test(interned_texts_are_one),
            cmocka_unit_test(addresses),
            cmocka_unit_test(prefixes),
            cmocka_unit_test(prefix_holds_its_addresses),
            cmocka_unit_test(errors_are_wrapped),
            cmocka_unit_test(digests_are_sha256_in_base32),
            cmocka_unit_test(strbuf_grows),
            cmocka_unit_test(json_is_printed_as_kubectl_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
