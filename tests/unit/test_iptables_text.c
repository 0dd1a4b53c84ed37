#include "unit.h"

#include "iptables/text.h"

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
    {FAMILY_IPV4, MATCH_DESTINATION_TYPE, "-p udp -m addrtype ! --dst-type LOCAL --limit-iface-in"},
    {FAMILY_IPV4, MATCH_SOURCE_TYPE, "-m addrtype ! --src-type UNSPEC,UNICAST,PROHIBIT"},
    {FAMILY_IPV4, MATCH_DESTINATION_TYPE,
     "-m addrtype --src-type LOCAL ! --dst-type ANYCAST --limit-iface-out -j RETURN"},
    {FAMILY_IPV4, MATCH_DESTINATION_TYPE,
     "-m addrtype --src-type LOCAL -m addrtype --dst-type LOCAL --limit-iface-in"},
    {FAMILY_IPV4, MATCH_CTSTATE, "-m conntrack --ctstate NEW,SNAT,DNAT -j RETURN"},
    {FAMILY_IPV4, MATCH_MARK, "-m mark ! --mark 0x4000/0x4000 -j RETURN"},
    {FAMILY_IPV6, MATCH_MARK, "-m mark --mark 0x539 -j RETURN"},
    {FAMILY_IPV4, MATCH_CONNMARK, "-m connmark --mark 0x111/0xfff -j RETURN"},
    {FAMILY_IPV4, MATCH_DESTINATION_RANGE,
     "-m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10.0.0.3-10.0.0.3 -j DROP"},
    {FAMILY_IPV6, MATCH_SOURCE_RANGE, "-m iprange --src-range fd00::1-fd00::9"},
    {FAMILY_IPV4, MATCH_EITHER_PORTS, "-p tcp -m multiport --ports 1,2:3 -j DROP"},
    {FAMILY_IPV4, MATCH_DESTINATION_PORT, "-p tcp -m tcp --sport 5 -m tcp --dport 7 -j RETURN"},
    {FAMILY_IPV4, MATCH_SET, "-m set --match-set a src,dst,src --return-nomatch -j RETURN"},
    {FAMILY_IPV4, MATCH_SET,
     "-m set ! --match-set a src ! --update-counters --packets-gt 5 --bytes-eq 7 -j RETURN"},
    {FAMILY_IPV4, MATCH_COUNTS, "-p tcp -m tcp -j RETURN"},
    {FAMILY_IPV4, MATCH_COUNTS, "-p icmp -m icmp --icmp-type any -j RETURN"},
    {FAMILY_IPV4, MATCH_COUNTS, "-m nfacct --nfacct-name ct_state_invalid_dropped_pkts"},
    {FAMILY_IPV4, MATCH_CHANCE, "-m limit --limit 10/min --limit-burst 20"},
    {FAMILY_IPV4, MATCH_CHANCE, "-m statistic --mode random --probability 0.33333333349"},
    {FAMILY_IPV4, MATCH_CHANCE, "-m statistic --mode nth --every 3 --packet 0"},
    {FAMILY_IPV4, MATCH_CHANCE,
     "-m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-X --mask 255.255.255.255 "
     "--rsource"},
    {FAMILY_IPV6, MATCH_CHANCE,
     "-m recent ! --set --name X --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rdest"},
    {FAMILY_IPV4, MATCH_CHANCE,
     "-m hashlimit --hashlimit-above 7/hour --hashlimit-burst 5 --hashlimit-mode srcip,dstport "
     "--hashlimit-name x"},
    {FAMILY_IPV4, MATCH_CHANCE,
     "-p tcp -m connlimit --connlimit-above 10 --connlimit-mask 32 --connlimit-saddr"},
    {FAMILY_IPV4, MATCH_CHANCE, "-m quota --quota 10000"},
    {FAMILY_IPV4, MATCH_CHANCE, "-m time --timestart 08:00:00 --timestop 18:00:00 --weekdays Mon"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m physdev ! --physdev-in veth+ --physdev-is-bridged"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m owner ! --uid-owner 0-5 -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m socket --transparent -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m socket -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m rpfilter --validmark --invert -j DROP"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m mac --mac-source aa:bb:cc:00:11:22"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m pkttype --pkt-type broadcast"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m length --length 100:65535"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m ttl --ttl-lt 2 -j RETURN"},
    {FAMILY_IPV6, MATCH_BEYOND, "-m hl --hl-gt 2 -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m dscp --dscp 0x0a"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m tos --tos 0x10/0xff"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m string --string \"hello world\" --algo bm --to 100"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m u32 --u32 \"0x6&0xff=0x1\""},
    {FAMILY_IPV4, MATCH_BEYOND, "-m bpf --bytecode \"1,6 0 0 0\""},
    {FAMILY_IPV4, MATCH_BEYOND, "-m helper --helper ftp"},
    {FAMILY_IPV4, MATCH_BEYOND,
     "-m conntrack --ctstate NEW,DNAT --ctproto 6 --ctorigdst 10.0.0.1 --ctorigdstport 80 --ctdir "
     "ORIGINAL"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m conntrack ! --ctstatus SEEN_REPLY"},
    {FAMILY_IPV4, MATCH_BEYOND, "-p tcp -m tcp --sport 5 --dport 7 --tcp-option 4 -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-p sctp -m sctp --chunk-types any INIT -j RETURN"},
    {FAMILY_IPV4, MATCH_BEYOND, "-p 33 -m dccp --dport 5"},
    {FAMILY_IPV4, MATCH_BEYOND, "-p esp -m esp --espspi 5"},
    {FAMILY_IPV4, MATCH_BEYOND, "-p ah -m ah --ahspi 5:9"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m policy --dir in --pol ipsec"},
    {FAMILY_IPV4, MATCH_BEYOND, "-m cgroup --cgroup 5"},
    {FAMILY_IPV6, MATCH_BEYOND, "-m ipv6header --header hop-by-hop --soft"},
    {FAMILY_IPV6, MATCH_BEYOND, "-m frag --fragfirst"},
    {FAMILY_IPV6, MATCH_BEYOND, "-m rt --rt-type 0"},
};

/* One line for each target, as iptables-save prints it. */
static const struct {
        enum family family;
        enum target_kind kind;
        const char *text;
} targets[] = {
    {FAMILY_IPV4, TARGET_MARK, "MARK --set-xmark 0x4000/0x4000"},
    {FAMILY_IPV4, TARGET_CONNMARK, "CONNMARK --set-xmark 0x4/0xffffffff"},
    {FAMILY_IPV4, TARGET_CONNMARK, "CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff"},
    {FAMILY_IPV6, TARGET_CONNMARK, "CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"},
    {FAMILY_IPV4, TARGET_DNAT, "DNAT --to-destination 10.0.0.1:8080"},
    {FAMILY_IPV4, TARGET_DNAT,
     "DNAT --to-destination 10.0.0.1-10.0.0.5:80-90 --random --persistent"},
    {FAMILY_IPV4, TARGET_DNAT, "DNAT --to-destination :80"},
    {FAMILY_IPV6, TARGET_DNAT, "DNAT --to-destination [fd00::1]:80"},
    {FAMILY_IPV6, TARGET_DNAT, "DNAT --to-destination fd00::1"},
    {FAMILY_IPV6, TARGET_DNAT, "DNAT --to-destination :80"},
    {FAMILY_IPV4, TARGET_BEYOND, "DNAT --to-destination 10.0.0.1:80-90/5"},
    {FAMILY_IPV4, TARGET_SNAT, "SNAT --to-source 10.0.0.1 --random-fully"},
    {FAMILY_IPV4, TARGET_REDIRECT, "REDIRECT --to-ports 9090"},
    {FAMILY_IPV4, TARGET_REDIRECT, "REDIRECT"},
    {FAMILY_IPV4, TARGET_MASQUERADE, "MASQUERADE --random-fully"},
    {FAMILY_IPV4, TARGET_MASQUERADE, "MASQUERADE --to-ports 1000-2000"},
    {FAMILY_IPV4, TARGET_BEYOND, "NETMAP --to 10.0.0.0/24"},
    {FAMILY_IPV4, TARGET_NOTRACK, "CT --notrack"},
    {FAMILY_IPV4, TARGET_NOTRACK, "NOTRACK"},
    {FAMILY_IPV4, TARGET_ASIDE, "CT --zone 1"},
    {FAMILY_IPV4, TARGET_ASIDE, "CT --helper ftp --zone-orig mark"},
    {FAMILY_IPV4, TARGET_ASIDE, "LOG --log-prefix \"a -j b\" --log-level 6 --log-uid"},
    {FAMILY_IPV4, TARGET_ASIDE, "NFLOG --nflog-prefix \"a b\" --nflog-group 5 --nflog-size 80"},
    {FAMILY_IPV4, TARGET_ASIDE, "TCPMSS --clamp-mss-to-pmtu"},
    {FAMILY_IPV4, TARGET_ASIDE, "TCPMSS --set-mss 1400"},
    {FAMILY_IPV4, TARGET_ASIDE, "CHECKSUM --checksum-fill"},
    {FAMILY_IPV4, TARGET_ASIDE, "CLASSIFY --set-class 0001:0010"},
    {FAMILY_IPV4, TARGET_ASIDE, "DSCP --set-dscp 0x0a"},
    {FAMILY_IPV4, TARGET_ASIDE, "TOS --set-tos 0x10/0xff"},
    {FAMILY_IPV4, TARGET_ASIDE, "TRACE"},
    {FAMILY_IPV4, TARGET_ASIDE, "AUDIT --type accept"},
    {FAMILY_IPV4, TARGET_ASIDE, "TEE --gateway 10.0.0.1"},
    {FAMILY_IPV4, TARGET_ASIDE, "CONNSECMARK --save"},
    {FAMILY_IPV4, TARGET_BEYOND, "NFQUEUE --queue-num 5 --queue-bypass"},
    {FAMILY_IPV4, TARGET_BEYOND, "NFQUEUE --queue-balance 0:3"},
    {FAMILY_IPV6, TARGET_BEYOND,
     "TPROXY --on-port 15006 --on-ip :: --tproxy-mark 0x539/0xffffffff"},
    {FAMILY_IPV4, TARGET_BEYOND, "TTL --ttl-set 64"},
    {FAMILY_IPV6, TARGET_BEYOND, "HL --hl-dec 1"},
    {FAMILY_IPV4, TARGET_BEYOND, "SET --add-set a src,dst --exist"},
};

static void targets_are_understood_and_printed_alike(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                _cleanup_strbuf_ struct strbuf out = {0};
                const char *body = arena_printf(arena, "-p tcp -j %s", targets[i].text);
                struct rule rule = parse_rule(arena, targets[i].family, body);
                if (rule.target.kind != targets[i].kind)
                        fail_msg("%s: kind %d", body, rule.target.kind);
                assert_null(rule.written);
                assert_string_equal(rule.target.text, targets[i].text);
                iptables_print_rule(targets[i].family, &rule, &out);
                assert_string_equal(strbuf_text(&out) + 1, body);
        }
}

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
                if (rule.written)
                        fail_msg("%s: printed otherwise", body);
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
            {1, "-s 10.0.0.0/255.0.255.0 -j RETURN"},
            {1, "-m foo --bar 1 -j RETURN"},
            {1, "-m limit --limit often -j RETURN"},
            {1, "-m limit --limit 1/sec --limit 2/sec -j RETURN"},
            {1, "-m limit ! --limit 1/sec -j RETURN"},
            {2, "-p tcp -m tcp --dport 7 --dport 8 -j RETURN"},
            {1, "-m mark --mark 0x1/0xff -j MARK --set-xmark 0x2/0xff0000000"},
            {1, "-m addrtype --limit-iface-in -j RETURN"},
            {1, "-m addrtype --dst-type LOCAL ! --limit-iface-in -j RETURN"},
            {1, "-m set --match-set a src --return-match -j RETURN"},
            {2, "-p icmp -m icmp ! --icmp-type any -j RETURN"},
            {1, "-f -j LOG --log-prefix \"a -j b\" --log-level 6"},
            {0, "-j MASQUERADE --randomly"},
            {0, "-j PENSTOCK-C"},
            {0, "-j DNAT --to-destination fd00::1"},
            {1, "-d fd00::1/128 -j RETURN"}, /* in a table of IPv4 */
            {1, "-m comment -j RETURN"},
            {2, "-p 300 -m tcp --dport 80 -j RETURN"},
            {2, "-p udp -m udp --dport 65536 -j RETURN"},
            {1, "-m tcp -j RETURN"},
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
                rule.written = NULL;
                iptables_print_rule(FAMILY_IPV4, &rule, &out);
                assert_string_equal(strbuf_text(&out) + 1, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(options_are_understood_and_printed_alike),
            cmocka_unit_test(targets_are_understood_and_printed_alike),
            cmocka_unit_test(what_is_not_understood_is_kept),
            cmocka_unit_test(values_are_read),
            cmocka_unit_test(own_options_are_printed_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
