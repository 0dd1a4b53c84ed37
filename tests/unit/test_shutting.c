#include "unit.h"

#include "iptables/shutting.h"
#include "iptables/text.h"

/* Which changes of sets may shut what was open. */

#define RULES                                                                                      \
        "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-DENY - [0:0]\n"                                   \
        "-A PENSTOCK-A -m set --match-set penstock-allows src -j RETURN\n"                         \
        "-A PENSTOCK-A -m set --match-set penstock-nets src -j RETURN\n"                           \
        "-A PENSTOCK-A -m set --match-set penstock-both src -j RETURN\n"                           \
        "-A PENSTOCK-A -m set --match-set penstock-both dst -j DROP\n"                             \
        "-A PENSTOCK-A -m set --match-set penstock-drops dst -j DROP\n"                            \
        "-A PENSTOCK-A -m set --match-set penstock-sends dst -g PENSTOCK-DENY\n"                   \
        "-A PENSTOCK-A -m set ! --match-set penstock-not src -j RETURN\n"                          \
        "-A PENSTOCK-A -m set --match-set penstock-short src -j RETURN\nCOMMIT\n"

#define SETS                                                                                       \
        "create penstock-allows hash:ip family inet\n"                                             \
        "create penstock-nets hash:net family inet\n"                                              \
        "create penstock-both hash:ip family inet\n"                                               \
        "create penstock-drops hash:ip family inet\n"                                              \
        "create penstock-sends hash:ip family inet\n"                                              \
        "create penstock-not hash:ip family inet\n"                                                \
        "create penstock-short hash:ip family inet counters\n"

static struct ruleset *sets_of(struct arena *arena, const char *elements)
{
        struct ruleset *sets = ruleset_new(arena);
        const char *text = arena_printf(arena, "%s%s", SETS, elements);
        struct err err;

        if (ipset_parse(sets, text, &err) < 0)
                fail_msg("%s", err.text);
        ruleset_finish(sets);
        return sets;
}

static bool shuts(const char *before, const char *after)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *rules = ruleset_new(arena);
        const struct installed installed = {
            .rules = {rules, ruleset_new(arena)},
            .sets = sets_of(arena, before),
            .families = {true, true},
        };
        const struct wanted wanted = {.rules = {rules}, .sets = sets_of(arena, after)};
        _cleanup_plan_ struct plan plan = {0};
        struct apply_report report = {0};
        struct err err;

        if (iptables_parse(rules, FAMILY_IPV4, RULES, &err) < 0)
                fail_msg("%s", err.text);
        plan_make(&installed, &wanted, false, &report, &plan);
        apply_report_done(&report);
        return may_shut(&installed, &wanted, &report);
}

static void what_only_allows_may_grow(void **state)
{
        assert_false(shuts("", ""));
        assert_false(shuts("", "add penstock-allows 10.0.0.1\n"));
        assert_false(
            shuts("add penstock-nets 10.1.0.0/16 nomatch\n",
                  "add penstock-nets 10.1.0.0/16 nomatch\nadd penstock-nets 10.0.0.0/8\n"));
        assert_true(shuts("add penstock-allows 10.0.0.1\n", ""));
        assert_true(shuts("add penstock-allows 10.0.0.1\n", "add penstock-allows 10.0.0.2\n"));
}

static void what_takes_away_may_not(void **state)
{
        assert_true(shuts("add penstock-nets 10.0.0.0/8\n",
                          "add penstock-nets 10.0.0.0/8\nadd penstock-nets 10.1.0.0/16 nomatch\n"));
        assert_true(
            shuts("add penstock-nets 10.0.0.0/8\n", "add penstock-nets 10.0.0.0/8 nomatch\n"));
        assert_true(shuts("", "add penstock-drops 10.0.0.1\n"));
        assert_true(shuts("", "add penstock-both 10.0.0.1\n"));
        assert_true(shuts("", "add penstock-sends 10.0.0.1\n"));
        assert_true(shuts("", "add penstock-not 10.0.0.1\n"));
}

/* Rules below it allow what it holds, before and after. */
static void a_shortcut_decides_nothing(void **state)
{
        assert_false(shuts("add penstock-short 10.0.0.1\n", ""));
        assert_false(shuts("", "add penstock-short 10.0.0.1\nadd penstock-allows 10.0.0.2\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_only_allows_may_grow),
            cmocka_unit_test(what_takes_away_may_not),
            cmocka_unit_test(a_shortcut_decides_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
