#include "unit.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/decode/number.h"
#include "kube/decode/quote.h"
#include "kube/decode/timestamp.h"
#include "kube/decode/validate.h"

/* Single texts: how many faults each has. What they say is tested where whole manifests are. */

struct row {
        const char *text;
        size_t faults;
};

static void check(struct faults (*faults)(const char *), const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (faults(rows[i].text).n != rows[i].faults)
                        fail_msg("'%s' has %zu faults", rows[i].text, faults(rows[i].text).n);
}

#define A10  "aaaaaaaaaa"
#define A60  A10 A10 A10 A10 A10 A10
#define A63  A60 "aaa"
#define A250 A60 A60 A60 A60 A10

static void dns_labels(void **state)
{
        static const struct row rows[] = {
            {"a", 0},   {"0", 0},        {"a-b", 0},      {A63, 0},    {A63 "a", 1}, {"", 1},
            {"-", 1},   {"-a", 1},       {"a-", 1},       {"a.b", 1},  {"A", 1},     {"a_b", 1},
            {"a b", 1}, {"\xc3\xa9", 1}, {A60 ".aaa", 2}, {"a..b", 1}, {A63 "A", 2},
        };

        check(dns_label_faults, rows, ARRAY_SIZE(rows));
}

static void dns_subdomains(void **state)
{
        static const struct row rows[] = {
            {"a", 0},          {"a.b", 0},  {"a-b.0", 0}, {A250 "aaa", 0}, {A250 "aaaa", 1},
            {"", 1},           {".", 1},    {"a.", 1},    {".a", 1},       {"a..b", 1},
            {"a-.b", 1},       {"a.-b", 1}, {"A", 1},     {"a_b", 1},      {A250 "aaaA", 2},
            {A60 A60 ".a", 0}, /* parts have no limit of their own */
        };

        check(dns_subdomain_faults, rows, ARRAY_SIZE(rows));
}

static void label_keys(void **state)
{
        static const struct row rows[] = {
            {"a", 0},   {"A_b.c-D", 0}, {"a.b/C", 0},      {A250 "aaa/" A63, 0},
            {"", 2},    {"/", 3},       {"a/", 2},         {"/a", 1},
            {"A/b", 1}, {"a/b/c", 1},   {"a//b", 1},       {A63 "a", 1},
            {"-a", 1},  {"a.", 1},      {"_", 1},          {A250 "aaaa/a", 1},
            {"a b", 1}, {"a\n", 1},     {A250 "aaaA/", 4}, {"a_b/c", 1},
        };

        check(label_key_faults, rows, ARRAY_SIZE(rows));
}

static void label_values(void **state)
{
        static const struct row rows[] = {
            {"", 0},   {"a", 0},  {"A_b.c-1", 0}, {A63, 0},   {A63 "a", 1}, {"-", 1},
            {"a-", 1}, {".a", 1}, {A63 "/", 2},   {"a b", 1}, {"a/b", 1},   {"\xc3\xa9", 1},
        };

        check(label_value_faults, rows, ARRAY_SIZE(rows));
}

static void port_names(void **state)
{
        static const struct row rows[] = {
            {"a", 0},
            {"http", 0},
            {"a-1-b", 0},
            {"1a", 0},
            {"abcdefghijklmno", 0},
            {"", 2},
            {"80", 1},
            {"A", 2},
            {"-", 2},
            {"abcdefghijklmnop", 1},
            {"a--b", 1},
            {"a-", 1},
            {"-a", 1},
            {"a_b", 1},
            {"--", 3},
            {"----------------", 4},
            {"-_-------------1-", 5},
        };

        check(port_name_faults, rows, ARRAY_SIZE(rows));
}

static void integers(void **state)
{
        static const struct {
                const char *text;
                int32_t value;
        } good[] = {
            {"0", 0},
            {"-0", 0},
            {"80", 80},
            {"80.0", 80},
            {"8e1", 80},
            {"8E+1", 80},
            {"800e-1", 80},
            {"0.8e2", 80},
            {"10.50e1", 105},
            {"1000", 1000},
            {"0e999999", 0},
            {"0.000e-99", 0},
            {"2147483647", INT32_MAX},
            {"-2147483648", INT32_MIN},
            {"2.147483647e9", INT32_MAX},
            {"0.00000000000000000001e20", 1},
            {"100000000000000000000e-20", 1},
        };
        static const char *const bad[] = {
            "",
            "-",
            ".",
            "e1",
            "1e",
            "1e+",
            "1.5",
            "15e-1",
            "1 ",
            "0x10",
            "1_000",
            ".inf",
            "nan",
            "2147483648",
            "1e10",
            "1e9999999999999999999",
            "1e-9999999999999999999",
            "99999999999999999999",
            "-2147483649",
            "0.1",
            "1..0",
            "1e1.0",
        };
        int32_t value = 7;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_true(number_int32(good[i].text, &value));
                assert_int_equal(value, good[i].value);
        }
        value = 7;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (number_int32(bad[i], &value))
                        fail_msg("'%s' is %d", bad[i], value);
        assert_int_equal(value, 7);
}

static void timestamps(void **state)
{
        static const struct {
                const char *text;
                int64_t value;
        } good[] = {
            {"1970-01-01T00:00:00Z", 0},
            {"2024-02-29T12:00:00Z", 1709208000},
            {"2000-03-01T00:00:00Z", 951868800},
            {"2024-05-06T07:08:09.123456789Z", 1714979289},
            {"2024-05-06T09:08:09+02:00", 1714979289},
            {"2024-05-06T01:38:09-05:30", 1714979289},
            {"1969-12-31T23:59:59Z", -1},
            {"0001-01-01T00:00:00Z", -62135596800},
            {"9999-12-31T23:59:59Z", 253402300799},
        };
        static const char *const bad[] = {
            "",
            "2024-05-06",
            "2024-05-06T07:08:09",
            "2024-05-06 07:08:09Z",
            "2024-5-6T07:08:09Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00ZZ",
            "2024-01-01T00:00:00+0200",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01t00:00:00z",
        };
        int64_t value = 7;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_true(timestamp_parse(good[i].text, &value));
                assert_int_equal(value, good[i].value);
        }
        value = 7;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (timestamp_parse(bad[i], &value))
                        fail_msg("'%s' is a time", bad[i]);
        assert_int_equal(value, 7);
}

static void quotes(void **state)
{
        static const struct {
                const char *text, *shown;
        } rows[] = {
            {"", "\"\""},
            {"a b", "\"a b\""},
            {"a\"b\\c", "\"a\\\"b\\\\c\""},
            {"\n\r\t\x01\x7f", "\"\\n\\r\\t\\x01\\x7f\""},
            {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
            {"\xc2\x9b", "\"\\xc2\\x9b\""},          /* a control of C1 */
            {"\xe2\x80\xae", "\"\\xe2\\x80\\xae\""}, /* right to left */
            {"\xc0\xaf\xff", "\"\\xc0\\xaf\\xff\""}, /* not UTF-8 */
            {"\xe2\x82", "\"\\xe2\\x82\""},          /* cut short */
            {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
            {A60 A10 A10 "a", "\"" A60 A10 A10 "\"… (81 bytes)"},
            {A60 A10 A10, "\"" A60 A10 A10 "\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_strbuf_ struct strbuf buf = {0};

                quote_text(&buf, rows[i].text);
                assert_string_equal(buf.text, rows[i].shown);
        }
}

/* A list of a million items makes a short message too. */
static void long_lists_are_cut(void **state)
{
        struct value items[1000] = {0}, list = {.kind = VALUE_LIST, .first = items};
        _cleanup_strbuf_ struct strbuf buf = {0};

        for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
                items[i] = (struct value){.kind = VALUE_STRING, .text = A10};
                items[i].next = i + 1 < ARRAY_SIZE(items) ? &items[i + 1] : NULL;
        }
        quote_value(&buf, &list);
        assert_string_equal(buf.text, "[\"" A10 "\",\"" A10 "\",\"" A10 "\",\"" A10 "\",\"" A10
                                      "\",\"" A10 "\",\"" A10 "\",…]");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(dns_labels),         cmocka_unit_test(dns_subdomains),
            cmocka_unit_test(label_keys),         cmocka_unit_test(label_values),
            cmocka_unit_test(port_names),         cmocka_unit_test(integers),
            cmocka_unit_test(timestamps),         cmocka_unit_test(quotes),
            cmocka_unit_test(long_lists_are_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
