#include "prove_check.h"

/* Rules as compiled, with lines of others added, or lines of penstock's taken out; and what the
 * proof says of them. */

static void compiled_rules_are_equal(void **state)
{
        check_proof(B_FROM_A, &(struct change){0}, "");
        check_proof(A_TO_B, &(struct change){0}, "");
        check_proof(EVERYONE, &(struct change){0}, "");
}

static void rules_of_others_in_front_are_named(void **state)
{
        check_proof(B_FROM_A, &(struct change){.filter = "-I FORWARD 1 -i docker0 -j ACCEPT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = ":MINE -\n-A MINE -p udp -j ACCEPT\n"
                                               "-I FORWARD 1 -j MINE\n"},
                    "open MINE 1");
        check_proof(B_FROM_A, &(struct change){.filter = "-I FORWARD 1 -s 10.1.0.5/32 -j DROP\n"},
                    "others FORWARD 1");
        /* b is isolated, its packets are held back in midstream; those of others are not. */
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -d 198.51.100.0/24 -j ACCEPT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -s 192.0.2.128/25 -d 198.51.100.0/24 -j ACCEPT\n"},
                    "");
        /* What only established connections pass is no one's hole. */
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"},
                    "");
}

static void rules_of_others_behind_can_only_stop(void **state)
{
        check_proof(B_FROM_A, &(struct change){.filter = "-A FORWARD -j ACCEPT\n"}, "");
        check_proof(B_FROM_A, &(struct change){.filter = "-A FORWARD -p tcp -j REJECT\n"},
                    "others FORWARD 2");
        check_proof(
            B_FROM_A,
            &(struct change){.filter = "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"}, "");
        check_proof(B_FROM_A,
                    &(struct change){.more = "*raw\n:PREROUTING ACCEPT [0:0]\n"
                                             "-A PREROUTING -p udp -j DROP\nCOMMIT\n"},
                    "others PREROUTING 1");
}

static void what_is_lost_is_found(void **state)
{
        check_proof(B_FROM_A, &(struct change){.without = "-I FORWARD 1 "}, "open - 0");
        check_proof(B_FROM_A, &(struct change){.without = "--dport 8080"}, "shut PENSTOCK-DENY 1");
        check_proof(A_TO_B, &(struct change){.without = "established and related"},
                    "shut PENSTOCK-DENY 1, shut PENSTOCK-MIDSTREAM 1, shut PENSTOCK-MIDSTREAM 2");
}

static void what_is_not_understood_is_unproven(void **state)
{
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -m strange --thing -j ACCEPT\n"},
                    "unproven FORWARD 1");
        check_proof(B_FROM_A, &(struct change){.filter = "-I FORWARD 1 -j STRANGE --thing\n"},
                    "unproven FORWARD 1");
        /* … where it can decide anything. */
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-A FORWARD -m strange --thing -j ACCEPT\n"}, "");
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -s 192.0.2.128/25 -m strange --thing -j ACCEPT\n"},
                    "unproven FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -s 192.0.2.128/25 -d 198.51.100.0/24 "
                                               "-m strange --thing -j ACCEPT\n"},
                    "");
        check_proof(
            B_FROM_A,
            &(struct change){.filter = "-I FORWARD 1 -m set --match-set gone src -j ACCEPT\n"},
            "unproven FORWARD 1");
}

static void pods_use_their_own_links(void **state)
{
        struct change change = {.filter = "-I FORWARD 1 -i docker0 -o docker0 -j ACCEPT\n"};

        check_proof(B_FROM_A, &change, "open FORWARD 1");
        change.link = "veth1";
        check_proof(B_FROM_A, &change, "");
        change.filter = "-I FORWARD 1 -i eth+ -o veth+ -j ACCEPT\n";
        check_proof(B_FROM_A, &change, "open FORWARD 1");
        change.filter = "-I FORWARD 1 -i veth2 -d 198.51.100.0/24 -j ACCEPT\n";
        check_proof(A_TO_B, &change, "");
        change.filter = "-I FORWARD 1 -i veth+ -d 198.51.100.0/24 -j ACCEPT\n";
        check_proof(A_TO_B, &change, "open FORWARD 1");
}

static void dice_fall_both_ways(void **state)
{
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -m limit --limit 1/sec -j ACCEPT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-A FORWARD -m limit --limit 1/sec -j ACCEPT\n"
                                               "-A FORWARD -j DROP\n"},
                    "others FORWARD 3");
}

static void marks_count_where_packets_come_with_them(void **state)
{
        static const char accept[] = "-I FORWARD 1 -m mark --mark 0x4/0x4 -j ACCEPT\n";

        check_proof(B_FROM_A, &(struct change){.filter = accept}, "");
        check_proof(B_FROM_A,
                    &(struct change){.filter = accept,
                                     .more =
                                         "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp "
                                         "-j MARK --set-xmark 0x4/0x4\nCOMMIT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = accept,
                                     .more = "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i eth7 "
                                             "-j MARK --set-xmark 0x6/0xffffffff\nCOMMIT\n"},
                    "open FORWARD 1");
        /* A chain that has nothing to do with marks leaves them alone. */
        check_proof(B_FROM_A,
                    &(struct change){.filter = ":PLAIN -\n-A PLAIN -s 203.0.113.1/32 -j RETURN\n"
                                               "-I FORWARD 1 -p udp -j MARK --set-xmark 0x4/0x4\n"
                                               "-I FORWARD 2 -j PLAIN\n"
                                               "-I FORWARD 3 -m mark --mark 0x4/0x4 -j ACCEPT\n"},
                    "open FORWARD 3");
        /* Of a service that leads to b, and only there. */
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = accept,
                        .more = "*nat\n:PREROUTING ACCEPT [0:0]\n:SVC - [0:0]\n"
                                "-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j SVC\n"
                                "-A SVC -j MARK --set-xmark 0x4/0x4\n"
                                "-A SVC -p tcp -j DNAT --to-destination 10.1.0.2:9090\nCOMMIT\n"},
                    "open FORWARD 1, unproven FORWARD 1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(compiled_rules_are_equal),
            cmocka_unit_test(rules_of_others_in_front_are_named),
            cmocka_unit_test(rules_of_others_behind_can_only_stop),
            cmocka_unit_test(what_is_lost_is_found),
            cmocka_unit_test(what_is_not_understood_is_unproven),
            cmocka_unit_test(pods_use_their_own_links),
            cmocka_unit_test(dice_fall_both_ways),
            cmocka_unit_test(marks_count_where_packets_come_with_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
