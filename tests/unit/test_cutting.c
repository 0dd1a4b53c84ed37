#include "unit.h"

#include "agent/cutting.h"
#include "base/strbuf.h"

/* Who is asked after which barrier. */

static void cutting_freep(struct cutting **cutting)
{
        cutting_free(*cutting);
}
#define _cleanup_cutting_ __attribute__((cleanup(cutting_freep)))

/* A change of the rules that shuts one address, or nobody, and is in force; true where a barrier is
 * to begin. */
static bool applied(struct cutting *cutting, const char *shut)
{
        struct touched *touched = cutting_touched(cutting);
        struct ip ip;

        if (shut) {
                assert_true(ip_parse(shut, &ip));
                vec_push(touched->arena, &touched->addresses, ip);
        }
        cutting_shut(cutting, shut, false);
        cutting_in_force(cutting, true);
        return cutting_begins(cutting, 1);
}

static bool failed(struct cutting *cutting)
{
        cutting_shut(cutting, true, false);
        cutting_in_force(cutting, false);
        return cutting_begins(cutting, 1);
}

/* "10.0.0.1 10.0.0.2", "everybody", "nobody" */
static void assert_asks(const struct cutting *cutting, const char *expected)
{
        const struct generation *asks = cutting_asks(cutting);
        _cleanup_strbuf_ struct strbuf text = {0};
        char ip[IP_TEXT_SIZE];

        if (!asks || asks->touched.everybody)
                strbuf_printf(&text, "%s", asks ? "everybody" : "nobody");
        else
                vec_foreach (const struct ip, address, &asks->touched.addresses)
                        strbuf_printf(&text, "%s%s", text.length ? " " : "",
                                      ip_format(address, ip));
        assert_string_equal(strbuf_text(&text), expected);
}

/* One whose first cut is done. */
static struct cutting *begun(void)
{
        struct cutting *cutting = cutting_new();

        assert_true(applied(cutting, NULL));
        cutting_barrier_over(cutting);
        cutting_asked(cutting, true);
        return cutting;
}

static void everybody_is_owed_the_first(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = cutting_new();

        assert_true(cutting_owes(cutting));
        assert_false(cutting_begins(cutting, 1)); /* no rules are in force yet */
        assert_true(applied(cutting, NULL));
        assert_asks(cutting, "nobody");
        assert_true(cutting_owes(cutting));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "everybody");
        cutting_asked(cutting, true);
        assert_asks(cutting, "nobody");
        assert_false(cutting_owes(cutting));
}

static void whoever_is_shut_waits_for_a_barrier(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_true(applied(cutting, "10.0.0.1"));
        assert_false(cutting_owes(cutting)); /* the agent says that it enforces meanwhile */
        assert_asks(cutting, "nobody");
        cutting_barrier_over(cutting);
        assert_asks(cutting, "10.0.0.1");
        cutting_asked(cutting, true);
        assert_false(cutting_begins(cutting, 1));
}

static void whoever_comes_meanwhile_waits_for_the_next(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_true(applied(cutting, "10.0.0.1"));
        assert_false(applied(cutting, "10.0.0.2"));
        assert_false(applied(cutting, NULL));
        cutting_barrier_over(cutting);
        assert_false(applied(cutting, "10.0.0.3")); /* before they have been asked */
        assert_asks(cutting, "10.0.0.1");
        cutting_asked(cutting, true);
        assert_asks(cutting, "nobody");
        assert_true(cutting_begins(cutting, 1));
        assert_false(applied(cutting, "10.0.0.4"));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "10.0.0.2 10.0.0.3");
        cutting_asked(cutting, true);
        assert_true(cutting_begins(cutting, 1));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "10.0.0.4");
}

static void nobody_is_asked_where_nothing_was_shut(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();
        struct touched *touched = cutting_touched(cutting);
        struct ip ip;

        assert_true(ip_parse("10.0.0.1", &ip));
        vec_push(touched->arena, &touched->addresses, ip);
        assert_false(applied(cutting, NULL));
        assert_true(applied(cutting, "10.0.0.2"));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "10.0.0.2");
}

/* What waited when it failed, too: the cluster that would judge it is not the rules'. */
static void nobody_is_asked_while_rules_are_not_in_force(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_true(applied(cutting, "10.0.0.1"));
        assert_false(failed(cutting));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "nobody");
        assert_false(failed(cutting));
        assert_false(applied(cutting, "10.0.0.2"));
        assert_asks(cutting, "10.0.0.1");
        cutting_asked(cutting, true);
        assert_true(cutting_owes(cutting)); /* what shut while it failed */
        assert_true(cutting_begins(cutting, 1));
        cutting_barrier_over(cutting);
        assert_asks(cutting, "10.0.0.2");
        cutting_asked(cutting, true);
        assert_false(cutting_owes(cutting));
}

static void no_barrier_begins_while_rules_are_not_in_force(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_false(failed(cutting));
        assert_true(cutting_owes(cutting));
        assert_true(applied(cutting, NULL));
        assert_true(cutting_owes(cutting));
}

/* … by the barrier that they had, and before others. */
static void who_could_not_be_asked_is_asked_again(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_true(applied(cutting, "10.0.0.1"));
        cutting_barrier_over(cutting);
        cutting_asked(cutting, false);
        assert_true(cutting_owes(cutting));
        assert_asks(cutting, "10.0.0.1");
        assert_false(applied(cutting, "10.0.0.2"));
        assert_asks(cutting, "10.0.0.1");
        cutting_asked(cutting, true);
        assert_false(cutting_owes(cutting));
        assert_true(cutting_begins(cutting, 1));
}

static void how_long_is_counted_from_the_first(void **state)
{
        _cleanup_cutting_ struct cutting *cutting = begun();

        assert_true(applied(cutting, "10.0.0.1"));
        assert_false(applied(cutting, "10.0.0.2"));
        cutting_barrier_over(cutting);
        cutting_asked(cutting, true);
        assert_true(cutting_begins(cutting, 5));
        cutting_barrier_over(cutting);
        assert_true(cutting_asks(cutting)->since == 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(everybody_is_owed_the_first),
            cmocka_unit_test(whoever_is_shut_waits_for_a_barrier),
            cmocka_unit_test(whoever_comes_meanwhile_waits_for_the_next),
            cmocka_unit_test(nobody_is_asked_where_nothing_was_shut),
            cmocka_unit_test(nobody_is_asked_while_rules_are_not_in_force),
            cmocka_unit_test(no_barrier_begins_while_rules_are_not_in_force),
            cmocka_unit_test(who_could_not_be_asked_is_asked_again),
            cmocka_unit_test(how_long_is_counted_from_the_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
