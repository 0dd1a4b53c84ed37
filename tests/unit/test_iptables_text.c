#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "iptables/text.h"

/* What is printed must be what was read, to the byte. */
static void assert_prints_itself(enum family family, const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf out = {0};
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err;

        if (iptables_parse(ruleset, family, text, &err) < 0)
                fail_msg("%s", err.text);
        iptables_print(ruleset, family, true, &out);
        assert_string_equal(strbuf_text(&out), text);
}

static struct rule parse_rule(struct arena *arena, enum family family, const char *body)
{
        struct ruleset *ruleset = ruleset_new(arena);
        const char *text = arena_printf(
            arena, "*filter\n:PENSTOCK-A - [0:0]\n:PENSTOCK-B - [0:0]\n-A PENSTOCK-A %s\nCOMMIT\n",
            body);
        struct err err;

        if (iptables_parse(ruleset, family, text, &err) < 0)
                fail_msg("%s", err.text);
        return ruleset->tables.items[0].chains.items[0].rules.items[0];
}

/* One line for each option, as both flavours of iptables-save 1.8.9 print it. */
static const struct {
        enum family family;
        enum match_kind kind; /* of the last match */
        const char *body;
} understood[] = {
    {FAMILY_IPV4, MATCH_SOURCE, "-s 10.0.0.0/8"},
    {FAMILY_IPV4, MATCH_SOURCE, "! -s 10.0.0.0/8 -j DROP"},
    {FAMILY_IPV4, MATCH_DESTINATION, "-d 10.1.2.3/32 -g PENSTOCK-B"},
    {FAMILY_IPV6, MATCH_DESTINATION, "-s ::1.2.3.4/128 -d 2001:0:0:1::1/128 -j ACCEPT"},
    {FAMILY_IPV4, MATCH_OUT_INTERFACE, "-i eth0 ! -o veth+ -j PENSTOCK-B"},
    {FAMILY_IPV4, MATCH_PROTOCOL, "-p tcp -j REJECT --reject-with tcp-reset"},
    {FAMILY_IPV4, MATCH_PROTOCOL, "! -p udp -j REJECT"},
    {FAMILY_IPV6, MATCH_PROTOCOL, "-p ipv6-icmp -j RETURN"},
    {FAMILY_IPV4, MATCH_PROTOCOL, "-p 47 -j RETURN"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment plain_word-1"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment \"penstock: a/b ingress[0]\" -j RETURN"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment \"it\\'s \\\"q\\\" \\\\ back\" -j RETURN"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment \"\" -j RETURN"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment \"two\nlines\" -j RETURN"},
    {FAMILY_IPV4, MATCH_COMMENT, "-m comment --comment \" -j DROP -m set\" -j RETURN"},
    {FAMILY_IPV4, MATCH_CTSTATE, "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"},
    {FAMILY_IPV4, MATCH_CTSTATE, "-m conntrack ! --ctstate INVALID,NEW,UNTRACKED -j RETURN"},
    {FAMILY_IPV4, MATCH_CTSTATE, "-m conntrack --ctstate NEW -m conntrack --ctstate RELATED"},
    {FAMILY_IPV4, MATCH_SET, "-m set --match-set penstock-a src -j RETURN"},
    {FAMILY_IPV4, MATCH_SET, "-m set ! --match-set penstock-a dst,src -j RETURN"},
    {FAMILY_IPV4, MATCH_DESTINATION_PORT, "-p tcp -m tcp --dport 80"},
    {FAMILY_IPV4, MATCH_DESTINATION_PORT, "-p tcp -m tcp ! --sport 0:99 --dport 80:65535"},
    {FAMILY_IPV4, MATCH_SOURCE_PORT, "-p udp -m comment --comment x -m udp --sport 53"},
    {FAMILY_IPV6, MATCH_DESTINATION_PORT, "-p sctp -m sctp ! --dport 9"},
    {FAMILY_IPV4, MATCH_DESTINATION_PORTS, "-p udp -m multiport --dports 1,2:5,80"},
    {FAMILY_IPV4, MATCH_SOURCE_PORTS, "-p tcp -m multiport ! --sports 80 -j DROP"},
    {FAMILY_IPV4, MATCH_TCP_FLAGS, "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"},
    {FAMILY_IPV4, MATCH_TCP_FLAGS,
     "-p tcp -m tcp --dport 1 --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE"},
    {FAMILY_IPV6, MATCH_SCTP_INIT, "-p sctp -m sctp ! --chunk-types only INIT"},
    {FAMILY_IPV4, MATCH_ICMP_TYPE, "-p icmp -m icmp --icmp-type 8"},
    {FAMILY_IPV4, MATCH_ICMP_TYPE, "-p icmp -m icmp --icmp-type 3/0"},
    {FAMILY_IPV6, MATCH_ICMP_TYPE, "-p ipv6-icmp -m icmp6 --icmpv6-type 135"},
    {FAMILY_IPV4, MATCH_HOP_LIMIT, "-m ttl --ttl-eq 255"},
    {FAMILY_IPV6, MATCH_HOP_LIMIT, "-m hl ! --hl-eq 64 -j DROP"},
    {FAMILY_IPV4, MATCH_DESTINATION_TYPE, "-m addrtype --dst-type BROADCAST,MULTICAST -j DROP"},
};

static void options_are_understood_and_printed_alike(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(understood); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const char *body = understood[i].body;
                struct rule rule = parse_rule(arena, understood[i].family, body);
                _cleanup_strbuf_ struct strbuf out = {0};
                vec_foreach (const struct match, match, &rule.matches)
                        if (match->kind == MATCH_UNKNOWN)
                                fail_msg("%s: unknown: %s", body, match->text);
                assert_true(rule.matches.n > 0 && rule.target.kind != TARGET_UNKNOWN);
                assert_int_equal(rule.matches.items[rule.matches.n - 1].kind, understood[i].kind);
                iptables_print_rule(understood[i].family, &rule, &out);
                assert_string_equal(strbuf_text(&out) + 1, body);
        }
}

/* No claim about what these mean, and not a byte of them is lost. */
static void what_is_not_understood_is_kept(void **state)
{
        static const struct {
                size_t matches;
                const char *body;
        } cases[] = {
            {1, "-m addrtype --dst-type LOCAL -j RETURN"},
            {2, "-p udp -m addrtype ! --dst-type LOCAL --limit-iface-in -j DROP"},
            {1, "-s 10.0.0.0/255.0.255.0 -j RETURN"},
            {1, "-m mark --mark 0x1/0xff -j MARK --set-xmark 0x2/0xff"},
            {2, "-p tcp -m tcp --sport 5 --dport 7 --tcp-option 4 -j RETURN"},
            {3, "-p tcp -m tcp --sport 5 -m tcp --dport 7 -j RETURN"},
            {1, "-m conntrack --ctstate DNAT -j RETURN"},
            {1, "-m set --match-set a src --return-nomatch -j RETURN"},
            {1, "-m ttl --ttl-lt 2 -j RETURN"},
            {2, "-p icmp -m icmp --icmp-type any -j RETURN"},
            {2, "-p sctp -m sctp --chunk-types any INIT -j RETURN"},
            {2, "-p sctp -m sctp --chunk-types only INIT,DATA -j RETURN"},
            {1, "-f -j LOG --log-prefix \"a -j b\" --log-level 6"},
            {0, "-j MASQUERADE --random-fully"},
            {1, "-d fd00::1/128 -j RETURN"}, /* in a table of IPv4 */
            {1, "-m comment -j RETURN"},
            {2, "-p 300 -m tcp --dport 80 -j RETURN"},
            {2, "-p udp -m udp --dport 65536 -j RETURN"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf out = {0};
                struct rule rule = parse_rule(arena, FAMILY_IPV4, cases[i].body);
                bool unknown = rule.target.kind == TARGET_UNKNOWN;
                vec_foreach (const struct match, match, &rule.matches)
                        unknown |= match->kind == MATCH_UNKNOWN;
                if (!unknown)
                        fail_msg("taken for something known: %s", cases[i].body);
                assert_int_equal(rule.matches.n, cases[i].matches);
                iptables_print_rule(FAMILY_IPV4, &rule, &out);
                assert_string_equal(strbuf_text(&out) + 1, cases[i].body);
        }
}

static void values_are_read(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct rule rule = parse_rule(arena, FAMILY_IPV4,
                                      "! -s 10.1.0.0/16 -p tcp -m multiport --dports 1,2:5 -m set "
                                      "--match-set s dst,src -m tcp ! --syn -j PENSTOCK-B");
        const struct match *matches = rule.matches.items;

        assert_true(matches[0].invert && matches[0].prefix.length == 16);
        assert_int_equal(matches[1].number, PROTOCOL_TCP);
        assert_int_equal(matches[2].ports.n, 2);
        assert_int_equal(matches[2].ports.items[1].last, 5);
        assert_string_equal(matches[3].set.name, "s");
        assert_int_equal(matches[3].set.ends[0], SET_DESTINATION);
        assert_int_equal(matches[3].set.n_ends, 2);
        assert_true(matches[4].invert && matches[4].tcp_flags.mask == 23);
        assert_int_equal(matches[4].tcp_flags.set, 2);
        assert_int_equal(rule.target.kind, TARGET_JUMP);
        assert_string_equal(rule.target.text, "PENSTOCK-B");
}

/* As iptables-save would, whatever the order in which a rule was built. */
static void own_options_are_printed_first(void **state)
{
        static const char *const cases[][2] = {
            {"-p tcp -m tcp --dport 80 -s 10.0.0.0/8", "-s 10.0.0.0/8 -p tcp -m tcp --dport 80"},
            {"-m comment --comment x -o a -i b -d 10.0.0.1/32",
             "-d 10.0.0.1/32 -i b -o a -m comment --comment x"},
            {"-s 10.0.0.0/255.0.255.0 -p tcp -f -m foo",
             "-s 10.0.0.0/255.0.255.0 -p tcp -f -m foo"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf out = {0};
                struct rule rule = parse_rule(arena, FAMILY_IPV4, cases[i][0]);
                iptables_print_rule(FAMILY_IPV4, &rule, &out);
                assert_string_equal(strbuf_text(&out) + 1, cases[i][1]);
        }
}

static void tables_chains_and_counters(void **state)
{
        assert_prints_itself(FAMILY_IPV4,
                             "*mangle\n:FORWARD DROP [1:2]\n:X - [0:0]\nCOMMIT\n"
                             "*filter\n:INPUT ACCEPT [18446744073709551615:3]\n:A - [0:0]\n"
                             "[4:5] -A INPUT -j A\n[0:0] -A A -j MASQUERADE\nCOMMIT\n");
        assert_prints_itself(FAMILY_IPV4, "");
}

/* Rules for chains of others go in at the top. */
static void insertions(void **state)
{
        assert_prints_itself(FAMILY_IPV4, "*filter\n:PENSTOCK-A - [0:0]\n"
                                          "[0:0] -A PENSTOCK-A -j DROP\n"
                                          "[0:0] -I FORWARD 1 -j PENSTOCK-A\n"
                                          "[0:0] -I FORWARD 2 -j PENSTOCK-A\nCOMMIT\n");
}

static void errors_name_the_line(void **state)
{
        static const char *const cases[][2] = {
            {"iptables v1.8.9 (nf_tables)\n", "line 1: not iptables-save's: iptables v1.8.9"},
            {"*filter\n:A - [0:0]\n", "line 3: the text ends before the COMMIT of table filter"},
            {"*filter\n-A B -j DROP\nCOMMIT\n", "line 2: a rule of a chain that was not declared"},
            {"*filter\n:A - [0:0]\n:A - [0:0]\nCOMMIT\n", "line 3: a chain that is there already"},
            {"*filter\n:A - [0:x]\nCOMMIT\n", "line 2: not a chain: :A - [0:x]"},
            {"*filter\n[1:] -A A\nCOMMIT\n", "line 2: not counters"},
            {"*filter\n-A\nCOMMIT\n", "line 2: not a rule"},
            {"*filter\n-D A -j DROP\nCOMMIT\n", "line 2: not iptables-save's"},
            {"*filter\nCOMMIT\n*filter\nCOMMIT\n", "line 3: a table that is there already"},
            {"*filter\n-I FORWARD 2 -j DROP\nCOMMIT\n", "line 2: no such position"},
            {"# Table `filter' is incompatible, use 'nft' tool.\n",
             "line 1: a table that iptables cannot read"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct err err = {0};
                assert_int_equal(iptables_parse(ruleset_new(arena), FAMILY_IPV4, cases[i][0], &err),
                                 -1);
                if (strncmp(err.text, cases[i][1], strlen(cases[i][1])) != 0)
                        fail_msg("%s: %s", cases[i][0], err.text);
        }
}

static char *read_file(struct arena *arena, const char *name)
{
        const char *path = arena_printf(arena, "%s/tests/data/%s", getenv("PENSTOCK_SOURCE"), name);
        FILE *file = fopen(path, "r");
        char *text = arena_alloc(arena, 1 << 20);

        if (!file)
                fail_msg("%s", path);
        assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
        fclose(file);
        return text;
}

/* A save without the lines that iptables-save writes for people. */
static char *without_notes(struct arena *arena, const char *text)
{
        char *out = arena_alloc(arena, strlen(text) + 1), *end = out;

        while (*text) {
                size_t length = strcspn(text, "\n");
                if (text[0] != '#')
                        end = mempcpy(end, text, length + 1);
                text += length + (text[length] == '\n');
        }
        return out;
}

/* A node with kube-proxy and another network policy engine. */
static void dumps_of_nodes_are_printed_again(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();

        assert_prints_itself(
            FAMILY_IPV4, without_notes(arena, read_file(arena, "kube-proxy+kube-router.v4.save")));
        assert_prints_itself(
            FAMILY_IPV6, without_notes(arena, read_file(arena, "kube-proxy+kube-router.v6.save")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(options_are_understood_and_printed_alike),
            cmocka_unit_test(what_is_not_understood_is_kept),
            cmocka_unit_test(values_are_read),
            cmocka_unit_test(own_options_are_printed_first),
            cmocka_unit_test(tables_chains_and_counters),
            cmocka_unit_test(insertions),
            cmocka_unit_test(errors_name_the_line),
            cmocka_unit_test(dumps_of_nodes_are_printed_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
