#include "unit.h"

#include <stdio.h>

#include "data.h"
#include "iptables/text.h"

/* In the order of the text. */
static struct ruleset *parse(struct arena *arena, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err;

        if (ipset_parse(ruleset, text, &err) < 0)
                fail_msg("%s", err.text);
        return ruleset;
}

static struct ruleset *parse_finished(struct arena *arena, const char *text)
{
        struct ruleset *ruleset = parse(arena, text);

        ruleset_finish(ruleset);
        return ruleset;
}

static void assert_prints_itself(const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf out = {0};

        ipset_print(parse(arena, text), &out);
        assert_string_equal(strbuf_text(&out), text);
}

static const char *const dumps[] = {
    "kube-router.ipset",
    "ipset-kinds.ipset",
    "ipset-kinds-elsewhere.ipset",
};

static void dumps_are_printed_again(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                assert_prints_itself(data_text(arena, dumps[i]));
        }
}

static void every_kind_is_known(void **state)
{
        unsigned seen[SET_UNKNOWN + 1] = {0};

        for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct ruleset *ruleset = parse(arena, data_text(arena, dumps[i]));
                vec_foreach (const struct set, set, &ruleset->sets) {
                        seen[set->type]++;
                        if (set->type == SET_UNKNOWN || set->misfit)
                                fail_msg("%s: %s", dumps[i], set->name);
                }
        }
        for (enum set_type type = SET_HASH_IP; type < SET_UNKNOWN; type++)
                if (!seen[type])
                        fail_msg("%s", set_type_name(type));
}

/* As compile() makes them: all sets, then all elements. */
static void own_sets_print_themselves(void **state)
{
        assert_prints_itself(
            "create penstock-a hash:ip family inet hashsize 64 maxelem 16777216\n"
            "create penstock-b hash:ip,port family inet6 hashsize 64 maxelem 16777216\n"
            "create penstock-c hash:net family inet hashsize 64 maxelem 16777216\n"
            "create penstock-d hash:ip family inet hashsize 64 maxelem 16777216 counters\n"
            "add penstock-a 10.0.0.1\n"
            "add penstock-b fd00::1,tcp:80\n"
            "add penstock-b fd00::1,udp:0\n"
            "add penstock-b fd00::1,sctp:65535\n"
            "add penstock-c 0.0.0.0/1\n"
            "add penstock-c 10.0.0.0/8 nomatch\n"
            "add penstock-c 10.1.2.3 nomatch\n"
            "add penstock-d 10.0.0.1\n");
}

/* A new kind, a new option, an element that is none of the kind, names with spaces: verbatim, also
 * what was understood until then. */
static void what_is_not_understood_is_kept(void **state)
{
        static const char *const cases[] = {
            "create a hash:ip,vlan family inet trunk\nadd a 10.0.0.1,7 sticky\nadd a x\n",
            "create a hash:ip family inet sticky\nadd a 10.0.0.1\n",
            "create a hash:ip family inet netmask x\nadd a 10.0.0.1\n",
            "create a hash:ip family inet\nadd a 10.0.0.1 timeout 4\nadd a 10.0.0.2 sticky\n"
            "add a 10.0.0.3\n",
            "create a hash:ip family inet counters\nadd a 10.0.0.1 packets 1 bytes 2\n"
            "add a fd00::1 packets 3 bytes 4\n",
            "create a hash:ip family inet\nadd a 10.0.0.0/24\n",
            "create a hash:ip family inet\nadd a 10.0.0.1-10.0.0.4\n",
            "create a hash:ip family inet\nadd a 10.0.0.1 nomatch\n",
            "create a hash:net,iface family inet\nadd a 10.0.0.0/8,a b\n",
            "create a b hash:ip family inet\nadd a b 10.0.0.1\n",
            "create a hash:ip family inet comment\nadd a 10.0.0.1 comment \"x\"y\"\n",
            "create a hash:ip,port family inet\nadd a 10.0.0.1,nosuch:80\n",
            "create a hash:ip,port family inet\nadd a 10.0.0.1,tcp:http\n",
            "create a hash:ip,port family inet\nadd a 10.0.0.1,tcp:80,10.0.0.2\n",
            "create a hash:ip,port family inet\nadd a 10.0.0.1\n",
            "create a hash:ip,mac family inet\nadd a 10.0.0.1\n",
            "create a hash:mac hashsize 64\nadd a 02:00:00:00:00\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                const struct set *set = parse(arena, cases[i])->sets.items;
                assert_prints_itself(cases[i]);
                if (set->type != SET_UNKNOWN || set->plain || set->misfit)
                        fail_msg("%s", cases[i]);
        }
}

/* Others, of which every word is understood. */
static void spellings_that_are_kept(void **state)
{
        static const char *const cases[] = {
            "create a hash:ip\nadd a 10.0.0.1\n",
            ("create a hash:ip family inet comment\nadd a 10.0.0.1 comment \"two\nlines\"\n"
             "add a 10.0.0.2 comment \"\"\n"),
            "create a hash:ip,port family inet\nadd a 10.0.0.1,6:80\nadd a 10.0.0.1,1:3/3\n",
            "create a hash:net,iface family inet\nadd a 0.0.0.0/0,a,b wildcard\n",
            "create a list:set\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                if (i != 2) /* where protocols have no names, ICMP's types still have theirs */
                        assert_prints_itself(cases[i]);
                if (parse(arena, cases[i])->sets.items->type == SET_UNKNOWN)
                        fail_msg("%s", cases[i]);
        }
}

static void values_are_read(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *ruleset = parse_finished(
            arena, "create n hash:net,iface family inet6 counters\n"
                   "add n fd00::/8,physdev:eth0 nomatch packets 7 bytes 460 wildcard\n"
                   "create m hash:ip,mark family inet markmask 0x000000ff\n"
                   "add m 10.0.0.1,0x0000000a\n"
                   "create t hash:net,port,net family inet timeout 9\n"
                   "add t 10.0.0.0/8,icmp:3/7,192.0.2.0/24 timeout 0 nomatch\n"
                   "create p bitmap:ip,mac range 10.0.0.0-10.0.0.255\n"
                   "add p 10.0.0.1,02:00:00:00:00:0F\nadd p 10.0.0.2\n");
        const struct set *set = ruleset_set(ruleset, "n");
        const struct set_element *element = set->elements.items;

        assert_true(set->plain && set->counters && element->nomatch && element->more->wildcard);
        assert_int_equal(set->family, FAMILY_IPV6);
        assert_int_equal(element->prefix.length, 8);
        assert_int_equal(element->counters.packets, 7);
        assert_int_equal(element->counters.bytes, 460);
        assert_string_equal(element->more->interface, "physdev:eth0");
        assert_int_equal(set->lengths->n[0], 1);
        set = ruleset_set(ruleset, "m");
        assert_false(set->plain);
        assert_int_equal(set->mask->mark, 0xff);
        assert_int_equal(set->elements.items->more->mark, 10);
        set = ruleset_set(ruleset, "t");
        element = set->elements.items;
        assert_false(set->plain);
        assert_true(element->nomatch);
        assert_int_equal(element->protocol, PROTOCOL_ICMP);
        assert_int_equal(element->port, 3 << 8 | 7);
        assert_int_equal(element->more->second.length, 24);
        set = ruleset_set(ruleset, "p");
        assert_true(set->plain);
        assert_int_equal(set->elements.items[0].more->mac[5], 15);
        assert_null(set->elements.items[1].more);
}

static void masks_are_read(void **state)
{
        static const struct {
                const char *options, *mask;
        } cases[] = {
            {"family inet netmask 20", "255.255.240.0"},
            {"family inet bitmask 255.0.255.0", "255.0.255.0"},
            {"family inet6 netmask 64", "ffff:ffff:ffff:ffff::"},
            {"family inet6 bitmask ffff::ff", "ffff::ff"},
            {"family inet6 bitmask ffff::ff/42", "ffff::ff"},
            {"family inet markmask 0x000000ff", "255.255.255.255"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                char text[IP_TEXT_SIZE];
                const struct set *set =
                    parse(arena, arena_printf(arena, "create a hash:ip %s\n", cases[i].options))
                        ->sets.items;
                if (set->type == SET_UNKNOWN || set->plain)
                        fail_msg("%s", cases[i].options);
                assert_string_equal(ip_format(&set->mask->ip, text), cases[i].mask);
        }
}

/* A timeout that never ends changes nothing; one that does ends what was read. */
static void timeouts_are_not_plain(void **state)
{
        static const struct {
                const char *text;
                bool plain;
        } cases[] = {
            {"create a hash:ip timeout 0\nadd a 10.0.0.1 timeout 0\n", true},
            {"create a hash:ip timeout 0\nadd a 10.0.0.1 timeout 0\nadd a 10.0.0.2 timeout 5\n",
             false},
            {"create a hash:ip timeout 5\n", false},
            {"create a hash:ip comment counters skbinfo forceadd\n", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                if (parse(arena, cases[i].text)->sets.items->plain != cases[i].plain)
                        fail_msg("%s", cases[i].text);
        }
}

static void plain_elements_are_small(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *ruleset =
            parse(arena, "create a hash:net\nadd a 10.0.0.0/8\nadd a 10.0.0.0/9 nomatch\n"
                         "create b hash:ip timeout 0\nadd b 10.0.0.1 timeout 0\n"
                         "add b 10.0.0.2 timeout 0\nadd b 10.0.0.3 timeout 7\n"
                         "create c hash:ip counters\nadd c 10.0.0.1 packets 1 bytes 2\n");
        const struct set *sets = ruleset->sets.items;

        assert_true(sizeof(struct set_element) <= 48);
        assert_null(sets[0].elements.items[0].more);
        assert_null(sets[0].elements.items[1].more);
        assert_ptr_equal(sets[1].elements.items[0].more, sets[1].elements.items[1].more);
        assert_string_equal(sets[1].elements.items[1].more->options, "timeout 0");
        assert_string_equal(sets[1].elements.items[2].more->options, "timeout 7");
        assert_null(sets[2].elements.items[0].more);
}

static void many_elements_take_little_memory(void **state)
{
        enum { N = 200000 };
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf text = {0};

        strbuf_add(&text, "create a hash:ip timeout 0\n");
        for (unsigned i = 0; i < N; i++)
                strbuf_printf(&text, "add a 10.%u.%u.%u timeout 0\n", i >> 16, i >> 8 & 255,
                              i & 255);
        struct ruleset *ruleset = parse_finished(arena, strbuf_text(&text));
        assert_int_equal(ruleset->sets.items->elements.n, N);
        assert_true(arena_size(arena) < 50 * N + (1 << 20));
}

/* Without what only the kernel cares about, in any order. */
static void sets_as_the_kernel_prints_them(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *ruleset =
            parse(arena, "create penstock-b hash:net family inet6 hashsize 1024 maxelem 16777216 "
                         "bucketsize 12 initval 0x5dce2d09\n"
                         "create penstock-a hash:ip family inet maxelem 16777216\n"
                         "add penstock-b fd00::2\nadd penstock-b fd00::/64 nomatch\n");

        assert_string_equal(ruleset->sets.items[0].name, "penstock-b");
        assert_int_equal(ruleset->sets.items[0].elements.items[0].prefix.length, 128);
        ruleset_finish(ruleset);
        assert_string_equal(ruleset->sets.items[0].name, "penstock-a");
        const struct set *set = ruleset_set(ruleset, "penstock-b");
        assert_int_equal(set->type, SET_HASH_NET);
        assert_int_equal(set->family, FAMILY_IPV6);
        assert_false(set->misfit);
        assert_int_equal(set->elements.n, 2);
        assert_true(set->elements.items[0].nomatch);
        assert_int_equal(set->elements.items[1].prefix.length, 128);
}

/* Printed whole they are what was read; as a line for the kernel, what penstock makes. */
static void elements_that_count(void **state)
{
        static const char text[] =
            "create penstock-a hash:ip,port family inet maxelem 16777216 counters\n"
            "add penstock-a 10.0.0.1,udp:53 packets 7 bytes 460\n";
        _cleanup_arena_ struct arena *arena = arena_new();
        const struct set *set = ruleset_set(parse_finished(arena, text), "penstock-a");
        _cleanup_strbuf_ struct strbuf out = {0};

        assert_int_equal(set->type, SET_HASH_IP_PORT);
        assert_true(set->counters && !set->misfit);
        assert_int_equal(set->elements.items[0].counters.packets, 7);
        assert_int_equal(set->elements.items[0].counters.bytes, 460);
        assert_prints_itself(text);
        ipset_print_create(set, &out);
        ipset_print_element("add", set, set->elements.items, &out);
        assert_string_equal(strbuf_text(&out),
                            "create penstock-a hash:ip,port family inet hashsize 64 maxelem "
                            "16777216 counters\nadd penstock-a 10.0.0.1,udp:53\n");
}

/* They have a name of penstock's, and would not do what penstock needs. */
static void sets_that_penstock_did_not_make(void **state)
{
        static const char *const cases[] = {
            "create penstock-a hash:ip family inet hashsize 64 maxelem 65536\n",
            "create penstock-a hash:ip family inet maxelem 16777216 timeout 0\n",
            "create penstock-a hash:ip family inet maxelem 16777216 netmask 24\n",
            "create penstock-a hash:ip family inet maxelem 16777216 comment\n",
            "create penstock-a hash:net family inet maxelem 16777216 counters\n",
            "create penstock-a hash:ip,port family inet maxelem 16777216 counters\n"
            "add penstock-a 10.0.0.1,tcp:1 packets 1\n",
            "create penstock-a hash:ip\n",
            "create penstock-a hash:mac maxelem 16777216\n",
            "create penstock-a list:set size 8\n",
            "create penstock-a hash:ip family inet6 maxelem 16777216\nadd penstock-a 1.2.3.4\n",
            "create penstock-a hash:ip family inet maxelem 16777216\nadd penstock-a "
            "10.0.0.1,tcp:1\n",
            "create penstock-a hash:ip family inet maxelem 16777216\nadd penstock-a 10.0.0.1 "
            "timeout 5\n",
            "create penstock-a hash:ip family inet maxelem 16777216 sticky\n",
            "create penstock-a hash:new family inet maxelem 16777216\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                if (!parse(arena, cases[i])->sets.items->misfit)
                        fail_msg("%s", cases[i]);
                assert_prints_itself(cases[i]);
        }
}

static void errors_name_the_line(void **state)
{
        static const char *const cases[][2] = {
            {"ipset v7.17, protocol version: 7\n", "line 1: not ipset save's: ipset v7.17"},
            {"create a\n", "line 1: not a set"},
            {"create a hash:ip\nadd b 10.0.0.1\n", "line 2: not an element of a set"},
            {"create a hash:ip\nadd a\n", "line 2: not an element of a set"},
            {"create a hash:ip\ncreate a hash:ip\n", "line 2: a set that is there already"},
            {"create a hash:ip\n\n# note\nadd a 10.0.0.1\nadd a 10.0", "line 5: the line is cut"},
            {"create a hash:ip comment\nadd a 10.0.0.1 comment \"x\ny\"\nadd a 1.2.3.4 comment \"z",
             "line 4: the line is cut off"},
            {"create a hash:ip comment\nadd a 10.0.0.1 comment \"x\nadd a 10.0.0.2\n",
             "line 2: the line is cut off"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct err err = {0};
                assert_int_equal(ipset_parse(ruleset_new(arena), cases[i][0], &err), -1);
                if (strncmp(err.text, cases[i][1], strlen(cases[i][1])) != 0)
                        fail_msg("%s: %s", cases[i][0], err.text);
        }
}

static void sets_grow_beyond_the_kernels_default(void **state)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct set set = {.name = "penstock-a", .type = SET_HASH_IP};

        set.elements.n = 70000;
        ipset_print_create(&set, &out);
        assert_string_equal(
            strbuf_text(&out),
            "create penstock-a hash:ip family inet hashsize 65536 maxelem 16777216\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(dumps_are_printed_again),
            cmocka_unit_test(every_kind_is_known),
            cmocka_unit_test(own_sets_print_themselves),
            cmocka_unit_test(what_is_not_understood_is_kept),
            cmocka_unit_test(spellings_that_are_kept),
            cmocka_unit_test(values_are_read),
            cmocka_unit_test(masks_are_read),
            cmocka_unit_test(timeouts_are_not_plain),
            cmocka_unit_test(plain_elements_are_small),
            cmocka_unit_test(many_elements_take_little_memory),
            cmocka_unit_test(sets_as_the_kernel_prints_them),
            cmocka_unit_test(elements_that_count),
            cmocka_unit_test(sets_that_penstock_did_not_make),
            cmocka_unit_test(errors_name_the_line),
            cmocka_unit_test(sets_grow_beyond_the_kernels_default),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
