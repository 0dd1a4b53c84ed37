#include "unit.h"

#include "addresses.h"
#include "verify/simulate.h"

/* A small firewall by hand; each test adds rules to FORWARD and asks about one packet. */
struct fixture {
        struct arena *arena;
        struct ruleset *ruleset;
        struct table *table;
};

static int setup(void **state)
{
        struct arena *arena = arena_new();
        struct fixture *fixture = arena_new_object(arena, struct fixture);

        fixture->arena = arena;
        fixture->ruleset = ruleset_new(arena);
        fixture->table = ruleset_add_table(fixture->ruleset, FAMILY_IPV4, "filter");
        table_add_chain(fixture->ruleset, fixture->table, "FORWARD");
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        arena_free(((struct fixture *)*state)->arena);
        return 0;
}

static void add(struct fixture *fixture, const char *chain, struct match match,
                struct target target)
{
        struct rule rule = {.target = target};

        rule_add_match(fixture->ruleset, &rule, match);
        vec_push(fixture->arena, &table_chain(fixture->table, chain)->rules, rule);
}

static const struct target drop = {.kind = TARGET_DROP}, accept_ = {.kind = TARGET_ACCEPT},
                           back = {.kind = TARGET_RETURN};

static struct match from(const char *text)
{
        return (struct match){.kind = MATCH_SOURCE, .prefix = prefix(text)};
}

static struct match any(void)
{
        return (struct match){.kind = MATCH_COMMENT, .text = "any"};
}

static struct match in_set(const char *name, size_t n_ends, enum set_end first, enum set_end second)
{
        struct match match = {.kind = MATCH_SET};

        match.set.name = name;
        match.set.n_ends = (uint8_t)n_ends;
        match.set.ends[0] = (uint8_t)first;
        match.set.ends[1] = (uint8_t)second;
        return match;
}

static enum outcome outcome(struct fixture *fixture, const char *source, const char *destination,
                            enum protocol protocol, uint16_t port)
{
        struct ip s = ip(source), d = ip(destination);
        struct sim_packet packet = sim_packet_new(&s, &d, protocol, port);

        return simulate_ruleset(fixture->ruleset, HOOK_FORWARD, &packet).outcome;
}

static enum outcome tcp_from(struct fixture *fixture, const char *source)
{
        return outcome(fixture, source, "10.0.0.9", PROTOCOL_TCP, 80);
}

static void falling_off_the_end_passes_unless_the_policy_drops(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(tcp_from(f, "10.0.0.1"), OUTCOME_PASS);
        table_chain(f->table, "FORWARD")->policy = "DROP";
        assert_int_equal(tcp_from(f, "10.0.0.1"), OUTCOME_DROP);
}

static void return_goes_behind_the_jump_but_not_behind_the_goto(void **state)
{
        struct fixture *f = *state;

        table_add_chain(f->ruleset, f->table, "JUMPED");
        table_add_chain(f->ruleset, f->table, "GONE");
        add(f, "FORWARD", from("10.0.1.0/24"),
            (struct target){.kind = TARGET_JUMP, .text = "JUMPED"});
        add(f, "FORWARD", from("10.0.2.0/24"),
            (struct target){.kind = TARGET_GOTO, .text = "GONE"});
        add(f, "FORWARD", any(), drop);
        add(f, "JUMPED", from("10.0.1.1/32"), accept_);
        add(f, "JUMPED", any(), back);
        add(f, "GONE", any(), back);
        assert_int_equal(tcp_from(f, "10.0.1.1"), OUTCOME_PASS);
        assert_int_equal(tcp_from(f, "10.0.1.2"), OUTCOME_DROP);
        assert_int_equal(tcp_from(f, "10.0.2.1"), OUTCOME_PASS);
        assert_int_equal(tcp_from(f, "10.0.3.1"), OUTCOME_DROP);
}

static void the_longest_prefix_of_a_set_decides(void **state)
{
        struct fixture *f = *state;
        struct set *set = ruleset_add_set(f->ruleset, "nets", SET_HASH_NET, FAMILY_IPV4);
        static const struct {
                const char *prefix;
                bool nomatch;
        } elements[] = {{"10.0.0.0/8", false}, {"10.1.0.0/16", true}, {"10.1.2.0/24", false}};

        for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
                struct set_element element = {.prefix = prefix(elements[i].prefix),
                                              .nomatch = elements[i].nomatch};
                vec_push(f->arena, &set->elements, element);
        }
        ruleset_finish(f->ruleset);
        add(f, "FORWARD", in_set("nets", 1, SET_SOURCE, 0), accept_);
        add(f, "FORWARD", any(), drop);
        assert_int_equal(tcp_from(f, "10.9.0.1"), OUTCOME_PASS);
        assert_int_equal(tcp_from(f, "10.1.0.1"), OUTCOME_DROP);
        assert_int_equal(tcp_from(f, "10.1.2.1"), OUTCOME_PASS);
        assert_int_equal(tcp_from(f, "11.0.0.1"), OUTCOME_DROP);
}

static void a_pair_in_a_set_is_address_protocol_and_port(void **state)
{
        struct fixture *f = *state;
        struct set *set = ruleset_add_set(f->ruleset, "ports", SET_HASH_IP_PORT, FAMILY_IPV4);
        struct set_element element = {
            .prefix = prefix("10.0.0.9/32"), .protocol = PROTOCOL_TCP, .port = 80};

        vec_push(f->arena, &set->elements, element);
        ruleset_finish(f->ruleset);
        add(f, "FORWARD", in_set("ports", 2, SET_DESTINATION, SET_DESTINATION), accept_);
        add(f, "FORWARD", any(), drop);
        assert_int_equal(outcome(f, "10.0.0.1", "10.0.0.9", PROTOCOL_TCP, 80), OUTCOME_PASS);
        assert_int_equal(outcome(f, "10.0.0.1", "10.0.0.9", PROTOCOL_TCP, 81), OUTCOME_DROP);
        assert_int_equal(outcome(f, "10.0.0.1", "10.0.0.9", PROTOCOL_UDP, 80), OUTCOME_DROP);
        assert_int_equal(outcome(f, "10.0.0.1", "10.0.0.8", PROTOCOL_TCP, 80), OUTCOME_DROP);
        assert_int_equal(outcome(f, "10.0.0.1", "10.0.0.9", PROTOCOL_ICMP, 0), OUTCOME_DROP);
}

static void what_is_not_known_is_never_guessed(void **state)
{
        struct fixture *f = *state;
        struct match unknown = {.kind = MATCH_UNKNOWN, .text = "-m mystery"};

        add(f, "FORWARD", from("10.0.1.0/24"), drop);
        add(f, "FORWARD", unknown, (struct target){.kind = TARGET_NONE});
        add(f, "FORWARD", unknown, accept_);
        assert_int_equal(tcp_from(f, "10.0.1.1"), OUTCOME_DROP);
        assert_int_equal(tcp_from(f, "10.0.2.1"), OUTCOME_PASS);
        add(f, "FORWARD", any(), drop);
        assert_int_equal(tcp_from(f, "10.0.2.1"), OUTCOME_UNKNOWN);
}

/* An unknown match beside one that surely fails is no obstacle. */
static void a_sure_no_outweighs_the_unknown(void **state)
{
        struct fixture *f = *state;

        add(f, "FORWARD", (struct match){.kind = MATCH_UNKNOWN, .text = "-m mystery"}, drop);
        rule_add_match(f->ruleset, &table_chain(f->table, "FORWARD")->rules.items[0],
                       from("10.0.1.0/24"));
        assert_int_equal(tcp_from(f, "10.0.2.1"), OUTCOME_PASS);
        assert_int_equal(tcp_from(f, "10.0.1.1"), OUTCOME_UNKNOWN);
}

static void a_loop_ends_undecided(void **state)
{
        struct fixture *f = *state;

        table_add_chain(f->ruleset, f->table, "LOOP");
        add(f, "FORWARD", any(), (struct target){.kind = TARGET_JUMP, .text = "LOOP"});
        add(f, "LOOP", any(), (struct target){.kind = TARGET_JUMP, .text = "LOOP"});
        assert_int_equal(tcp_from(f, "10.0.1.1"), OUTCOME_UNKNOWN);
}

static void flags_states_and_inversion(void **state)
{
        struct fixture *f = *state;
        struct ip s = ip("10.0.0.1"), d = ip("10.0.0.2");
        struct sim_packet packet = sim_packet_new(&s, &d, PROTOCOL_TCP, 80);

        add(f, "FORWARD",
            (struct match){.kind = MATCH_CTSTATE, .flags = CT_ESTABLISHED | CT_RELATED}, accept_);
        add(f, "FORWARD",
            (struct match){
                .kind = MATCH_TCP_FLAGS, .invert = true, .tcp_flags = {.mask = 0x17, .set = 0x02}},
            drop);
        assert_int_equal(simulate_ruleset(f->ruleset, HOOK_FORWARD, &packet).outcome, OUTCOME_PASS);
        packet.tcp_flags = 0x10;
        assert_int_equal(simulate_ruleset(f->ruleset, HOOK_FORWARD, &packet).outcome, OUTCOME_DROP);
        packet.state = CT_ESTABLISHED;
        assert_int_equal(simulate_ruleset(f->ruleset, HOOK_FORWARD, &packet).outcome, OUTCOME_PASS);
}

/* Of IPv6 an address must look like each of the types, of IPv4 be of one of them. */
static void types_of_addresses(void **state)
{
        static const struct {
                const char *address;
                uint32_t types;
                bool limited;
                enum truth known, unknown; /* whether the node's addresses are */
        } cases[] = {
            {"10.0.0.9", ADDRESS_LOCAL, false, YES, UNKNOWN},
            {"10.0.0.9", ADDRESS_LOCAL, true, UNKNOWN, UNKNOWN},
            {"10.0.0.9", ADDRESS_LOCAL | ADDRESS_UNICAST, true, YES, UNKNOWN},
            {"10.0.0.8", ADDRESS_LOCAL, false, NO, UNKNOWN},
            {"10.0.0.8", ADDRESS_UNICAST, true, YES, UNKNOWN},
            {"10.0.0.8", ADDRESS_MULTICAST, false, NO, NO},
            {"127.0.0.1", ADDRESS_LOCAL, false, YES, YES},
            {"224.0.0.1", ADDRESS_MULTICAST | ADDRESS_LOCAL, true, YES, YES},
            {"255.255.255.255", ADDRESS_BROADCAST, true, YES, YES},
            {"fd00::9", ADDRESS_LOCAL, false, YES, UNKNOWN},
            {"fd00::8", ADDRESS_LOCAL, false, NO, UNKNOWN},
            {"fd00::8", ADDRESS_UNICAST, false, YES, YES},
            {"fd00::8", ADDRESS_ANYCAST, false, UNKNOWN, UNKNOWN},
            {"ff02::1", ADDRESS_MULTICAST, false, YES, YES},
            {"ff02::1", ADDRESS_UNICAST, false, NO, NO},
            {"ff02::1", ADDRESS_MULTICAST | ADDRESS_UNICAST, false, NO, NO},
            {"ff02::1", ADDRESS_MULTICAST | ADDRESS_LOCAL, false, NO, NO},
        };
        const struct ip locals[] = {ip("10.0.0.9"), ip("fd00::9")};
        const struct sim_node node = {.known = true, .locals = locals, .n_locals = 2};
        const struct sim_options options = {.node = &node};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct ip address = ip(cases[i].address);
                struct sim_packet packet = sim_packet_new(&address, &address, PROTOCOL_TCP, 80);
                struct match match = {
                    .kind = MATCH_DESTINATION_TYPE,
                    .address_type = {.types = cases[i].types, .limit_in = cases[i].limited}};
                assert_int_equal(sim_match(NULL, &match, &packet, &options), cases[i].known);
                assert_int_equal(sim_match(NULL, &match, &packet, NULL), cases[i].unknown);
        }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            test(falling_off_the_end_passes_unless_the_policy_drops),
            test(return_goes_behind_the_jump_but_not_behind_the_goto),
            test(the_longest_prefix_of_a_set_decides),
            test(a_pair_in_a_set_is_address_protocol_and_port),
            test(what_is_not_known_is_never_guessed),
            test(a_sure_no_outweighs_the_unknown),
            test(a_loop_ends_undecided),
            test(flags_states_and_inversion),
            test(types_of_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
