/* Tables of iptables-legacy made by hand, right ones and such as no kernel gives. */

#include "unit.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "iptables/legacy_entries.h"
#include "iptables/legacy_rules.h"

#define ROOM       8192
#define MATCH_SIZE 48

struct made {
        enum family family;
        struct legacy_bytes bytes; /* of its own, without room behind them that could be read */
        uint8_t room[ROOM];
        size_t last; /* where the last entry is */
};

/* The same of both families. */
struct place {
        size_t header, target_offset, next_offset, comefrom, counters, flags;
};

static struct place place(const struct made *made)
{
        if (made->family == FAMILY_IPV4)
                return (struct place){sizeof(struct ipt_entry),
                                      offsetof(struct ipt_entry, target_offset),
                                      offsetof(struct ipt_entry, next_offset),
                                      offsetof(struct ipt_entry, comefrom),
                                      offsetof(struct ipt_entry, counters),
                                      offsetof(struct ipt_entry, ip.flags)};
        return (struct place){sizeof(struct ip6t_entry),
                              offsetof(struct ip6t_entry, target_offset),
                              offsetof(struct ip6t_entry, next_offset),
                              offsetof(struct ip6t_entry, comefrom),
                              offsetof(struct ip6t_entry, counters),
                              offsetof(struct ip6t_entry, ipv6.flags)};
}

static void put(struct made *made, size_t at, const void *bytes, size_t size)
{
        assert_true(at + size <= ROOM);
        memcpy(made->room + at, bytes, size);
}

static void put_short(struct made *made, size_t at, size_t value)
{
        const uint16_t number = (uint16_t)value;

        put(made, at, &number, sizeof(number));
}

static void put_verdict(struct made *made, size_t entry, int32_t verdict)
{
        uint16_t target;

        memcpy(&target, made->room + entry + place(made).target_offset, sizeof(target));
        put(made, entry + target + offsetof(struct xt_standard_target, verdict), &verdict,
            sizeof(verdict));
}

/* With a match or without, with a target of this size, its counters its number in the table. */
static size_t add(struct made *made, bool match, const char *target, size_t target_size)
{
        const struct place place_of = place(made);
        const size_t at = made->bytes.size, begins = place_of.header + (match ? MATCH_SIZE : 0);
        const struct xt_counters counters = {made->bytes.n_entries, made->bytes.n_entries * 100};

        put_short(made, at + place_of.target_offset, begins);
        put_short(made, at + place_of.next_offset, begins + target_size);
        put(made, at + place_of.counters, &counters, sizeof(counters));
        if (match) {
                put_short(made, at + place_of.header, MATCH_SIZE);
                put(made, at + place_of.header + 2, "comment", 8);
        }
        put_short(made, at + begins, target_size);
        put(made, at + begins + 2, target, strlen(target) + 1);
        made->last = at;
        made->bytes.size += begins + target_size;
        made->bytes.n_entries++;
        return at;
}

static size_t add_verdict(struct made *made, bool match, int32_t verdict)
{
        const size_t at = add(made, match, "", XT_ALIGN(sizeof(struct xt_standard_target)));

        put_verdict(made, at, verdict);
        return at;
}

/* Where the chain's rules begin. */
static int32_t add_head(struct made *made, const char *name)
{
        const size_t at = add(made, false, "ERROR", XT_ALIGN(sizeof(struct xt_error_target)));

        put(made, at + place(made).header + offsetof(struct xt_error_target, errorname), name,
            strlen(name) + 1);
        return (int32_t)made->bytes.size;
}

static void add_builtin(struct made *made, unsigned hook)
{
        made->bytes.valid_hooks |= 1u << hook;
        made->bytes.hook_entry[hook] = (uint32_t)made->bytes.size;
}

static void add_policy(struct made *made, unsigned hook)
{
        made->bytes.underflow[hook] = (uint32_t)made->bytes.size;
        add_verdict(made, false, -NF_ACCEPT - 1);
}

#define RETURN (-NF_REPEAT - 1)

/* What there is beside the table that all tests begin with. */
struct more {
        bool below, above; /* rules of others in FORWARD, of penstock's jump */
        bool chain;        /* of others, in front of penstock's */
        bool jump;         /* from it to penstock's */
        bool empty;        /* a chain of penstock's without a rule */
        bool other_order;  /* of the two rules with a verdict in penstock's */
        bool tail_matches; /* the chain's last entry looks at packets */
};

struct world {
        struct arena *arena;
        struct made made;
        size_t in_own[5], jump, head, tail; /* where entries are */
};

static void make(struct world *world, enum family family, struct more more)
{
        struct made *made = &world->made;
        size_t leading = 0;

        memset(made, 0, sizeof(*made));
        made->family = made->bytes.family = family;
        add_builtin(made, NF_INET_LOCAL_IN);
        add_policy(made, NF_INET_LOCAL_IN);
        add_builtin(made, NF_INET_FORWARD);
        if (more.above)
                add_verdict(made, true, -NF_ACCEPT - 1);
        world->jump = add_verdict(made, true, 0);
        if (more.below)
                add_verdict(made, true, -NF_DROP - 1);
        add_policy(made, NF_INET_FORWARD);
        add_builtin(made, NF_INET_LOCAL_OUT);
        add_policy(made, NF_INET_LOCAL_OUT);
        if (more.chain) {
                add_head(made, "KUBE-FORWARD");
                leading = add_verdict(made, false, RETURN);
                add_verdict(made, false, RETURN);
        }
        if (more.empty) {
                add_head(made, "PENSTOCK-EMPTY");
                add_verdict(made, false, RETURN);
        }
        world->head = made->bytes.size;
        const int32_t own = add_head(made, "PENSTOCK-FORWARD");
        world->in_own[0] = add_verdict(made, true, more.other_order ? -NF_DROP - 1 : RETURN);
        world->in_own[1] = add_verdict(made, true, more.other_order ? RETURN : -NF_DROP - 1);
        world->in_own[2] = add(made, false, "REJECT", XT_ALIGN(sizeof(struct xt_entry_target) + 4));
        world->in_own[3] = add_verdict(made, true, 0);
        put_verdict(made, world->in_own[3], (int32_t)made->bytes.size);
        world->in_own[4] = add_verdict(made, false, 0);
        world->tail = add_verdict(made, more.tail_matches, RETURN);
        put_verdict(made, world->in_own[4], add_head(made, "PENSTOCK-DENY"));
        add_verdict(made, false, -NF_DROP - 1);
        add_verdict(made, false, RETURN);
        add_head(made, "ERROR");
        put_verdict(made, world->jump, own);
        if (more.jump)
                put_verdict(made, leading, own);
}

static int parse(struct world *world, struct legacy_rules *ret, struct err *err)
{
        struct legacy_bytes bytes = world->made.bytes;

        bytes.bytes = arena_copy(world->arena, world->made.room, bytes.size);
        return legacy_rules_parse(world->arena, &bytes, ret, err);
}

static struct legacy_rules parsed(struct world *world)
{
        struct legacy_rules rules = {0};
        struct err err;

        if (parse(world, &rules, &err) < 0)
                fail_msg("%s", err.text);
        return rules;
}

static int setup(void **state)
{
        struct world *world = memory_alloc(sizeof(*world));

        world->arena = arena_new();
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        arena_free(world->arena);
        free(world);
        return 0;
}

#define both(family) for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)

static const struct legacy_chain *named(const struct legacy_rules *rules, const char *name)
{
        vec_foreach (const struct legacy_chain, chain, &rules->chains)
                if (strcmp(chain->name, name) == 0)
                        return chain;
        fail_msg("no chain %s", name);
        return NULL;
}

static void chains_and_rules_are_found(void **state)
{
        static const struct {
                const char *name;
                bool builtin;
                size_t n_rules;
        } expected[] = {{"INPUT", true, 0},
                        {"FORWARD", true, 1},
                        {"OUTPUT", true, 0},
                        {"PENSTOCK-FORWARD", false, 5},
                        {"PENSTOCK-DENY", false, 1}};
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){0});
                const struct legacy_rules rules = parsed(world);
                assert_int_equal(rules.chains.n, ARRAY_SIZE(expected));
                for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                        assert_string_equal(rules.chains.items[i].name, expected[i].name);
                        assert_int_equal(rules.chains.items[i].builtin, expected[i].builtin);
                        assert_int_equal(rules.chains.items[i].n_rules, expected[i].n_rules);
                }
        }
}

static void a_rule_says_where_it_leads_and_what_it_counted(void **state)
{
        static const struct {
                const char *leads_to;
                int32_t verdict;
        } expected[] = {
            {NULL, RETURN}, {NULL, -NF_DROP - 1}, {NULL, 0}, {NULL, 0}, {"PENSTOCK-DENY", 0}};
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){0});
                const struct legacy_rules rules = parsed(world);
                assert_string_equal(named(&rules, "FORWARD")->rules[0].leads_to,
                                    "PENSTOCK-FORWARD");
                assert_int_equal(named(&rules, "FORWARD")->rules[0].counters.packets, 1);
                assert_int_equal(named(&rules, "FORWARD")->rules[0].counters.bytes, 100);
                for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                        const struct legacy_rule *rule =
                            &named(&rules, "PENSTOCK-FORWARD")->rules[i];
                        assert_int_equal(rule->counters.packets, 5 + i);
                        assert_int_equal(rule->counters.bytes, 500 + i * 100);
                        if (expected[i].leads_to)
                                assert_string_equal(rule->leads_to, expected[i].leads_to);
                        else
                                assert_null(rule->leads_to);
                        if (!expected[i].leads_to)
                                assert_int_equal(rule->verdict, expected[i].verdict);
                }
        }
}

/* One wrong thing in a table that is right: a field of an entry, or of what the kernel says. */
enum which { TABLE, RULE, SECOND, LEADING, JUMP, HEAD, TAIL, POLICY, FORWARD, LAST };
enum field {
        TARGET_OFFSET,
        NEXT_OFFSET,
        TARGET_SIZE,
        TARGET_NAME, /* all of it is this byte */
        CHAIN_NAME,  /* likewise */
        VERDICT,
        VERDICT_TO, /* value bytes behind where that entry is */
        FLAGS,
        SIZE, /* value bytes behind where that entry is */
        ENTRIES,
        HOOKS,
        HOOK_ENTRY,
        UNDERFLOW,
};

static const struct wrong {
        enum which entry;
        enum field field;
        int32_t value;
        enum which to;
        const char *why;
} wrongs[] = {
    {RULE, TARGET_OFFSET, 8, TABLE, "has a target in its header"},
    {RULE, TARGET_OFFSET, 0xfff8, TABLE, "has no room for its target"},
    {RULE, TARGET_SIZE, 31, TABLE, "has a target of a wrong size"},
    {RULE, TARGET_SIZE, 48, TABLE, "has a target of a wrong size"},
    {RULE, TARGET_SIZE, 32, TABLE, "has a target of a wrong size"}, /* no verdict */
    {HEAD, TARGET_SIZE, 40, TABLE, "has a target of a wrong size"}, /* half a name */
    {RULE, TARGET_NAME, 'x', TABLE, "has a target whose name does not end"},
    {RULE, NEXT_OFFSET, 0, TABLE, "has no room for its target"},
    {RULE, NEXT_OFFSET, 300, TABLE, "leaves the next one unaligned"},
    {LAST, NEXT_OFFSET, 0xfff8, TABLE, "is longer than the table"},
    {TABLE, SIZE, 8, LAST, "is cut off in its header"},
    {TABLE, SIZE, 0, LAST, "the table does not end"},
    {TABLE, SIZE, 0, TABLE, "the table does not end"},
    {TABLE, ENTRIES, 1, TABLE, "the table has"},
    {RULE, VERDICT, -NF_STOLEN - 1, TABLE, "has a verdict that there is not"},
    {JUMP, VERDICT, 0, TABLE, "has a verdict that there is not"},
    {JUMP, VERDICT, INT32_MAX, TABLE, "leads to no chain"},
    {JUMP, VERDICT_TO, 8, RULE, "leads to no chain"},
    {JUMP, VERDICT_TO, 0, SECOND, "leads to no chain"},
    {LEADING, VERDICT_TO, 0, FORWARD, "leads to no chain"},
    {HEAD, CHAIN_NAME, '\0', TABLE, "has no name for the chain"},
    {HEAD, CHAIN_NAME, 'x', TABLE, "has no name for the chain"},
    {TAIL, VERDICT, -NF_ACCEPT - 1, TABLE, "where a chain has not ended"},
    {TAIL, FLAGS, 1, TABLE, "where a chain has not ended"},
    {POLICY, VERDICT, RETURN, TABLE, "where a chain has not ended"},
    {TABLE, UNDERFLOW, 0, JUMP, "where a chain has not ended"},
    {TABLE, HOOK_ENTRY, 8, FORWARD, "where a chain has not ended"},
    {TABLE, HOOK_ENTRY, 0, HEAD, "where a chain has not ended"},
    {TABLE, HOOKS, 1 << NF_INET_LOCAL_IN, TABLE, "where a chain has not ended"},
    {TABLE, HOOKS, 1 << NF_INET_FORWARD, TABLE, "is in no chain"},
    {TABLE, HOOKS, 0xff, TABLE, "a built-in chain is missing"},
};

static size_t at_of(const struct world *world, enum which which)
{
        const struct legacy_bytes *bytes = &world->made.bytes;

        return which == RULE      ? world->in_own[0]
               : which == SECOND  ? world->in_own[1]
               : which == LEADING ? world->in_own[4]
               : which == JUMP    ? world->jump
               : which == HEAD    ? world->head
               : which == TAIL    ? world->tail
               : which == POLICY  ? bytes->underflow[NF_INET_FORWARD]
               : which == FORWARD ? bytes->hook_entry[NF_INET_FORWARD]
               : which == LAST    ? world->made.last
                                  : 0;
}

static void spoil_entry(struct made *made, size_t entry, const struct wrong *wrong, int32_t value)
{
        const struct place place_of = place(made);
        uint16_t begins;

        memcpy(&begins, made->room + entry + place_of.target_offset, sizeof(begins));
        const size_t target = entry + begins;
        if (wrong->field == TARGET_OFFSET)
                put_short(made, entry + place_of.target_offset, (size_t)value);
        else if (wrong->field == NEXT_OFFSET)
                put_short(made, entry + place_of.next_offset, (size_t)value);
        else if (wrong->field == TARGET_SIZE)
                put_short(made, target, (size_t)value);
        else if (wrong->field == TARGET_NAME)
                memset(made->room + target + 2, value, XT_EXTENSION_MAXNAMELEN);
        else if (wrong->field == CHAIN_NAME)
                memset(made->room + target + offsetof(struct xt_error_target, errorname), value,
                       XT_FUNCTION_MAXNAMELEN);
        else if (wrong->field == FLAGS)
                made->room[entry + place_of.flags] = (uint8_t)value;
        else
                put_verdict(made, entry, value);
}

static void spoil(struct world *world, const struct wrong *wrong)
{
        struct legacy_bytes *bytes = &world->made.bytes;
        const int32_t there = wrong->value + (int32_t)at_of(world, wrong->to);

        if (wrong->field == SIZE)
                bytes->size = (size_t)there;
        else if (wrong->field == ENTRIES)
                bytes->n_entries += (uint32_t)wrong->value;
        else if (wrong->field == HOOKS)
                bytes->valid_hooks = (uint32_t)wrong->value;
        else if (wrong->field == HOOK_ENTRY)
                bytes->hook_entry[NF_INET_FORWARD] = (uint32_t)there;
        else if (wrong->field == UNDERFLOW)
                bytes->underflow[NF_INET_FORWARD] = (uint32_t)there;
        else
                spoil_entry(&world->made, at_of(world, wrong->entry), wrong,
                            wrong->field == VERDICT_TO ? there : wrong->value);
}

static void assert_refused(struct world *world, const char *why)
{
        struct legacy_rules rules = {0};
        struct err err = {"it was taken"};

        if (parse(world, &rules, &err) == 0 || !strstr(err.text, why))
                fail_msg("%s: not \"%s\" but: %s", family_name(world->made.family), why, err.text);
        assert_int_equal(rules.chains.n, 0);
}

static void what_is_no_table_is_refused(void **state)
{
        struct world *world = *state;

        both(family)
        {
                for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
                        make(world, family, (struct more){0});
                        spoil(world, &wrongs[i]);
                        assert_refused(world, wrongs[i].why);
                }
                make(world, family, (struct more){.tail_matches = true});
                assert_refused(world, "where a chain has not ended");
        }
}

/* Whatever one byte is, and wherever the table is cut, nothing outside it is looked at. */
static void any_byte_may_be_wrong(void **state)
{
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){.chain = true, .jump = true});
                for (size_t at = 0; at < world->made.bytes.size; at++) {
                        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
                        const uint8_t right = world->made.room[at];
                        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                                struct legacy_rules rules;
                                struct err err;
                                world->made.room[at] = values[i];
                                if (parse(world, &rules, &err) == 0)
                                        legacy_entries_of(&rules);
                        }
                        world->made.room[at] = right;
                        arena_reset(world->arena);
                }
        }
}

static struct legacy_entries entries(struct world *world)
{
        const struct legacy_rules rules = parsed(world);

        return legacy_entries_of(&rules);
}

static void what_is_others_is_not_in_the_print(void **state)
{
        static const struct more same[] = {{.below = true}, {.chain = true}};
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){0});
                const uint64_t print = entries(world).print;
                assert_int_not_equal(print, 0);
                for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
                        make(world, family, same[i]);
                        assert_int_equal(entries(world).print, print);
                }
                /* Nor what has been counted, and from where the kernel found the rule. */
                make(world, family, (struct more){0});
                memset(world->made.room + world->in_own[0] + place(&world->made).counters, 0xab,
                       sizeof(struct xt_counters));
                memset(world->made.room + world->in_own[0] + place(&world->made).comefrom, 0xab, 4);
                assert_int_equal(entries(world).print, print);
        }
}

static void all_that_is_own_is_in_the_print(void **state)
{
        static const struct more others[] = {
            {.above = true}, {.chain = true, .jump = true}, {.empty = true}, {.other_order = true}};
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){0});
                const uint64_t print = entries(world).print;
                for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                        make(world, family, others[i]);
                        assert_int_not_equal(entries(world).print, print);
                }
        }
}

/* Nothing leads to it that would name it. */
static void the_name_of_a_chain_is_in_the_print(void **state)
{
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){.empty = true});
                struct made *made = &world->made;
                const size_t end =
                    world->head - place(made).header - XT_ALIGN(sizeof(struct xt_standard_target));
                const uint64_t print = entries(world).print;
                made->room[end - XT_ALIGN(XT_FUNCTION_MAXNAMELEN) + strlen("PENSTOCK-E")] ^= 1;
                assert_int_not_equal(entries(world).print, print);
        }
}

/* A byte of what a rule says of packets, of its match, of its target; where it leads. */
static void each_part_of_a_rule_is_in_the_print(void **state)
{
        struct world *world = *state;

        both(family)
        {
                make(world, family, (struct more){0});
                struct made *made = &world->made;
                const uint64_t print = entries(world).print;
                const size_t header = place(made).header, reject = world->in_own[2];
                const size_t parts[] = {
                    world->in_own[0],                                 /* source address */
                    world->in_own[0] + place(made).flags,             /* -g */
                    world->in_own[0] + header + MATCH_SIZE - 1,       /* the match's end */
                    reject + header + 31,                             /* the target's revision */
                    reject + header + sizeof(struct xt_entry_target), /* what it does */
                    world->head + header + 32 + 15,                   /* the chain's name */
                    world->jump,
                };
                for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                        made->room[parts[i]] ^= 1;
                        assert_int_not_equal(entries(world).print, print);
                        made->room[parts[i]] ^= 1;
                        assert_int_equal(entries(world).print, print);
                }
                put_verdict(made, world->in_own[0], -NF_ACCEPT - 1);
                assert_int_not_equal(entries(world).print, print);
                put_verdict(made, world->in_own[0], (int32_t)world->in_own[1]); /* nothing */
                assert_int_not_equal(entries(world).print, print);
                put_verdict(made, world->in_own[0], RETURN);
                put_verdict(made, world->in_own[4], (int32_t)world->in_own[0]); /* itself */
                assert_int_not_equal(entries(world).print, print);
        }
}

static void no_table_has_a_print(void **state)
{
        struct world *world = *state;
        const struct legacy_rules none = {0};

        assert_int_not_equal(legacy_entries_of(&none).print, 0);
        make(world, FAMILY_IPV4, (struct more){0});
        assert_int_not_equal(legacy_entries_of(&none).print, entries(world).print);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            test(chains_and_rules_are_found),
            test(a_rule_says_where_it_leads_and_what_it_counted),
            test(what_is_no_table_is_refused),
            test(any_byte_may_be_wrong),
            test(what_is_others_is_not_in_the_print),
            test(all_that_is_own_is_in_the_print),
            test(the_name_of_a_chain_is_in_the_print),
            test(each_part_of_a_rule_is_in_the_print),
            test(no_table_has_a_print),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
