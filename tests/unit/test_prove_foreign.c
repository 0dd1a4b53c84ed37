#include "prove_check.h"

#include "base/strbuf.h"

/* What others' rules can do to the proof: marks, links, limits, types of addresses, the other
 * flavour. Each was once a wrong answer, or a proof that contradicted itself. */

#define MANGLE(lines) "*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n" lines "COMMIT\n"

/* Chains that don't ask for marks are worked out once, and marks are kept through them. */
static void marks_are_kept_through_chains_that_ask_for_none(void **state)
{
        check_proof(
            B_FROM_A,
            &(struct change){
                .filter = ":MINE -\n-A MINE -d 203.0.113.9/32 -j LOG\n"
                          "-A MINE -d 203.0.113.9/32 -p udp -j DROP\n"
                          "-I FORWARD 1 -m mark --mark 0x4/0x4 -j ACCEPT\n"
                          "-I FORWARD 1 -j MINE\n",
                .more = MANGLE("-A FORWARD -s 192.0.2.128/25 -j MARK --set-xmark 0x4/0x4\n"),
            },
            "open FORWARD 2, others MINE 2");
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -m mark --mark 0x4/0x4 -j ACCEPT\n",
                        .more = MANGLE("-A FORWARD -s 192.0.2.128/25 -d 10.1.0.2/32 -p udp -m "
                                       "conntrack --ctstate NEW -j STRANGE --thing\n"),
                    },
                    "unproven FORWARD 1");
}

/* Packets that no rule tells apart but for a link are one case, and of each link's pods all the
 * same. */
static void cases_are_of_all_their_links(void **state)
{
        struct change change = {
            .filter = "-I FORWARD 1 -d 203.0.113.9/32 -p udp -o veth2 -m udp --dport 99 -j ACCEPT\n"
                      "-I FORWARD 1 -d 10.1.0.2/32 -p tcp -m tcp --dport 77 -j ACCEPT\n",
            .link = "veth1",
        };

        check_proof(B_FROM_A, &change, "open FORWARD 1");
        change.link_b = "veth2";
        check_proof(B_FROM_A, &change, "open FORWARD 1");
        /* What the last case of new connections is not asked of, established ones are. */
        change = (struct change){
            .filter = "-I FORWARD 1 -i veth2 -o veth1 -m conntrack --ctstate ESTABLISHED -j DROP\n",
            .link = "veth1",
            .link_b = "veth2",
        };
        check_proof(B_FROM_A, &change, "others FORWARD 1");
}

/* At INPUT a packet goes by no link yet, at OUTPUT it came by none. */
static void hooks_without_a_link_have_none(void **state)
{
        check_proof(EVERYONE,
                    &(struct change){.filter = ":INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
                                               ":BY -\n:FROM -\n-A BY -o eth0 -j DROP\n"
                                               "-A FROM -i eth0 -j DROP\n-A INPUT -j BY\n"
                                               "-A OUTPUT -j FROM\n"},
                    "");
        check_proof(EVERYONE,
                    &(struct change){.filter =
                                         ":INPUT ACCEPT [0:0]\n:BY -\n-A BY ! -o eth0 -j DROP\n"
                                         "-A INPUT -j BY\n"},
                    "others BY 1");
        check_proof(B_FROM_A,
                    &(struct change){.more = MANGLE(":BY -\n-A BY -o eth0 -j DROP\n"
                                                    "-A PREROUTING -j BY\n")},
                    "");
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -m mark --mark 0x1/0x1 -j ACCEPT\n",
                                     .more = MANGLE(":BY -\n-A BY ! -o eth0 -j MARK --set-xmark "
                                                    "0x1/0x1\n-A PREROUTING -j BY\n")},
                    "unproven - 0");
}

static void dice_need_not_fall_alike(void **state)
{
        check_proof(EVERYONE,
                    &(struct change){.filter = "-A FORWARD -m limit --limit 1/sec -j RETURN\n"
                                               "-A FORWARD -m limit --limit 9/sec -j DROP\n"},
                    "others FORWARD 3");
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -m mark --mark 0x1/0x1 -j ACCEPT\n",
                        .more = MANGLE("-A PREROUTING -m statistic --mode random --probability "
                                       "0.5 -j MARK --set-xmark 0x1/0x1\n")},
                    "open FORWARD 1");
}

/* Of IPv6, each type that is asked for has to fit. */
static void types_of_addresses_are_each_familys_own(void **state)
{
        check_proof(B_FROM_A,
                    &(struct change){.filter6 = "-I FORWARD 1 -m addrtype --src-type "
                                                "UNICAST,LOCAL -j ACCEPT\n"},
                    "");
        check_proof(B_FROM_A,
                    &(struct change){.filter6 = "-I FORWARD 1 -m addrtype --src-type UNICAST "
                                                "-j ACCEPT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -m addrtype ! --src-type "
                                               "LOCAL,MULTICAST -j ACCEPT\n"},
                    "open FORWARD 1");
        check_proof(B_FROM_A,
                    &(struct change){.filter = "-I FORWARD 1 -m addrtype ! --src-type UNICAST "
                                               "-j ACCEPT\n"},
                    "");
}

/* What others do to marked packets they do to no other. */
static void packets_come_with_the_marks_that_they_are_given(void **state)
{
        struct change change = {.filter = "-A FORWARD -m mark ! --mark 0x1/0x1 -j DROP\n",
                                .more = MANGLE("-A PREROUTING -j MARK --set-xmark 0x1/0x1\n")};

        check_proof(EVERYONE, &change, "");
        change.more = MANGLE("-A PREROUTING -s 10.1.0.0/24 -j MARK --set-xmark 0x1/0x1\n");
        check_proof(EVERYONE, &change, "others FORWARD 2");
        change = (struct change){.filter = "-A FORWARD -m mark --mark 0x4 -j ACCEPT\n"
                                           "-A FORWARD -p udp -j DROP\n",
                                 .more = MANGLE("-A PREROUTING -j MARK --set-xmark 0x1/0x1\n")};
        check_proof(EVERYONE, &change, "others FORWARD 3");
}

/* Which of the two tables comes first, nobody knows. */
static void flavours_come_in_any_order(void **state)
{
        check_proof(
            EVERYONE,
            &(struct change){.more = MANGLE("-A FORWARD -j MARK --set-xmark 0x1/0x1\n"),
                             .beside = MANGLE("-A FORWARD -m mark --mark 0x1/0x1 -j DROP\n")},
            "unproven FORWARD 1");
}

static void add_line_of_chains(struct strbuf *out, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                strbuf_printf(out, ":C%u -\n", i);
        for (unsigned i = 0; i + 1 < n; i++)
                strbuf_printf(out, "-A C%u -j C%u\n", i, i + 1);
        strbuf_printf(out, "-A C%u -s 203.0.113.9/32 -j DROP\n-A FORWARD -j C0\n", n - 1);
}

static void chains_lead_on_for_long(void **state)
{
        _cleanup_strbuf_ struct strbuf few = {0}, many = {0};

        add_line_of_chains(&few, 60);
        check_proof(EVERYONE, &(struct change){.filter = few.text}, "others C59 1");
        add_line_of_chains(&many, 20000);
        check_proof(EVERYONE, &(struct change){.filter = many.text}, "unproven C63 1");
}

/* Each chain leads to the next one twice, so that one packet would meet 2^40 rules. */
static void chains_branch_without_end(void **state)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        for (unsigned i = 0; i <= 40; i++)
                strbuf_printf(&text, ":C%u -\n", i);
        for (unsigned i = 0; i < 40; i++)
                strbuf_printf(&text, "-A C%u -j C%u\n-A C%u -j C%u\n", i, i + 1, i, i + 1);
        strbuf_add(&text, "-A C40 -s 10.1.0.1/32 -d 203.0.113.9/32 -j DROP\n"
                          "-A C40 -s 10.1.0.2/32 -d 203.0.113.8/32 -j DROP\n"
                          "-A FORWARD -j C0\n");
        check_proof(EVERYONE, &(struct change){.filter = text.text}, "others C40 1, others C40 2");
        strbuf_add(&text, "-A FORWARD -s 10.1.0.5/32 -j DROP\n");
        check_proof(EVERYONE, &(struct change){.filter = text.text},
                    "others C40 1, others C40 2, unproven - 0");
}

/* What would make more cases than can be looked at is not known. */
static void too_many_to_tell_apart_are_unproven(void **state)
{
        _cleanup_strbuf_ struct strbuf links = {0}, ports = {0}, set = {0};

        for (unsigned i = 0; i < 200; i++)
                strbuf_printf(&links,
                              "-A FORWARD -i eth%u -s 203.0.113.9/32 -j DROP\n"
                              "-A FORWARD -o eth%u -s 203.0.113.9/32 -j DROP\n",
                              i, i);
        check_proof(EVERYONE, &(struct change){.filter = links.text}, "unproven - 0");
        for (unsigned i = 1; i < 400; i++)
                strbuf_printf(&ports,
                              "-A FORWARD -s 203.0.113.9/32 -p tcp -m tcp --sport %u -j DROP\n"
                              "-A FORWARD -s 203.0.113.9/32 -p tcp -m tcp --dport %u -j DROP\n",
                              2 * i, 2 * i);
        strbuf_add(&ports,
                   "-I FORWARD 1 -s 203.0.113.9/32 -p tcp -m tcp --dport 2:800 -j RETURN\n");
        check_proof(EVERYONE, &(struct change){.filter = ports.text}, "unproven - 0");
        strbuf_add(&set, "create many hash:ip,port family inet hashsize 1024 maxelem 100000\n");
        for (unsigned i = 1; i < 70000; i++)
                strbuf_printf(&set, "add many 203.0.113.9,%s:%u\n", i > 65535 ? "udp" : "tcp",
                              i & 0xffff);
        check_proof(B_FROM_A,
                    &(struct change){
                        .filter = "-I FORWARD 1 -m set --match-set many src,dst -j ACCEPT\n",
                        .sets = set.text,
                    },
                    "unproven - 0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(marks_are_kept_through_chains_that_ask_for_none),
            cmocka_unit_test(cases_are_of_all_their_links),
            cmocka_unit_test(hooks_without_a_link_have_none),
            cmocka_unit_test(dice_need_not_fall_alike),
            cmocka_unit_test(types_of_addresses_are_each_familys_own),
            cmocka_unit_test(packets_come_with_the_marks_that_they_are_given),
            cmocka_unit_test(flavours_come_in_any_order),
            cmocka_unit_test(chains_lead_on_for_long),
            cmocka_unit_test(chains_branch_without_end),
            cmocka_unit_test(too_many_to_tell_apart_are_unproven),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
