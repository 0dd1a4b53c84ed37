#include "unit.h"

#include "addresses.h"
#include "verify/address_key.h"
#include "verify/classes.h"
#include "verify/signatures.h"

static int setup(void **state)
{
        *state = arena_new();
        return 0;
}

static int teardown(void **state)
{
        arena_free(*state);
        return 0;
}

static void add_prefix(struct splitter *splitter, size_t feature, const char *text)
{
        struct prefix added = prefix(text);

        splitter_add_prefix(splitter, feature, &added);
}

static void add_range(struct splitter *splitter, size_t feature, const char *first,
                      const char *last)
{
        struct ip from = ip(first), to = ip(last);

        splitter_add_range(splitter, feature, &from, &to);
}

static size_t class_of(const struct address_classes *classes, const char *text)
{
        struct ip asked = ip(text);

        return address_class(classes, &asked);
}

static bool has(const struct address_classes *classes, size_t feature, const char *text)
{
        return bits_get(classes->features[feature], class_of(classes, text));
}

static void assert_example(const struct address_classes *classes, const char *of,
                           const char *expected)
{
        char text[IP_TEXT_SIZE];

        assert_string_equal(ip_format(&classes->examples[class_of(classes, of)], text), expected);
}

static void test_bits(void **state)
{
        struct arena *arena = *state;

        for (size_t width = 0; width < 200; width++) {
                bits_word *bits = bits_new(arena, width), *full = bits_full(arena, width);

                assert_true(bits_are_none(bits, width));
                assert_int_equal(bits_first(bits, width), width);
                assert_int_equal(bits_count(full, width), width);
                bits_copy(bits, full, width);
                assert_true(bits_equal(bits, full, width));
                bits_and_not(bits, full, width);
                assert_true(bits_are_none(bits, width));
                for (size_t at = width; at-- > 0;) {
                        bits_set(bits, at);
                        assert_true(bits_get(bits, at));
                        assert_false(bits_are_none(bits, width));
                        assert_int_equal(bits_first(bits, width), at);
                        assert_int_equal(bits_count(bits, width), width - at);
                        assert_int_equal(bits_equal(bits, full, width), at == 0);
                }
        }
}

static void test_bits_of_two(void **state)
{
        struct arena *arena = *state;
        enum { WIDTH = 150 };
        bits_word *threes = bits_new(arena, WIDTH), *fives = bits_new(arena, WIDTH);
        bits_word *both = bits_new(arena, WIDTH), *either = bits_new(arena, WIDTH);
        bits_word *rest = bits_new(arena, WIDTH);

        for (size_t i = 0; i < WIDTH; i += 3)
                bits_set(threes, i);
        for (size_t i = 0; i < WIDTH; i += 5)
                bits_set(fives, i);
        bits_copy(both, threes, WIDTH);
        bits_and(both, fives, WIDTH);
        bits_copy(either, threes, WIDTH);
        bits_or(either, fives, WIDTH);
        bits_copy(rest, threes, WIDTH);
        bits_and_not(rest, fives, WIDTH);
        for (size_t i = 0; i < WIDTH; i++) {
                assert_int_equal(bits_get(both, i), i % 15 == 0);
                assert_int_equal(bits_get(either, i), i % 3 == 0 || i % 5 == 0);
                assert_int_equal(bits_get(rest, i), i % 3 == 0 && i % 5 != 0);
        }
        assert_int_equal(bits_count(both, WIDTH), 10);
}

static void test_nothing_is_one_class(void **state)
{
        struct address_classes *classes = splitter_split(*state, splitter_new(*state, FAMILY_IPV6));

        assert_int_equal(classes->n, 1);
        assert_int_equal(classes->n_features, 0);
        assert_int_equal(classes->n_ranges, 1);
        assert_int_equal(class_of(classes, "::"), 0);
        assert_int_equal(class_of(classes, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
}

static void test_features_without_addresses(void **state)
{
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t none = splitter_add_feature(splitter), backwards = splitter_add_feature(splitter);

        add_range(splitter, backwards, "10.0.0.2", "10.0.0.1");
        struct address_classes *classes = splitter_split(*state, splitter);
        assert_int_equal(classes->n, 1);
        assert_int_equal(classes->n_features, 2);
        assert_false(has(classes, none, "10.0.0.1"));
        assert_false(has(classes, backwards, "10.0.0.1"));
        assert_false(has(classes, backwards, "10.0.0.2"));
}

static void test_overlaps_of_one_feature(void **state)
{
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t feature = splitter_add_feature(splitter);

        add_range(splitter, feature, "10.0.0.0", "10.0.0.9");
        add_range(splitter, feature, "10.0.0.5", "10.0.0.20");
        add_range(splitter, feature, "10.0.0.5", "10.0.0.20");
        add_range(splitter, feature, "10.0.0.21", "10.0.0.22"); /* touches */
        add_prefix(splitter, feature, "10.0.0.7/32");
        add_prefix(splitter, feature, "10.0.0.30/32");
        add_prefix(splitter, feature, "10.0.0.30/32");
        struct address_classes *classes = splitter_split(*state, splitter);
        assert_int_equal(classes->n, 2);
        assert_int_equal(classes->n_ranges, 5);
        assert_false(has(classes, feature, "9.255.255.255"));
        assert_true(has(classes, feature, "10.0.0.0"));
        assert_true(has(classes, feature, "10.0.0.22"));
        assert_false(has(classes, feature, "10.0.0.23"));
        assert_true(has(classes, feature, "10.0.0.30"));
        /* Not the lowest of the class, but the lowest that stands alone. */
        assert_example(classes, "10.0.0.0", "10.0.0.7");
        assert_example(classes, "10.0.0.23", "0.0.0.0");
}

/* Same features, one by a wide range and one by addresses: one class. */
static void test_one_class_however_it_came(void **state)
{
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t a = splitter_add_feature(splitter), b = splitter_add_feature(splitter);

        add_prefix(splitter, a, "10.0.0.0/24");
        add_prefix(splitter, b, "10.0.0.1/32");
        add_prefix(splitter, b, "10.0.1.0/24");
        add_prefix(splitter, a, "10.0.1.1/32");
        add_prefix(splitter, b, "10.0.2.1/32"); /* in the other order */
        add_prefix(splitter, a, "10.0.2.1/32");
        struct address_classes *classes = splitter_split(*state, splitter);
        assert_int_equal(classes->n, 4);
        assert_int_equal(class_of(classes, "10.0.0.1"), class_of(classes, "10.0.1.1"));
        assert_int_equal(class_of(classes, "10.0.0.1"), class_of(classes, "10.0.2.1"));
        assert_int_not_equal(class_of(classes, "10.0.0.1"), class_of(classes, "10.0.0.2"));
        assert_int_not_equal(class_of(classes, "10.0.0.2"), class_of(classes, "10.0.1.2"));
        assert_example(classes, "10.0.2.1", "10.0.0.1");
}

static void test_ends_of_the_line(void **state)
{
        static const struct {
                enum family family;
                const char *all, *first, *last, *upper_half;
        } lines[] = {
            {FAMILY_IPV4, "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "128.0.0.0/1"},
            {FAMILY_IPV6, "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::/1"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                struct splitter *splitter = splitter_new(*state, lines[i].family);
                size_t all = splitter_add_feature(splitter);
                size_t ends = splitter_add_feature(splitter);
                size_t half = splitter_add_feature(splitter);

                add_prefix(splitter, all, lines[i].all);
                add_range(splitter, ends, lines[i].first, lines[i].first);
                add_range(splitter, ends, lines[i].last, lines[i].last);
                add_prefix(splitter, half, lines[i].upper_half);
                struct address_classes *classes = splitter_split(*state, splitter);
                assert_int_equal(classes->n, 4);
                assert_int_equal(classes->n_ranges, 4);
                assert_true(has(classes, all, lines[i].first));
                assert_true(has(classes, all, lines[i].last));
                assert_true(has(classes, ends, lines[i].first));
                assert_true(has(classes, ends, lines[i].last));
                assert_false(has(classes, half, lines[i].first));
                assert_true(has(classes, half, lines[i].last));
                assert_example(classes, lines[i].last, lines[i].last);
        }
}

static void add_element(struct ruleset *ruleset, struct set *set, const char *text, uint16_t port,
                        bool nomatch)
{
        struct set_element element = {.prefix = prefix(text), .port = port, .nomatch = nomatch};

        vec_push(ruleset->arena, &set->elements, element);
}

static void test_nomatch(void **state)
{
        struct ruleset *ruleset = ruleset_new(*state);
        struct set *set = ruleset_add_set(ruleset, "nets", SET_HASH_NET, FAMILY_IPV4);

        add_element(ruleset, set, "10.1.0.0/16", 0, true);
        add_element(ruleset, set, "10.0.0.0/8", 0, false);
        add_element(ruleset, set, "10.1.255.0/24", 0, false);
        add_element(ruleset, set, "10.1.255.255/32", 0, true);
        add_element(ruleset, set, "10.255.255.255/32", 0, true); /* the last of what holds it */
        add_element(ruleset, set, "128.0.0.0/1", 0, false);
        add_element(ruleset, set, "255.255.255.255/32", 0, true);
        add_element(ruleset, set, "20.0.0.0/8", 0, true); /* of nothing */
        ruleset_finish(ruleset);
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t feature = splitter_add_feature(splitter);
        splitter_add_set(splitter, feature, ruleset_set(ruleset, "nets"), NULL, NULL);
        struct address_classes *classes = splitter_split(*state, splitter);

        static const struct {
                const char *ip;
                bool in;
        } cases[] = {
            {"9.255.255.255", false},  {"10.0.0.0", true},         {"10.0.255.255", true},
            {"10.1.0.0", false},       {"10.1.254.255", false},    {"10.1.255.0", true},
            {"10.1.255.254", true},    {"10.1.255.255", false},    {"10.2.0.0", true},
            {"10.255.255.254", true},  {"10.255.255.255", false},  {"11.0.0.0", false},
            {"20.0.0.1", false},       {"127.255.255.255", false}, {"128.0.0.0", true},
            {"255.255.255.254", true}, {"255.255.255.255", false},
        };
        assert_int_equal(classes->n, 2);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (has(classes, feature, cases[i].ip) != cases[i].in)
                        fail_msg("%s", cases[i].ip);
}

static bool of_port(const struct set_element *element, void *data)
{
        return element->port == *(const uint16_t *)data;
}

static void test_picked_elements(void **state)
{
        struct ruleset *ruleset = ruleset_new(*state);
        struct set *set = ruleset_add_set(ruleset, "ports", SET_HASH_NET_PORT, FAMILY_IPV4);
        uint16_t http = 80;

        add_element(ruleset, set, "10.0.0.0/8", 80, false);
        add_element(ruleset, set, "10.0.0.0/8", 443, true);
        add_element(ruleset, set, "10.1.0.0/16", 443, true);
        add_element(ruleset, set, "10.2.0.0/16", 80, true);
        add_element(ruleset, set, "10.2.0.0/16", 443, false);
        ruleset_finish(ruleset);
        set = ruleset_set(ruleset, "ports");
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t picked = splitter_add_feature(splitter), all = splitter_add_feature(splitter);
        splitter_add_set(splitter, picked, set, of_port, &http);
        splitter_add_set(splitter, all, set, NULL, NULL);
        struct address_classes *classes = splitter_split(*state, splitter);
        assert_true(has(classes, picked, "10.0.0.0"));
        assert_true(has(classes, picked, "10.1.0.0"));
        assert_false(has(classes, picked, "10.2.0.0"));
        assert_true(has(classes, picked, "10.3.0.0"));
        /* Of all ports at once: where one prefix is both, it is a member. */
        assert_true(has(classes, all, "10.0.0.0"));
        assert_false(has(classes, all, "10.1.0.0"));
        assert_true(has(classes, all, "10.2.0.0"));
}

static void test_set_of_the_other_family(void **state)
{
        struct ruleset *ruleset = ruleset_new(*state);
        struct set *set = ruleset_add_set(ruleset, "six", SET_HASH_IP, FAMILY_IPV6);
        struct splitter *splitter = splitter_new(*state, FAMILY_IPV4);
        size_t feature = splitter_add_feature(splitter);

        add_element(ruleset, set, "::/128", 0, false);
        splitter_add_set(splitter, feature, set, NULL, NULL);
        struct address_classes *classes = splitter_split(*state, splitter);
        assert_int_equal(classes->n, 1);
        assert_false(has(classes, feature, "0.0.0.0"));
}

static void test_keys(void **state)
{
        static const char *const texts[] = {"::", "::1", "1::", "fd00:1:2:3:4:5:6:7",
                                            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
        struct keyed items[2 * ARRAY_SIZE(texts)], scratch[2 * ARRAY_SIZE(texts)];
        size_t n = ARRAY_SIZE(texts);

        for (size_t i = 0; i < 2 * n; i++) {
                struct ip address = ip(texts[(i * 3) % n]);
                items[i] = (struct keyed){.key = address_key_of(&address), .value = (uint32_t)i};
        }
        keyed_sort(items, scratch, 2 * n);
        for (size_t i = 0; i < 2 * n; i++) {
                struct ip expected = ip(texts[i / 2]);
                struct ip got = address_key_ip(items[i].key, FAMILY_IPV6);
                assert_memory_equal(&got, &expected, sizeof(got));
                if (i % 2) /* stable */
                        assert_true(items[i - 1].value < items[i].value);
        }
}

/* Rows of many widths and numbers, around the 64 that are turned at a time; all hashes alike, so
 * that only the comparison of whole rows can tell them apart. */
static void test_signatures(void **state)
{
        static const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 200, 513, 1100};

        for (size_t w = 0; w < ARRAY_SIZE(sizes); w++) {
                size_t width = sizes[w], n = 200;
                struct signatures *signatures = signatures_new(*state, width);

                for (size_t i = 0; i < 2 * n; i++) {
                        bits_word *row = signatures_row(signatures);
                        memset(row, 0, bits_words(width) * sizeof(*row));
                        for (size_t bit = 0; bit < width; bit++)
                                if ((i % n % width) * 31 % width == bit)
                                        bits_set(row, bit);
                        uint32_t expected = (uint32_t)(i % n % width);
                        assert_int_equal(signatures_intern(signatures, 7), expected);
                }
                size_t rows = width < n ? width : n;
                assert_int_equal(signatures_n(signatures), rows);
                const bits_word *const *columns = signatures_columns(signatures, *state);
                size_t set = 0;
                for (size_t i = 0; i < rows; i++)
                        assert_true(bits_get(columns[i * 31 % width], i));
                for (size_t bit = 0; bit < width; bit++)
                        set += bits_count(columns[bit], rows);
                assert_int_equal(set, rows);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_bits, setup, teardown),
            cmocka_unit_test_setup_teardown(test_bits_of_two, setup, teardown),
            cmocka_unit_test_setup_teardown(test_nothing_is_one_class, setup, teardown),
            cmocka_unit_test_setup_teardown(test_features_without_addresses, setup, teardown),
            cmocka_unit_test_setup_teardown(test_overlaps_of_one_feature, setup, teardown),
            cmocka_unit_test_setup_teardown(test_one_class_however_it_came, setup, teardown),
            cmocka_unit_test_setup_teardown(test_ends_of_the_line, setup, teardown),
            cmocka_unit_test_setup_teardown(test_nomatch, setup, teardown),
            cmocka_unit_test_setup_teardown(test_picked_elements, setup, teardown),
            cmocka_unit_test_setup_teardown(test_set_of_the_other_family, setup, teardown),
            cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
            cmocka_unit_test_setup_teardown(test_signatures, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
