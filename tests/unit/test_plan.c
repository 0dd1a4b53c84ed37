#include "unit.h"

#include "iptables/plan.h"
#include "iptables/stand_in.h"
#include "iptables/text.h"

/* What is there and what is wanted, as texts, and the texts that lead from one to the other. */

struct scene {
        struct arena *arena;
        struct installed installed;
        struct wanted wanted;
        struct apply_report report;
        struct plan plan;
};

static void parse_rules(struct ruleset *ruleset, const char *text)
{
        struct err err;

        if (iptables_parse(ruleset, FAMILY_IPV4, text, &err) < 0)
                fail_msg("%s", err.text);
}

static struct ruleset *parse_sets(struct arena *arena, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err;

        if (ipset_parse(ruleset, text, &err) < 0)
                fail_msg("%s", err.text);
        ruleset_finish(ruleset);
        return ruleset;
}

static void scene_plan(struct scene *scene, const char *now, const char *wanted,
                       const char *sets_now, const char *sets_wanted)
{
        struct arena *arena = arena_new();
        struct ruleset *rules = ruleset_new(arena);

        *scene = (struct scene){.arena = arena};
        scene->installed = (struct installed){
            .rules = {ruleset_new(arena), ruleset_new(arena)},
            .sets = parse_sets(arena, sets_now),
            .usable = {true, true},
            .families = {true, true},
        };
        parse_rules(scene->installed.rules[FLAVOUR_NFT], now);
        parse_rules(rules, wanted);
        scene->wanted =
            (struct wanted){.rules = {rules, NULL}, .sets = parse_sets(arena, sets_wanted)};
        plan_make(&scene->installed, &scene->wanted, true, &scene->report, &scene->plan);
}

static void scene_done(struct scene *scene)
{
        plan_done(&scene->plan);
        apply_report_done(&scene->report);
        arena_free(scene->arena);
}

static const char *rules_text(const struct scene *scene)
{
        return strbuf_text(&scene->plan.rules[FLAVOUR_NFT][FAMILY_IPV4]);
}

#define FILTER  "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
#define JUMP    "-m comment --comment \"penstock: network policy\" -j PENSTOCK-FORWARD\n"
#define WANTED  "*filter\n:PENSTOCK-FORWARD - [0:0]\n:PENSTOCK-A - [0:0]\n"
#define RULES   "-A PENSTOCK-FORWARD -j PENSTOCK-A\n-A PENSTOCK-A -j DROP\n"
#define INSTALL WANTED RULES "-I FORWARD 1 " JUMP "COMMIT\n"

static void assert_rules(const char *now, const char *wanted, const char *expected)
{
        struct scene scene;

        scene_plan(&scene, now, wanted, "", "");
        assert_string_equal(rules_text(&scene), expected);
        assert_int_equal(plan_has_steps(&scene.plan), *expected != '\0');
        scene_done(&scene);
}

static void from_nothing(void **state)
{
        const char *expected = "*filter\n:PENSTOCK-FORWARD - [0:0]\n:PENSTOCK-A - [0:0]\n"
                               "-I FORWARD 1 " JUMP RULES "COMMIT\n";

        assert_rules("", INSTALL, expected);
        assert_rules(FILTER "-A FORWARD -j DROP\nCOMMIT\n", INSTALL, expected);
}

static void what_is_there_is_not_sent(void **state)
{
        assert_rules(FILTER ":PENSTOCK-A - [0:0]\n:PENSTOCK-FORWARD - [0:0]\n[7:8] -A FORWARD " JUMP
                            "-A FORWARD -j ACCEPT\n" RULES "COMMIT\n",
                     INSTALL, "");
        assert_rules("", "", "");
        assert_rules(FILTER "-A FORWARD -j DROP\nCOMMIT\n", "", "");
}

/* Rules that stay keep their counters, wherever they stood; only the changed chain is sent. */
static void a_changed_chain_keeps_counters(void **state)
{
        struct scene scene;

        scene_plan(&scene,
                   "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n"
                   "[1:10] -A PENSTOCK-A -s 10.0.0.1/32 -j RETURN\n"
                   "[2:20] -A PENSTOCK-A -s 10.0.0.2/32 -j RETURN\n"
                   "[3:30] -A PENSTOCK-A -s 10.0.0.3/32 -j RETURN\n"
                   "[4:40] -A PENSTOCK-B -j DROP\nCOMMIT\n",
                   "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n"
                   "-A PENSTOCK-A -s 10.0.0.3/32 -j RETURN\n"
                   "-A PENSTOCK-A -s 10.0.0.4/32 -j RETURN\n"
                   "-A PENSTOCK-A -s 10.0.0.1/32 -j RETURN\n"
                   "-A PENSTOCK-B -j DROP\nCOMMIT\n",
                   "", "");
        assert_string_equal(rules_text(&scene), "*filter\n:PENSTOCK-A - [0:0]\n"
                                                "[3:30] -A PENSTOCK-A -s 10.0.0.3/32 -j RETURN\n"
                                                "-A PENSTOCK-A -s 10.0.0.4/32 -j RETURN\n"
                                                "[1:10] -A PENSTOCK-A -s 10.0.0.1/32 -j RETURN\n"
                                                "COMMIT\n");
        assert_int_equal(scene.report.chains_changed, 1);
        assert_int_equal(scene.report.rules_sent, 3);
        scene_done(&scene);
}

/* iptables-nft prints matches in another order than they were given. */
static void the_order_of_matches_does_not_matter(void **state)
{
        assert_rules("*filter\n:PENSTOCK-A - [0:0]\n-A PENSTOCK-A -p tcp -m comment --comment x -m "
                     "tcp --dport 80 -j DROP\nCOMMIT\n",
                     "*filter\n:PENSTOCK-A - [0:0]\n-A PENSTOCK-A -p tcp -m tcp --dport 80 -m "
                     "comment --comment x -j DROP\nCOMMIT\n",
                     "");
}

static void stale_chains_go_and_others_stay(void **state)
{
        assert_rules("*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n:DOCKER - [0:0]\n"
                     "-A PENSTOCK-A -j PENSTOCK-B\n-A DOCKER -j DROP\nCOMMIT\n",
                     "",
                     "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n"
                     "-X PENSTOCK-A\n-X PENSTOCK-B\nCOMMIT\n");
}

/* The kernel would refuse to remove it, and with it the whole transaction. */
static void a_chain_that_others_jump_to_is_left_empty(void **state)
{
        static const char now[] = "*filter\n:PENSTOCK-A - [0:0]\n:MINE - [0:0]\n"
                                  "-A PENSTOCK-A -j DROP\n-A MINE -g PENSTOCK-A\nCOMMIT\n";
        struct scene scene;

        scene_plan(&scene, now, "", "", "");
        assert_string_equal(rules_text(&scene), "*filter\n:PENSTOCK-A - [0:0]\nCOMMIT\n");
        assert_non_null(strstr(scene.report.notes.text, "chain MINE leads into it"));
        scene_done(&scene);
        assert_rules("*filter\n:PENSTOCK-A - [0:0]\n:MINE - [0:0]\n-A MINE -g PENSTOCK-A\nCOMMIT\n",
                     "", "");
}

static void assert_jumps(const char *forward, const char *expected)
{
        _cleanup_strbuf_ struct strbuf now = {0}, change = {0};

        strbuf_printf(&now,
                      FILTER ":PENSTOCK-FORWARD - [0:0]\n:PENSTOCK-A - [0:0]\n%s" RULES "COMMIT\n",
                      forward);
        if (*expected)
                strbuf_printf(&change, "*filter\n%sCOMMIT\n", expected);
        assert_rules(now.text, INSTALL, strbuf_text(&change));
}

static void the_jump_is_put_back(void **state)
{
        assert_jumps("-A FORWARD " JUMP "-A FORWARD -j DROP\n", "");
        assert_jumps("-A FORWARD -j DROP\n", "-I FORWARD 1 " JUMP);
        assert_jumps("-A FORWARD -j DROP\n[5:6] -A FORWARD " JUMP,
                     "-D FORWARD " JUMP "[5:6] -I FORWARD 1 " JUMP);
        assert_jumps("-A FORWARD " JUMP "-A FORWARD " JUMP,
                     "-D FORWARD " JUMP "-D FORWARD " JUMP "-I FORWARD 1 " JUMP);
        assert_jumps("-A FORWARD -i eth0 " JUMP, "-D FORWARD -i eth0 " JUMP "-I FORWARD 1 " JUMP);
        assert_jumps("-A FORWARD " JUMP "-A INPUT -m foo ! --bar \"a b\" -g PENSTOCK-A\n",
                     "-D INPUT -m foo ! --bar \"a b\" -g PENSTOCK-A\n");
}

/* As undo wants it: where they stood among the rules of others. */
static void jumps_go_where_they_were(void **state)
{
        assert_rules(
            FILTER ":PENSTOCK-FORWARD - [0:0]\n-A FORWARD " JUMP
                   "-A FORWARD -j ACCEPT\n-A FORWARD -j DROP\nCOMMIT\n",
            FILTER ":PENSTOCK-FORWARD - [0:0]\n-A FORWARD -j ACCEPT\n[1:2] -A FORWARD " JUMP
                   "-A FORWARD -j DROP\n-A FORWARD " JUMP "COMMIT\n",
            "*filter\n-D FORWARD " JUMP "-I FORWARD 2 " JUMP "-I FORWARD 4 " JUMP "COMMIT\n");
}

#define MADE " family inet hashsize 64 maxelem 16777216\n"

#define USES(set) "-A PENSTOCK-A -m set --match-set penstock-" set " src -j RETURN\n"
#define CHAIN(rules)                                                                               \
        "*filter\n:PENSTOCK-A - [0:0]\n-A PENSTOCK-A -m set --match-set penstock-d src -j "        \
        "DROP\n" rules "COMMIT\n"

static void assert_sets(const char *now, const char *wanted, const char *grow, const char *shrink,
                        const char *destroy)
{
        struct scene scene;

        scene_plan(&scene, CHAIN(USES("a")), CHAIN(USES("a")), now, wanted);
        assert_string_equal(strbuf_text(&scene.plan.before), grow);
        assert_string_equal(strbuf_text(&scene.plan.after), shrink);
        assert_string_equal(strbuf_text(&scene.plan.destroy), destroy);
        scene_done(&scene);
}

static void sets_change_by_element(void **state)
{
        assert_sets("", "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.1\n",
                    "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.1\n", "", "");
        assert_sets(
            "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.3\nadd penstock-a 10.0.0.1\n",
            "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.2\nadd penstock-a 10.0.0.3\n",
            "add penstock-a 10.0.0.2\n", "del penstock-a 10.0.0.1\n", "");
        assert_sets("create penstock-b hash:ip" MADE "add penstock-b 10.0.0.1\n"
                    "create OTHER hash:ip\nadd OTHER 10.0.0.9\n",
                    "", "", "", "destroy penstock-b\n");
        assert_sets("create penstock-a hash:ip,port" MADE "add penstock-a 10.0.0.1,tcp:80\n",
                    "create penstock-a hash:ip,port" MADE "add penstock-a 10.0.0.1,udp:80\n",
                    "add penstock-a 10.0.0.1,udp:80\n", "del penstock-a 10.0.0.1,tcp:80\n", "");
}

/* Others' rules keep it, or nobody: its first rule must not meet what is not wanted. */
static void a_set_is_right_before_its_first_rule(void **state)
{
        struct scene scene;

        scene_plan(&scene, CHAIN(""), CHAIN(USES("a")),
                   "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.1\n",
                   "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.2\n");
        assert_string_equal(strbuf_text(&scene.plan.before),
                            "del penstock-a 10.0.0.1\nadd penstock-a 10.0.0.2\n");
        assert_int_equal(scene.plan.after.length, 0);
        scene_done(&scene);
}

/* To the kernel it is one element: deleting the old one would delete the new one. */
static void nomatch_is_overwritten(void **state)
{
        assert_sets("create penstock-a hash:net" MADE "add penstock-a 10.0.0.0/8\n"
                    "add penstock-a 10.1.0.0/16\nadd penstock-a 10.2.0.0/16 nomatch\n",
                    "create penstock-a hash:net" MADE "add penstock-a 10.0.0.0/8\n"
                    "add penstock-a 10.1.0.0/16 nomatch\n",
                    "add penstock-a 10.1.0.0/16 nomatch\n", "del penstock-a 10.2.0.0/16\n", "");
}

/* A shortcut is the other way round: it must not hold what the rules in force do not allow. */
static void a_shortcut_shrinks_first_and_grows_last(void **state)
{
#define COUNTS "create penstock-a hash:ip family inet hashsize 64 maxelem 16777216 counters\n"
        assert_sets(COUNTS "add penstock-a 10.0.0.1 packets 7 bytes 8\n"
                           "add penstock-a 10.0.0.2 packets 0 bytes 0\n",
                    COUNTS "add penstock-a 10.0.0.2\nadd penstock-a 10.0.0.3\n",
                    "del penstock-a 10.0.0.1\n", "add penstock-a 10.0.0.3\n", "");
}

/* The names of the sets that need stand-ins, in order. */
static void assert_stand_ins(const char *now, const char *wanted, const char *sets_now,
                             const char *sets_wanted, const char *expected)
{
        _cleanup_strbuf_ struct strbuf found = {0};
        struct scene scene;
        struct map *names;
        struct err err;

        scene_plan(&scene, now, wanted, sets_now, sets_wanted);
        assert_int_equal(
            stand_in_names(scene.arena, &scene.installed, &scene.wanted, &scene.plan, &names, &err),
            0);
        for (size_t i = 0; i < map_size(names); i++)
                strbuf_printf(&found, "%s→%s ", map_entries(names)[i].key,
                              (const char *)map_entries(names)[i].value);
        assert_string_equal(strbuf_text(&found), expected);
        scene_done(&scene);
}

#define A          "create penstock-a hash:ip" MADE
#define B          "create penstock-b hash:ip" MADE
#define D          "create penstock-d hash:ip" MADE
#define ADD(s, ip) "add penstock-" s " 10.0.0." ip "\n"

/* Where neither state lets a packet through, no step between them may. */
static void sets_change_where_they_stand_unless_rules_change_too(void **state)
{
        const char *rules = CHAIN(USES("a")), *other = CHAIN(USES("a") "-A PENSTOCK-A -j DROP\n");

        /* Only rules: a set that is new is no change. */
        assert_stand_ins(rules, CHAIN(USES("b")), A ADD("a", "1"), B ADD("b", "2"), "");
        /* Both. */
        assert_stand_ins(rules, other, A, A ADD("a", "1"), "penstock-a→penstock-1-a ");
        assert_stand_ins(rules, other, A ADD("a", "1"), A, "penstock-a→penstock-1-a ");
        /* Not the ones that stay as they are, nor those that only drop, nor shortcuts. */
        assert_stand_ins(CHAIN(USES("a") USES("b")), CHAIN(USES("b") USES("a")),
                         A B ADD("a", "1") ADD("b", "1"), A B ADD("a", "1") ADD("b", "2"),
                         "penstock-b→penstock-1-b ");
        assert_stand_ins(rules, other, A D, A D ADD("d", "1"), "");
        assert_stand_ins(rules, other, COUNTS, COUNTS ADD("a", "1"), "");
}

static void sets_change_where_they_stand_for_one_pod_at_a_time(void **state)
{
        const char *rules = CHAIN(USES("a") USES("b"));

        assert_stand_ins(rules, rules, A B ADD("a", "1"), A B ADD("b", "1"), "");
        assert_stand_ins(rules, rules, A B, A B ADD("a", "1") ADD("b", "2"), "");
        assert_stand_ins(rules, rules, A B ADD("a", "1") ADD("b", "2"), A B, "");
        assert_stand_ins(rules, rules, A B ADD("a", "1"), A B ADD("b", "2"),
                         "penstock-a→penstock-1-a penstock-b→penstock-1-b ");
}

/* Spoilt by somebody: what is put back element by element would be a block without its except. */
static void blocks_change_at_once(void **state)
{
        const char *rules = CHAIN(USES("a"));

        assert_stand_ins(rules, rules, "create penstock-a hash:net" MADE,
                         "create penstock-a hash:net" MADE ADD("a", "0/24") ADD("a", "1 nomatch"),
                         "penstock-a→penstock-1-a ");
}

/* What an apply that was killed left behind is not taken for one's own. */
static void a_stand_in_has_a_name_of_its_own(void **state)
{
        assert_stand_ins(CHAIN(USES("1-a")), CHAIN(USES("a")), "create penstock-1-a hash:ip" MADE A,
                         A ADD("a", "1"), "penstock-a→penstock-2-a ");
}

static void a_misfit_is_replaced_by_way_of_another_name(void **state)
{
        struct scene scene;
        struct map *names;
        struct err err;

        scene_plan(&scene, CHAIN(USES("a")), CHAIN(USES("a")), "create penstock-a hash:net" MADE B,
                   A B ADD("a", "1"));
        assert_true(has_misfits(scene.installed.sets, scene.wanted.sets));
        assert_int_equal(
            stand_in_names(scene.arena, &scene.installed, &scene.wanted, &scene.plan, &names, &err),
            0);
        struct ruleset *sets =
            stand_in(scene.arena, scene.installed.sets, scene.wanted.sets, names);
        assert_null(ruleset_set(sets, "penstock-a"));
        assert_non_null(ruleset_set(sets, "penstock-1-a"));
        assert_non_null(ruleset_set(sets, "penstock-b"));
        assert_false(has_misfits(scene.installed.sets, sets));
        scene_done(&scene);
}

/* On the way by stand-ins nothing that was counted is lost. */
static void stand_ins_keep_counters(void **state)
{
        struct scene scene;
        struct map *names;
        struct err err;

        scene_plan(
            &scene,
            "*filter\n:PENSTOCK-A - [0:0]\n[7:8] -A PENSTOCK-A -m set --match-set penstock-a "
            "src -j RETURN\nCOMMIT\n",
            CHAIN(USES("a")), A, A ADD("a", "1"));
        assert_int_equal(
            stand_in_names(scene.arena, &scene.installed, &scene.wanted, &scene.plan, &names, &err),
            0);
        struct ruleset *rules = stand_in(scene.arena, scene.installed.rules[FLAVOUR_NFT],
                                         scene.wanted.rules[FLAVOUR_NFT], names);
        const struct rule *rule =
            &table_chain(ruleset_table(rules, FAMILY_IPV4, "filter"), "PENSTOCK-A")->rules.items[1];
        assert_string_equal(rule->matches.items[0].set.name, "penstock-1-a");
        assert_int_equal(rule->counters.packets, 7);
        scene_done(&scene);
}

/* Nothing of IPv6's is sent to a kernel that has none. */
static void a_family_that_the_kernel_lacks_is_left_out(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_plan_ struct plan plan = {0};
        struct installed installed = {
            .rules = {ruleset_new(arena), ruleset_new(arena)},
            .sets = ruleset_new(arena),
            .families = {true, false},
        };
        struct ruleset *rules = ruleset_new(arena);
        struct apply_report report = {0};
        struct err err;

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                assert_int_equal(iptables_parse(rules, family, INSTALL, &err), 0);
        const struct wanted wanted = {
            .rules = {NULL, rules},
            .sets = parse_sets(arena, "create penstock-a hash:ip" MADE "create penstock-b hash:ip "
                                      "family inet6 hashsize 64 maxelem 16777216\n"),
        };
        plan_make(&installed, &wanted, false, &report, &plan);
        assert_string_equal(strbuf_text(&plan.before), "create penstock-a hash:ip" MADE);
        assert_true(plan.rules[FLAVOUR_LEGACY][FAMILY_IPV4].length > 0);
        assert_int_equal(plan.rules[FLAVOUR_LEGACY][FAMILY_IPV6].length, 0);
        assert_int_equal(plan.rules[FLAVOUR_NFT][FAMILY_IPV4].length, 0);
        apply_report_done(&report);
}

static void a_dry_run_shows_what_changes(void **state)
{
        struct scene scene;

        scene_plan(
            &scene,
            "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n-A PENSTOCK-A -j ACCEPT\n-A "
            "PENSTOCK-A -j DROP\n-A PENSTOCK-B -j DROP\nCOMMIT\n",
            "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-C - [0:0]\n-A PENSTOCK-A -s 10.0.0.1/32 "
            "-j ACCEPT\n-A PENSTOCK-A -j DROP\n-A PENSTOCK-C -j PENSTOCK-A\n-I FORWARD 1 -j "
            "PENSTOCK-A\nCOMMIT\n",
            "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.1\n",
            "create penstock-a hash:ip" MADE "add penstock-a 10.0.0.2\n");
        assert_string_equal(scene.report.diff.text,
                            "- ipset add penstock-a 10.0.0.1\n"
                            "+ ipset add penstock-a 10.0.0.2\n"
                            "+ iptables-nft -A PENSTOCK-A -s 10.0.0.1/32 -j ACCEPT\n"
                            "- iptables-nft -A PENSTOCK-A -j ACCEPT\n"
                            "+ iptables-nft -N PENSTOCK-C\n"
                            "+ iptables-nft -A PENSTOCK-C -j PENSTOCK-A\n"
                            "- iptables-nft -A PENSTOCK-B -j DROP\n"
                            "- iptables-nft -N PENSTOCK-B\n"
                            "+ iptables-nft -I FORWARD 1 -j PENSTOCK-A\n");
        scene_done(&scene);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(from_nothing),
            cmocka_unit_test(what_is_there_is_not_sent),
            cmocka_unit_test(a_changed_chain_keeps_counters),
            cmocka_unit_test(the_order_of_matches_does_not_matter),
            cmocka_unit_test(stale_chains_go_and_others_stay),
            cmocka_unit_test(a_chain_that_others_jump_to_is_left_empty),
            cmocka_unit_test(the_jump_is_put_back),
            cmocka_unit_test(jumps_go_where_they_were),
            cmocka_unit_test(sets_change_by_element),
            cmocka_unit_test(a_set_is_right_before_its_first_rule),
            cmocka_unit_test(nomatch_is_overwritten),
            cmocka_unit_test(a_shortcut_shrinks_first_and_grows_last),
            cmocka_unit_test(sets_change_where_they_stand_unless_rules_change_too),
            cmocka_unit_test(sets_change_where_they_stand_for_one_pod_at_a_time),
            cmocka_unit_test(blocks_change_at_once),
            cmocka_unit_test(a_stand_in_has_a_name_of_its_own),
            cmocka_unit_test(a_misfit_is_replaced_by_way_of_another_name),
            cmocka_unit_test(stand_ins_keep_counters),
            cmocka_unit_test(a_family_that_the_kernel_lacks_is_left_out),
            cmocka_unit_test(a_dry_run_shows_what_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
