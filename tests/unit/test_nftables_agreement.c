/* What iptables-nft-save shows against what nf_tables holds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "iptables/agreement.h"
#include "iptables/text.h"

struct world {
        struct arena *arena;
        struct nftables held;
        struct ruleset *shown;
};

static int setup(void **state)
{
        struct arena *arena = arena_new();
        struct world *world = arena_new_object(arena, struct world);

        world->arena = arena;
        world->shown = ruleset_new(arena);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        arena_free(world->arena);
        return 0;
}

static struct nftables_chain *hold_chain(struct world *world, uint8_t family, const char *name,
                                         int hook)
{
        struct nftables_chain chain = {
            .family = family,
            .table = "filter",
            .name = name,
            .is_base = hook >= 0,
            .hook = hook >= 0 ? (unsigned)hook : 0,
            .policy = NF_ACCEPT,
            .type = "filter",
        };

        vec_push(world->arena, &world->held.chains, chain);
        return &world->held.chains.items[world->held.chains.n - 1];
}

static void hold_rule(struct world *world, struct nftables_chain *chain,
                      const struct nftables_part *parts, size_t n)
{
        struct nftables_rule rule = {0};

        for (size_t i = 0; i < n; i++)
                vec_push(world->arena, &rule.parts, parts[i]);
        vec_push(world->arena, &chain->rules, rule);
}

static void show(struct world *world, enum family family, const char *rules)
{
        struct err err;
        const char *text = arena_printf(world->arena,
                                        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
                                        ":OUTPUT ACCEPT [0:0]\n:OTHER - [0:0]\n%sCOMMIT\n",
                                        rules);

        assert_int_equal(iptables_parse(world->shown, family, text, &err), 0);
}

static void assert_agree(struct world *world)
{
        struct err err = {{0}};

        if (nftables_agree(&world->held, world->shown, &err) < 0)
                fail_msg("%s", err.text);
}

static void assert_refused(struct world *world, const char *why)
{
        struct err err = {{0}};

        assert_int_equal(nftables_agree(&world->held, world->shown, &err), -1);
        if (!strstr(err.text, why))
                fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

#define MATCH(extension_)                                                                          \
        {                                                                                          \
                .name = "match", .extension = (extension_)                                         \
        }
#define TARGET(extension_)                                                                         \
        {                                                                                          \
                .name = "target", .extension = (extension_)                                        \
        }
#define META(key_)                                                                                 \
        {                                                                                          \
                .name = "meta", .key = (key_)                                                      \
        }
#define PAYLOAD(base, first)                                                                       \
        {                                                                                          \
                .name = "payload", .key = (base), .offset = (first)                                \
        }
#define VERDICT(code)                                                                              \
        {                                                                                          \
                .name = "verdict", .verdict = (code)                                               \
        }

/* One rule in FORWARD that is made of these parts and shown as that. */
static void forward(struct world *world, uint8_t family, const char *rule,
                    const struct nftables_part *parts, size_t n)
{
        hold_rule(world, hold_chain(world, family, "FORWARD", NF_INET_FORWARD), parts, n);
        hold_chain(world, family, "OTHER", -1);
        show(world, family == NFPROTO_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6,
             arena_printf(world->arena, "-A FORWARD %s\n", rule));
}

static void test_every_part_has_its_sign(void **state)
{
        const struct nftables_part parts[] = {
            META(NFT_META_IIFNAME),
            META(NFT_META_OIFNAME),
            PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 12),
            PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 16),
            META(NFT_META_L4PROTO),
            PAYLOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2),
            META(NFT_META_MARK),
            MATCH("conntrack"),
            {.name = "limit"},
            MATCH("comment"),
            VERDICT(NF_ACCEPT),
        };

        forward(*state, NFPROTO_IPV4,
                "-s 10.0.0.0/8 -d 10.0.0.1/32 -i a -o b -p tcp -m tcp --dport 80 -m mark --mark "
                "0x1 -m conntrack --ctstate NEW -m limit --limit 10/min -m comment --comment x -j "
                "ACCEPT",
                parts, ARRAY_SIZE(parts));
        assert_agree(*state);
}

static void test_names_that_differ(void **state)
{
        const struct nftables_part parts[] = {MATCH("conntrack"), TARGET("CT")};

        forward(*state, NFPROTO_IPV4, "-m state --state NEW -j NOTRACK", parts, ARRAY_SIZE(parts));
        assert_agree(*state);
}

static void test_a_match_that_is_not_shown(void **state)
{
        const struct nftables_part parts[] = {MATCH("set"), MATCH("comment"), VERDICT(NF_DROP)};

        forward(*state, NFPROTO_IPV4, "-m comment --comment \"-m set\" -j DROP", parts,
                ARRAY_SIZE(parts));
        assert_refused(*state, "table filter, chain FORWARD, rule 1 has the match set");
}

static void test_a_mark_of_nf_tables_own_that_is_not_shown(void **state)
{
        const struct nftables_part parts[] = {META(NFT_META_MARK), VERDICT(NF_ACCEPT)};

        forward(*state, NFPROTO_IPV6, "-j ACCEPT", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "ip6tables-nft-save shows less than the kernel holds");
}

static void test_addresses_have_their_place_in_each_family(void **state)
{
        const struct nftables_part parts[] = {PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 24),
                                              VERDICT(NF_ACCEPT)};

        forward(*state, NFPROTO_IPV6, "-s fd00::1/128 -j ACCEPT", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "payload");
}

static void test_another_verdict(void **state)
{
        const struct nftables_part parts[] = {VERDICT(NF_ACCEPT)};

        forward(*state, NFPROTO_IPV4, "-j DROP", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "another verdict");
}

static void test_a_jump_to_another_chain(void **state)
{
        const struct nftables_part parts[] = {
            {.name = "verdict", .verdict = NFT_JUMP, .chain = "ELSE"}};

        forward(*state, NFPROTO_IPV4, "-j OTHER", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "another verdict ELSE");
}

static void test_what_iptables_never_writes(void **state)
{
        const struct nftables_part parts[] = {{.name = "fib"}, VERDICT(NF_ACCEPT)};

        forward(*state, NFPROTO_IPV4, "-j ACCEPT", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "fib");
}

static void test_rules_are_counted(void **state)
{
        const struct nftables_part parts[] = {VERDICT(NF_ACCEPT)};

        forward(*state, NFPROTO_IPV4, "-j ACCEPT\n-A FORWARD -j ACCEPT", parts, ARRAY_SIZE(parts));
        assert_refused(*state, "has 1 rules, and 2 were shown");
}

static void test_a_chain_that_is_not_shown(void **state)
{
        struct world *world = *state;

        show(world, FAMILY_IPV4, "");
        hold_chain(world, NFPROTO_IPV4, "OTHER", -1);
        hold_chain(world, NFPROTO_IPV4, "MORE", -1);
        assert_refused(world, "chain MORE with 0 rules is missing");
}

static void test_a_chain_that_is_not_held(void **state)
{
        struct world *world = *state;

        show(world, FAMILY_IPV4, "");
        assert_refused(world, "chain OTHER, which the kernel does not hold");
        hold_chain(world, NFPROTO_IPV4, "OTHER", -1);
        assert_agree(world); /* built-in chains are shown in any case */
}

static void test_another_policy(void **state)
{
        struct world *world = *state;

        show(world, FAMILY_IPV4, "");
        hold_chain(world, NFPROTO_IPV4, "OTHER", -1);
        hold_chain(world, NFPROTO_IPV4, "INPUT", NF_INET_LOCAL_IN)->policy = NF_DROP;
        assert_refused(world, "chain INPUT has DROP, and ACCEPT was shown");
}

static void test_a_chain_on_another_hook(void **state)
{
        struct world *world = *state;

        show(world, FAMILY_IPV4, "");
        hold_chain(world, NFPROTO_IPV4, "OTHER", -1);
        hold_chain(world, NFPROTO_IPV4, "INPUT", NF_INET_FORWARD);
        assert_refused(world, "does not hang on the hook of its name");
}

static void test_a_table_that_sleeps(void **state)
{
        struct world *world = *state;
        const struct nftables_table table = {NFPROTO_IPV4, "filter", .dormant = true};

        vec_push(world->arena, &world->held.tables, table);
        assert_refused(world, "dormant");
}

static void add_table(struct world *world, uint8_t family, const char *name, bool dormant,
                      const struct nftables_chain *chain)
{
        const struct nftables_table table = {family, name, dormant};
        struct nftables_chain held = *chain;

        held.family = family;
        held.table = name;
        vec_push(world->arena, &world->held.tables, table);
        vec_push(world->arena, &world->held.chains, held);
}

static void test_others_are_named_where_they_may_drop(void **state)
{
        _cleanup_strbuf_ struct strbuf notes = {0};
        const struct nftables_chain drops = {.name = "drops", .is_base = true, .policy = NF_DROP};
        const struct nftables_chain idle = {.name = "idle", .is_base = true, .policy = NF_ACCEPT};
        struct nftables_chain rules = {.name = "rules", .is_base = true, .policy = NF_ACCEPT};
        const struct nftables_rule rule = {0};
        struct world *world = *state;

        vec_push(world->arena, &rules.rules, rule);
        add_table(world, NFPROTO_INET, "one", false, &drops);
        add_table(world, NFPROTO_IPV4, "two", false, &rules);
        add_table(world, NFPROTO_INET, "quiet", false, &idle);
        add_table(world, NFPROTO_INET, "asleep", true, &drops);
        add_table(world, NFPROTO_ARP, "arp", false, &drops);
        add_table(world, NFPROTO_IPV4, "filter", false, &drops);
        nftables_note_others(&world->held, &notes);
        assert_string_equal(
            strbuf_text(&notes),
            "nftables table inet one (drops) is beside iptables' and not read: it may drop what "
            "these let pass\n"
            "nftables table ip two (rules) is beside iptables' and not read: it may drop what "
            "these let pass\n");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            CASE(test_every_part_has_its_sign),
            CASE(test_names_that_differ),
            CASE(test_a_match_that_is_not_shown),
            CASE(test_a_mark_of_nf_tables_own_that_is_not_shown),
            CASE(test_addresses_have_their_place_in_each_family),
            CASE(test_another_verdict),
            CASE(test_a_jump_to_another_chain),
            CASE(test_what_iptables_never_writes),
            CASE(test_rules_are_counted),
            CASE(test_a_chain_that_is_not_shown),
            CASE(test_a_chain_that_is_not_held),
            CASE(test_another_policy),
            CASE(test_a_chain_on_another_hook),
            CASE(test_a_table_that_sleeps),
            CASE(test_others_are_named_where_they_may_drop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
