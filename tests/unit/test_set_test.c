#include "unit.h"

#include "iptables/text.h"
#include "verify/set_test.h"

/* What tests/system/test_sets.py can't ask: kinds that a kernel may lack, chance, what is unknown.
 */

static const char sets_text[] =
    "create marks hash:ip,mark family inet markmask 0x000000ff\n"
    "add marks 10.0.0.1,0x00000034\n"
    "create macs hash:mac\nadd macs 02:00:00:00:00:01\n"
    "create no-macs hash:mac\n"
    "create ip-macs hash:ip,mac family inet\nadd ip-macs 10.0.0.1,02:00:00:00:00:01\n"
    "create bit-macs bitmap:ip,mac range 10.0.0.0-10.0.0.255\nadd bit-macs 10.0.0.1\n"
    "create pairs hash:net,net family inet\n"
    "add pairs 10.0.0.0/8,192.0.2.1\n"
    "add pairs 10.0.0.0/16,192.0.2.0/24 nomatch\n"
    "add pairs 11.0.0.0/8,192.0.2.0/24\n"
    "add pairs 11.0.0.0/8,192.0.2.0/25 nomatch\n"
    "add pairs 11.0.0.0/8,192.0.2.1\n"
    "create mask-pairs hash:net,net family inet netmask 24\n"
    "add mask-pairs 10.0.0.0/8,192.0.2.0\n"
    "create triples hash:net,port,net family inet\n"
    "add triples 10.0.0.0/8,tcp:80,192.0.2.0/24\n"
    "add triples 10.0.0.0/16,tcp:80,192.0.0.0/16 nomatch\n"
    "create links hash:net,iface family inet\n"
    "add links 10.0.0.0/8,eth0\n"
    "add links 10.1.0.0/16,physdev:eth0\n"
    "add links 10.2.0.0/16,eth nomatch wildcard\n"
    "add links 10.2.0.0/16,eth0\n"
    "add links 10.3.0.0/16,eth1\n"
    "create nets hash:net family inet\n"
    "add nets 10.0.0.0/8\nadd nets 10.0.0.0/16 nomatch\n"
    "create new hash:new family inet\nadd new 10.0.0.1\n"
    "create list list:set\nadd list nets\nadd list new\n"
    "create half list:set\nadd half nets\nadd half gone\n"
    "create nest list:set\nadd nest list\n"
    "create zero hash:ip,port family inet\nadd zero 10.0.0.1,tcp:0\n"
    "create timed hash:ip family inet timeout 0\nadd timed 10.0.0.1 timeout 3\n"
    "create pairs6 hash:net,net family inet6\nadd pairs6 fd00::/8,fd00::1\n"
    "add pairs6 fd00::/16,fd00::/64 nomatch\n";

struct question {
        const char *set, *ends, *options;
        const char *source, *destination;
        struct sim_packet more; /* the rest of the packet */
        enum truth answer;
};

static struct match match_of(const struct question *question)
{
        struct match match = {.kind = MATCH_SET};

        match.set.name = question->set;
        match.set.options = question->options;
        for (const char *end = question->ends; *end; end++)
                match.set.ends[match.set.n_ends++] = *end == 's' ? SET_SOURCE : SET_DESTINATION;
        return match;
}

static void ask(const struct question *questions, size_t n)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *sets = ruleset_new(arena);
        struct err err;

        if (ipset_parse(sets, sets_text, &err) < 0)
                fail_msg("%s", err.text);
        ruleset_finish(sets);
        for (size_t i = 0; i < n; i++) {
                struct match match = match_of(&questions[i]);
                struct sim_packet packet = questions[i].more;
                packet.in_interface = packet.in_interface ? packet.in_interface : "";
                packet.out_interface = packet.out_interface ? packet.out_interface : "";
                assert_true(ip_parse(questions[i].source, &packet.source));
                assert_true(ip_parse(questions[i].destination, &packet.destination));
                if (set_test(sets, &match, &packet) != questions[i].answer)
                        fail_msg("%s, %s: %s %s", questions[i].set, questions[i].ends,
                                 questions[i].source, questions[i].destination);
        }
}

#define ANY                                                                                        \
        {                                                                                          \
                .hop_limit = 63                                                                    \
        }
#define TCP_80                                                                                     \
        {                                                                                          \
                .protocol = PROTOCOL_TCP, .destination_port = 80                                   \
        }
#define FROM "192.0.2.1"
#define TO   "192.0.2.9"

static void marks_are_masked(void **state)
{
        static const struct question questions[] = {
            {"marks", "sd", NULL, "10.0.0.1", TO, {.mark = 0x1234}, YES},
            {"marks", "sd", NULL, "10.0.0.1", TO, {.mark = 0x1235}, NO},
            {"marks", "sd", NULL, "10.0.0.2", TO, {.mark = 0x34}, NO},
            {"marks", "s", NULL, "10.0.0.1", TO, {.mark = 0x34}, NO},
        };

        ask(questions, ARRAY_SIZE(questions));
}

static void a_packet_here_has_no_mac(void **state)
{
        static const struct question questions[] = {
            {"macs", "s", NULL, "10.0.0.1", TO, ANY, UNKNOWN},
            {"no-macs", "s", NULL, "10.0.0.1", TO, ANY, NO},
            {"ip-macs", "ss", NULL, "10.0.0.1", TO, ANY, UNKNOWN},
            {"ip-macs", "ss", NULL, "10.0.0.2", TO, ANY, NO},
            {"ip-macs", "s", NULL, "10.0.0.1", TO, ANY, NO},
            {"bit-macs", "ss", NULL, "10.0.0.1", TO, ANY, UNKNOWN},
            {"bit-macs", "ss", NULL, "10.0.0.9", TO, ANY, NO},
        };

        ask(questions, ARRAY_SIZE(questions));
}

/* The first dimension's length goes before the second's. */
static void the_longest_first_net_decides(void **state)
{
        static const struct question questions[] = {
            {"pairs", "sd", NULL, "10.1.0.1", "192.0.2.1", ANY, YES},
            {"pairs", "sd", NULL, "10.0.0.1", "192.0.2.1", ANY, NO},
            {"pairs", "sd", NULL, "11.0.0.1", "192.0.2.1", ANY, YES},
            {"pairs", "sd", NULL, "11.0.0.1", "192.0.2.2", ANY, NO},
            {"pairs", "sd", NULL, "11.0.0.1", "192.0.2.200", ANY, YES},
            {"pairs", "ds", NULL, "192.0.2.200", "11.0.0.1", ANY, YES},
            {"pairs", "sd", NULL, "12.0.0.1", "192.0.2.200", ANY, NO},
            {"mask-pairs", "sd", NULL, "10.1.1.1", "192.0.2.200", ANY, YES},
            {"mask-pairs", "sd", NULL, "10.1.1.1", "192.0.3.200", ANY, NO},
            {"triples", "sdd", NULL, "10.1.0.1", "192.0.2.1", TCP_80, YES},
            {"triples", "sdd", NULL, "10.0.0.1", "192.0.2.1", TCP_80, NO},
            {"triples", "sdd", NULL, "10.1.0.1", "192.0.2.1", {.protocol = PROTOCOL_UDP}, NO},
            {"pairs6", "sd", NULL, "fd01::1", "fd00::1", ANY, YES},
            {"pairs6", "sd", NULL, "fd00::1", "fd00::1", ANY, NO},
            {"pairs6", "sd", NULL, "10.0.0.1", "192.0.2.1", ANY, NO},
        };

        ask(questions, ARRAY_SIZE(questions));
}

static void interfaces(void **state)
{
        static const struct question questions[] = {
            {"links", "ss", NULL, "10.9.0.1", TO, {.in_interface = "eth0"}, YES},
            {"links", "sd", NULL, "10.9.0.1", TO, {.in_interface = "eth0"}, NO},
            {"links", "sd", NULL, "10.9.0.1", TO, {.out_interface = "eth0"}, YES},
            /* Behind a physdev the kernel may or may not look on. */
            {"links", "ss", NULL, "10.1.0.1", TO, {.in_interface = "eth0"}, UNKNOWN},
            {"links", "ss", NULL, "10.1.0.1", TO, {.in_interface = "eth1"}, NO},
            /* Two that match and disagree. */
            {"links", "ss", NULL, "10.2.0.1", TO, {.in_interface = "eth0"}, UNKNOWN},
            {"links", "ss", NULL, "10.2.0.1", TO, {.in_interface = "eth1"}, NO},
            {"links", "ss", "--return-nomatch", "10.2.0.1", TO, {.in_interface = "eth1"}, YES},
            /* Behind another interface's net it does not. */
            {"links", "ss", NULL, "10.3.0.1", TO, {.in_interface = "eth0"}, NO},
        };

        ask(questions, ARRAY_SIZE(questions));
}

static void options_turn_round_or_are_unknown(void **state)
{
        static const struct question questions[] = {
            {"nets", "s", NULL, "10.1.0.1", TO, ANY, YES},
            {"nets", "s", "--return-nomatch", "10.1.0.1", TO, ANY, NO},
            {"nets", "s", "--return-nomatch", "10.0.0.1", TO, ANY, YES},
            {"nets", "s", "! --update-counters --return-nomatch", "10.0.0.1", TO, ANY, YES},
            {"nets", "s", "--packets-gt 4", "10.1.0.1", TO, ANY, UNKNOWN},
            {"nets", "s", "--packets-gt 4", "10.0.0.1", TO, ANY, UNKNOWN},
            {"nets", "s", "! --bytes-eq 4", "11.0.0.1", TO, ANY, NO},
            {"nets", "s", "--return-nomatches", "10.1.0.1", TO, ANY, UNKNOWN},
            {"timed", "s", "--return-nomatch", "10.0.0.1", TO, ANY, YES},
        };

        ask(questions, ARRAY_SIZE(questions));
}

static void lists(void **state)
{
        static const struct question questions[] = {
            {"list", "s", NULL, "10.1.0.1", TO, ANY, YES},
            {"list", "s", NULL, "11.1.0.1", TO, ANY, UNKNOWN},
            {"half", "s", NULL, "10.1.0.1", TO, ANY, YES},
            {"half", "s", NULL, "11.1.0.1", TO, ANY, UNKNOWN},
            {"nest", "s", NULL, "10.1.0.1", TO, ANY, UNKNOWN},
            {"list", "s", NULL, "fd00::1", "fd00::2", ANY, UNKNOWN},
        };

        ask(questions, ARRAY_SIZE(questions));
}

static void others(void **state)
{
        static const struct question questions[] = {
            {"gone", "s", NULL, FROM, TO, ANY, UNKNOWN},
            {"new", "s", NULL, FROM, TO, ANY, UNKNOWN},
            {"timed", "s", NULL, "10.0.0.1", TO, ANY, YES},
            {"timed", "sdd", NULL, "10.0.0.1", TO, ANY, YES},
            {"zero", "ss", NULL, "10.0.0.1", TO, {.protocol = PROTOCOL_TCP}, YES},
            {"zero", "ss", NULL, "10.0.0.1", TO, ANY, NO},
        };

        ask(questions, ARRAY_SIZE(questions));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(marks_are_masked),
            cmocka_unit_test(a_packet_here_has_no_mac),
            cmocka_unit_test(the_longest_first_net_decides),
            cmocka_unit_test(interfaces),
            cmocka_unit_test(options_turn_round_or_are_unknown),
            cmocka_unit_test(lists),
            cmocka_unit_test(others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
