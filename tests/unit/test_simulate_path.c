#include "unit.h"

#include "iptables/text.h"
#include "verify/simulate.h"

/* Whole paths, in the words of iptables-save. 10.0.0.1 and 10.0.1.1 are the node's own. */

#define FILTER(rules)                                                                              \
        "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:OWN -\n" rules "COMMIT\n"
#define NAT(rules)                                                                                 \
        "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n" rules     \
        "COMMIT\n"
#define RAW(rules) "*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n" rules "COMMIT\n"
#define MANGLE(rules)                                                                              \
        "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"            \
        ":POSTROUTING ACCEPT\n" rules "COMMIT\n"

struct path {
        struct arena *arena;
        struct enforced enforced;
        struct sim_node node;
        struct sim_options options;
        struct sim_packet packet;
        bool from_node;
};

static struct ip ip(const char *text)
{
        struct ip result;

        assert_true(ip_parse(text, &result));
        return result;
}

static void install(struct path *path, const char *text)
{
        struct ruleset *ruleset = ruleset_new(path->arena);
        struct err err;

        if (iptables_parse(ruleset, FAMILY_IPV4, text, &err) < 0)
                fail_msg("%s", err.text);
        path->enforced.rules[path->enforced.n++] = ruleset;
        path->enforced.sets = ruleset;
}

/* A new connection from 10.1.0.2 on "left" to 10.2.0.2 port 80 by "right", through the rules. */
static struct path *path_of(struct arena *arena, const char *text)
{
        static struct ip own[2];
        struct path *path = arena_new_object(arena, struct path);
        struct ip from = ip("10.1.0.2"), to = ip("10.2.0.2");

        own[0] = ip("10.0.0.1");
        own[1] = ip("10.0.1.1");
        path->arena = arena;
        path->node = (struct sim_node){.known = true, .locals = own, .n_locals = 2};
        path->options.node = &path->node;
        path->packet = sim_packet_new(&from, &to, PROTOCOL_TCP, 80);
        path->packet.in_interface = "left";
        path->packet.out_interface = "right";
        install(path, text);
        return path;
}

static struct sim_result run(const struct path *path)
{
        return simulate_path(&path->enforced, path->from_node, &path->packet, &path->options);
}

static enum outcome outcome(const struct path *path)
{
        return run(path).outcome;
}

#define with_arena _cleanup_arena_ struct arena *arena = arena_new()

static void a_destination_is_translated_before_the_filter(void **state)
{
        with_arena;
        struct path *path = path_of(
            arena, NAT("-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination "
                       "10.2.0.9:8080\n")
                       FILTER("-A FORWARD -d 10.2.0.9/32 -p tcp -m tcp --dport 8080 -m conntrack "
                              "--ctstate DNAT -j ACCEPT\n-A FORWARD -j DROP\n"));
        struct sim_result result = run(path);

        assert_int_equal(result.outcome, OUTCOME_PASS);
        assert_true(result.rerouted);
        assert_int_equal(result.packet.destination_port, 8080);
        path->packet.destination_port = 81;
        assert_int_equal(outcome(path), OUTCOME_DROP);
        assert_false(run(path).rerouted);
        path->packet.destination_port = 80;
        path->packet.state = CT_ESTABLISHED; /* no more of a connection that was not translated */
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void what_is_translated_to_the_node_is_input(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, NAT("-A PREROUTING -j DNAT --to-destination 10.0.1.1\n")
                               FILTER("-A FORWARD -j DROP\n-A INPUT -i left -j ACCEPT\n"));

        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->node.known = false; /* now it may be forwarded as well */
        assert_int_equal(outcome(path), OUTCOME_UNKNOWN);
}

static void a_range_leaves_open_where_to(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.4-10.2.0.5\n")
                               FILTER("-A FORWARD -d 10.2.0.4/32 -j DROP\n"));
        struct path *all =
            path_of(arena, NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.4-10.2.0.5\n")
                               FILTER("-A FORWARD -j DROP\n-A INPUT -j DROP\n"));

        struct sim_result result = run(path);
        assert_int_equal(result.outcome, OUTCOME_UNKNOWN);
        assert_string_equal(result.chain->name, "FORWARD");
        assert_true(result.packet.unknown & SIM_DESTINATION);
        assert_int_equal(outcome(all), OUTCOME_DROP);
}

/* A link without an address has nowhere to redirect to: the kernel drops. */
static void a_redirection_needs_an_address_of_the_link(void **state)
{
        with_arena;
        struct sim_link link = {"left", ip("10.0.0.1")};
        struct path *path =
            path_of(arena, NAT("-A PREROUTING -j REDIRECT\n") FILTER("-A FORWARD -j DROP\n"));

        assert_int_equal(outcome(path), OUTCOME_UNKNOWN);
        path->node.links = &link;
        path->node.n_links = 1;
        assert_int_equal(outcome(path), OUTCOME_PASS);
        link.name = "right";
        assert_int_equal(outcome(path), OUTCOME_UNKNOWN);
}

static void what_is_not_tracked_is_not_translated(void **state)
{
        with_arena;
        struct path *path = path_of(
            arena,
            RAW("-A PREROUTING -s 10.1.0.2/32 -m conntrack --ctstate INVALID -j CT --notrack\n")
                NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.9\n")
                    FILTER("-A FORWARD -d 10.2.0.9/32 -j DROP\n-A FORWARD -m conntrack ! "
                           "--ctstate UNTRACKED -j DROP\n"));

        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->packet.source = ip("10.1.0.3");
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void marks_go_by_way_of_the_connection(void **state)
{
        with_arena;
        struct path *path = path_of(
            arena, MANGLE("-A PREROUTING -j MARK --set-xmark 0x30/0xff\n"
                          "-A PREROUTING -j CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xff\n"
                          "-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff\n"
                          "-A FORWARD -j CONNMARK --restore-mark --nfmask 0xf0 --ctmask 0xf0\n")
                       FILTER("-A FORWARD -m connmark ! --mark 0x30 -j DROP\n"
                              "-A FORWARD -m mark --mark 0x31 -j ACCEPT\n-A FORWARD -j DROP\n"));

        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->packet.mark = 0x100;
        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->packet.state = CT_INVALID; /* no connection, whose mark is neither 0x30 nor another */
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void a_hop_less_in_the_forward_chain(void **state)
{
        with_arena;
        struct path *path = path_of(
            arena, MANGLE("-A PREROUTING -m ttl --ttl-eq 7 -j ACCEPT\n-A PREROUTING -j DROP\n")
                       FILTER("-A FORWARD -m ttl ! --ttl-eq 6 -j DROP\n"));

        path->packet.hop_limit = 7;
        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->packet.hop_limit = 8;
        assert_int_equal(outcome(path), OUTCOME_DROP);
        struct path *none = path_of(arena, FILTER(""));
        none->packet.hop_limit = 1;
        assert_int_equal(outcome(none), OUTCOME_DROP);
        assert_null(run(none).table);
}

/* A table's ACCEPT is of its own hook alone. */
static void every_table_has_its_say(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, MANGLE("-A FORWARD -j ACCEPT\n") FILTER("-A FORWARD -j DROP\n"));

        struct sim_result result = run(path);
        assert_int_equal(result.outcome, OUTCOME_DROP);
        assert_string_equal(result.table->name, "filter");
}

static void both_ways_of_a_doubt_may_end_alike(void **state)
{
        static const struct {
                const char *rules;
                enum outcome outcome;
        } cases[] = {
            {FILTER("-A FORWARD -m limit --limit 1/sec -j LOG\n-A FORWARD -j DROP\n"),
             OUTCOME_DROP},
            {FILTER("-A FORWARD -m limit --limit 1/sec -j DROP\n-A FORWARD -j DROP\n"),
             OUTCOME_DROP},
            {FILTER("-A FORWARD -m limit --limit 1/sec -j OWN\n-A OWN -j RETURN\n"), OUTCOME_PASS},
            {FILTER("-A FORWARD -m limit --limit 1/sec -g OWN\n-A FORWARD -j DROP\n"),
             OUTCOME_UNKNOWN},
            {FILTER("-A FORWARD -m limit --limit 1/sec -j ACCEPT\n-A FORWARD -j REJECT\n"),
             OUTCOME_UNKNOWN},
            {FILTER("-A FORWARD -m limit --limit 1/sec -j MARK --set-xmark 0x1/0x1\n"
                    "-A FORWARD -m mark --mark 0x2/0x2 -j DROP\n"),
             OUTCOME_PASS},
            {FILTER("-A FORWARD -m limit --limit 1/sec -j MARK --set-xmark 0x1/0x1\n"
                    "-A FORWARD -m mark --mark 0x1/0x1 -j DROP\n"),
             OUTCOME_UNKNOWN},
            {FILTER("-A FORWARD -m mystery --word -p tcp -j NFQUEUE --queue-num 1\n"),
             OUTCOME_UNKNOWN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                with_arena;
                struct path *path = path_of(arena, cases[i].rules);
                struct sim_result result = run(path);
                assert_int_equal(result.outcome, cases[i].outcome);
                if (result.outcome == OUTCOME_UNKNOWN)
                        assert_non_null(result.rule);
        }
}

static void the_rule_in_the_way_is_named(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, MANGLE("-A FORWARD -m limit --limit 1/sec -j ACCEPT\n")
                               FILTER("-A FORWARD -m limit --limit 1/sec -j LOG\n"
                                      "-A FORWARD -m limit --limit 1/sec -j ACCEPT\n"
                                      "-A FORWARD -j DROP\n"));

        struct sim_result result = run(path);
        assert_int_equal(result.outcome, OUTCOME_UNKNOWN);
        assert_string_equal(result.table->name, "filter");
        assert_ptr_equal(result.rule, &result.chain->rules.items[1]);
        path->options.chance = CHANCE_MATCHES;
        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->options.chance = CHANCE_FAILS;
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void a_packet_passes_both_flavours(void **state)
{
        with_arena;
        struct path *path = path_of(arena, FILTER("-A FORWARD -s 10.1.0.2/32 -j ACCEPT\n"));

        install(path, FILTER("-A FORWARD -p tcp -m tcp --dport 80 -j DROP\n"));
        assert_int_equal(outcome(path), OUTCOME_DROP);
        path->packet.destination_port = 81;
        assert_int_equal(outcome(path), OUTCOME_PASS);
}

/* Nobody says which of the two is asked first. */
static void marks_between_flavours_are_in_doubt(void **state)
{
        with_arena;
        struct path *path = path_of(arena, FILTER("-A FORWARD -m mark --mark 0x1 -j DROP\n"));
        struct path *turned = path_of(arena, FILTER("-A FORWARD -j MARK --set-xmark 0x1/0x1\n"));

        install(path, FILTER("-A FORWARD -j MARK --set-xmark 0x1/0x1\n"));
        install(turned, FILTER("-A FORWARD -m mark --mark 0x1 -j DROP\n"));
        assert_int_equal(outcome(path), OUTCOME_UNKNOWN);
        assert_int_equal(outcome(turned), OUTCOME_UNKNOWN);
        path->packet.mark = 1;
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void the_first_translation_is_the_only_one(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.4\n"));

        install(path, NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.5\n"));
        assert_true(run(path).packet.unknown & SIM_DESTINATION);
        struct path *same =
            path_of(arena, NAT("-A PREROUTING -j DNAT --to-destination 10.2.0.4\n"));
        install(same, NAT("-A PREROUTING -p udp -j DNAT --to-destination 10.2.0.5\n"));
        struct ip to = ip("10.2.0.4");
        struct sim_result result = run(same);
        assert_true(ip_equal(&result.packet.destination, &to));
        assert_false(result.packet.unknown & SIM_DESTINATION);
}

static void the_node_talks_to_itself_by_loopback(void **state)
{
        with_arena;
        struct path *path =
            path_of(arena, FILTER("-A OUTPUT -o right -j DROP\n-A INPUT -i lo -p tcp "
                                  "-m tcp --dport 81 -j DROP\n"));

        path->from_node = true;
        path->packet.source = ip("10.0.0.1");
        assert_int_equal(outcome(path), OUTCOME_DROP);
        path->packet.out_interface = "lo";
        path->packet.destination = ip("10.0.1.1");
        assert_int_equal(outcome(path), OUTCOME_PASS);
        path->packet.destination_port = 81;
        assert_int_equal(outcome(path), OUTCOME_DROP);
}

static void sources_are_translated_last(void **state)
{
        with_arena;
        struct path *path = path_of(arena, NAT("-A POSTROUTING -o right -j MASQUERADE\n")
                                               FILTER("-A FORWARD ! -s 10.1.0.2/32 -j DROP\n"));

        struct sim_result result = run(path);
        assert_int_equal(result.outcome, OUTCOME_PASS);
        assert_true(result.packet.unknown & SIM_SOURCE);
        path->packet.out_interface = "other";
        assert_false(run(path).rerouted);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_destination_is_translated_before_the_filter),
            cmocka_unit_test(what_is_translated_to_the_node_is_input),
            cmocka_unit_test(a_range_leaves_open_where_to),
            cmocka_unit_test(a_redirection_needs_an_address_of_the_link),
            cmocka_unit_test(what_is_not_tracked_is_not_translated),
            cmocka_unit_test(marks_go_by_way_of_the_connection),
            cmocka_unit_test(a_hop_less_in_the_forward_chain),
            cmocka_unit_test(every_table_has_its_say),
            cmocka_unit_test(both_ways_of_a_doubt_may_end_alike),
            cmocka_unit_test(the_rule_in_the_way_is_named),
            cmocka_unit_test(a_packet_passes_both_flavours),
            cmocka_unit_test(marks_between_flavours_are_in_doubt),
            cmocka_unit_test(the_first_translation_is_the_only_one),
            cmocka_unit_test(the_node_talks_to_itself_by_loopback),
            cmocka_unit_test(sources_are_translated_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
