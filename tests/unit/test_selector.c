#include "unit.h"

#include <stdio.h>

#include "base/vec.h"
#include "kube/selector.h"

/* Literals of one translation unit stand in for interned texts: each is named once here. */
static const char app[] = "app", web[] = "web", db[] = "db", tier[] = "tier", front[] = "front",
                  absent[] = "absent";

static struct label label_items[] = {{app, web}, {tier, front}};
static const struct labels labels = {label_items, 2};

static void labels_are_found_by_key(void **state)
{
        assert_ptr_equal(labels_get(&labels, tier), front);
        assert_null(labels_get(&labels, absent));
}

/* However many there are, each is found, and nothing between them or beside them. */
static void many_labels_are_found_by_key(void **state)
{
        enum { MANY = 100 };
        static char keys[2 * MANY + 1][8];
        static struct label items[MANY];

        for (unsigned i = 0; i <= 2 * MANY; i++)
                snprintf(keys[i], sizeof(keys[i]), "k%03u", i);
        for (unsigned i = 0; i < MANY; i++)
                items[i] = (struct label){keys[2 * i + 1], web};
        for (size_t n = 0; n <= MANY; n++) {
                const struct labels some = {items, n};
                for (size_t i = 0; i <= 2 * MANY; i++)
                        assert_ptr_equal(labels_get(&some, keys[i]),
                                         i % 2 && i / 2 < n ? web : NULL);
        }
}

static void nothing_asked_is_everything(void **state)
{
        struct selector everything = {0};
        struct labels none = {0};

        assert_true(selector_matches(&everything, &labels));
        assert_true(selector_matches(&everything, &none));
}

/* Semantics 26: NotIn and DoesNotExist also match where the key is absent. */
static void operators(void **state)
{
        static const struct {
                const char *key;
                enum selector_operator operator;
                const char *values[2];
                size_t n;
                bool matches;
        } cases[] = {
            {app, SELECTOR_IN, {web}, 1, true},
            {app, SELECTOR_IN, {db, web}, 2, true},
            {app, SELECTOR_IN, {db}, 1, false},
            {absent, SELECTOR_IN, {web}, 1, false},
            {app, SELECTOR_NOT_IN, {web}, 1, false},
            {app, SELECTOR_NOT_IN, {db}, 1, true},
            {absent, SELECTOR_NOT_IN, {web}, 1, true},
            {app, SELECTOR_EXISTS, {NULL}, 0, true},
            {absent, SELECTOR_EXISTS, {NULL}, 0, false},
            {app, SELECTOR_DOES_NOT_EXIST, {NULL}, 0, false},
            {absent, SELECTOR_DOES_NOT_EXIST, {NULL}, 0, true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *values[] = {cases[i].values[0], cases[i].values[1]};
                struct requirement requirement = {cases[i].key, cases[i].operator, values,
                                                  cases[i].n};
                struct selector selector = {&requirement, 1};

                if (selector_matches(&selector, &labels) != cases[i].matches)
                        fail_msg("case %zu", i);
        }
}

static void all_requirements_must_hold(void **state)
{
        const char *is_web[] = {web}, *is_db[] = {db};
        struct requirement both[] = {{app, SELECTOR_IN, is_web, 1},
                                     {tier, SELECTOR_EXISTS, NULL, 0}};
        struct requirement one[] = {{app, SELECTOR_IN, is_db, 1}, {tier, SELECTOR_EXISTS, NULL, 0}};

        assert_true(selector_matches(&(struct selector){both, 2}, &labels));
        assert_false(selector_matches(&(struct selector){one, 2}, &labels));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(labels_are_found_by_key),
            cmocka_unit_test(many_labels_are_found_by_key),
            cmocka_unit_test(nothing_asked_is_everything),
            cmocka_unit_test(operators),
            cmocka_unit_test(all_requirements_must_hold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
