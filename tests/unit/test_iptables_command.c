#include "unit.h"

#include "iptables/text.h"

/* What an administrator types, beside the rule that iptables-save shows then. (tests/system asks
 * the tools themselves.) */

#define MAX_WORDS 64

/* Splits at spaces; what is between quotes is one word, as a shell has it. */
static size_t split(struct arena *arena, const char *line, const char **words)
{
        size_t n = 0;

        while (*line) {
                const bool quoted = *line == '\'';
                size_t length = strcspn(line + quoted, quoted ? "'" : " ");
                assert_true(n < MAX_WORDS);
                words[n++] = arena_strndup(arena, line + quoted, length);
                line += length + 2 * quoted;
                line += *line == ' ';
        }
        return n;
}

static int parse(struct arena *arena, const char *line, struct iptables_command *ret,
                 struct err *err)
{
        const char *words[MAX_WORDS];
        size_t n = split(arena, line, words);

        return iptables_command_parse(ruleset_new(arena), FAMILY_IPV4, words, n, ret, err);
}

static struct rule saved_rule(struct arena *arena, enum family family, const char *body)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err;
        const char *text =
            arena_printf(arena, "*filter\n:A - [0:0]\n:OTHER - [0:0]\n-A A%s%s\nCOMMIT\n",
                         *body ? " " : "", body);

        if (iptables_parse(ruleset, family, text, &err) < 0)
                fail_msg("%s", err.text);
        return ruleset->tables.items[0].chains.items[0].rules.items[0];
}

static const char *const equal[][2] = {
    {"iptables -A INPUT -p tcp -m tcp --dport 80 -m limit --limit 10/minute --limit-burst 20 -j "
     "ACCEPT",
     "-p tcp -m tcp --dport 80 -m limit --limit 10/min --limit-burst 20 -j ACCEPT"},
    {"-t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-port 9090",
     "-p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 9090"},
    {"-A INPUT -j LOG --log-prefix 'iptables input: ' --log-level 4",
     "-j LOG --log-prefix \"iptables input: \""},
    {"-A INPUT --jump ACCEPT --protocol tcp --source 10.0.0.1/255.255.0.0 --destination-port 1:",
     "-s 10.0.0.0/16 -p tcp -m tcp --dport 1:65535 -j ACCEPT"},
    {"--append INPUT --match multiport --protocol UDP --destination-ports 53,67:68 --goto OTHER",
     "-p udp -m multiport --dports 53,67:68 -g OTHER"},
    {"-A INPUT -p tcp --dport=80 ! --syn -j OTHER",
     "-p tcp -m tcp --dport 80 ! --tcp-flags FIN,SYN,RST,ACK SYN -j OTHER"},
    {"-A INPUT -i + -s 0/0 -d 0.0.0.0/0 -p all -j ACCEPT", "-j ACCEPT"},
    {"-A INPUT -p tcp --sport 0:65535 -j ACCEPT", "-p tcp -m tcp -j ACCEPT"},
    {"-A INPUT -p tcp --sport 0:65535 --dport http -j ACCEPT",
     "-p tcp -m tcp --dport 80 -j ACCEPT"},
    {"-A INPUT -p icmp --icmp-type echo-request -j ACCEPT",
     "-p icmp -m icmp --icmp-type 8 -j ACCEPT"},
    {"-A INPUT -m state --state new,established -j ACCEPT",
     "-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT"},
    {"-A INPUT -m mark --mark 1337 -m connmark ! --mark 1/15 -j ACCEPT",
     "-m mark --mark 0x539 -m connmark ! --mark 0x1/0xf -j ACCEPT"},
    {"-t mangle -A PREROUTING -j MARK --set-mark 5/7", "-j MARK --set-xmark 0x5/0x7"},
    {"-t mangle -A PREROUTING -j MARK --or-mark 5", "-j MARK --set-xmark 0x5/0x5"},
    {"-t mangle -A PREROUTING -j MARK --and-mark 5", "-j MARK --set-xmark 0x0/0xfffffffa"},
    {"-t mangle -A PREROUTING -j MARK --xor-mark 5", "-j MARK --set-xmark 0x5/0x0"},
    {"-t mangle -A PREROUTING -j CONNMARK --restore-mark --mask 255",
     "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"},
    {"-A INPUT -j REJECT", "-j REJECT --reject-with icmp-port-unreachable"},
    {"-A INPUT -p tcp ! --dport :99 ! --sport 5:", "-p tcp -m tcp --sport 0:4 --dport 100:65535"},
    {"-A INPUT -m conntrack --ctproto tcp --ctstate dnat,new",
     "-m conntrack --ctstate NEW,DNAT --ctproto 6"},
    {"-A INPUT -m recent --set", "-m recent --set --name DEFAULT --mask 255.255.255.255 --rsource"},
    {"-A INPUT -m statistic --mode random --probability .333",
     "-m statistic --mode random --probability 0.33300000010"},
    {"-A INPUT -p tcp -m connlimit --connlimit-above 10",
     "-p tcp -m connlimit --connlimit-above 10 --connlimit-mask 32 --connlimit-saddr"},
    {"-A INPUT -m addrtype --limit-iface-in --dst-type LOCAL --src-type local",
     "-m addrtype --src-type LOCAL --dst-type LOCAL --limit-iface-in"},
};

static void rules_are_equal_to_what_is_saved(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(equal); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct iptables_command command;
                struct err err;
                if (parse(arena, equal[i][0], &command, &err) < 0)
                        fail_msg("%s: %s", equal[i][0], err.text);
                struct rule saved = saved_rule(arena, FAMILY_IPV4, equal[i][1]);
                if (!rule_equal(&command.rule, &saved))
                        fail_msg("%s: not %s", equal[i][0], equal[i][1]);
        }
}

static void places(void **state)
{
        static const struct {
                const char *line;
                enum family family;
                const char *table, *chain;
                size_t position;
        } cases[] = {
            {"iptables -A INPUT", FAMILY_IPV4, "filter", "INPUT", 0},
            {"/sbin/ip6tables-nft --table raw -I OUTPUT", FAMILY_IPV6, "raw", "OUTPUT", 1},
            {"iptables-legacy -w -I X 7 -c 3 4", FAMILY_IPV4, "filter", "X", 7},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct iptables_command command;
                struct err err;
                if (parse(arena, cases[i].line, &command, &err) < 0)
                        fail_msg("%s: %s", cases[i].line, err.text);
                assert_int_equal(command.family, cases[i].family);
                assert_string_equal(command.table, cases[i].table);
                assert_string_equal(command.chain, cases[i].chain);
                assert_int_equal(command.position, cases[i].position);
                assert_int_equal(command.rule.counters.bytes, cases[i].position == 7 ? 4 : 0);
        }
}

static void what_is_not_known_is_refused(void **state)
{
        static const char *const cases[][2] = {
            {"nft add rule", "nft: not a command of iptables"},
            {"iptables -L", "-L: not an option that penstock knows"},
            {"iptables -p tcp", "adds no rule: -A or -I is missing"},
            {"-A INPUT -A OUTPUT", "-A: one rule at a time"},
            {"-A INPUT -s 10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2: several addresses"},
            {"-A INPUT -s example.org", "-s example.org: not understood"},
            {"-A INPUT --dport 80", "--dport: not an option that penstock knows here"},
            {"-A INPUT -p tcp --dport", "--dport: its argument is missing"},
            {"-A INPUT -p tcp --dport ! 80", "--dport: the ! stands in front of the option"},
            {"-A INPUT ! -A X", "-A: takes no !"},
            {"-A INPUT ! ! -p tcp", "!: once is enough"},
            {"-A INPUT !", "!: nothing follows it"},
            {"-A INPUT -m foo", "-m foo: not understood"},
            {"-A INPUT -m time --timestart 8:00", "-m time --timestart 8:00: not understood"},
            {"-A INPUT -j LOG --log-level loud", "-j LOG --log-level loud: not understood"},
            {"-A INPUT -p tcp ! --dport 0:65535", "!: of everything there is nothing left"},
            {"-A INPUT ! -i +", "!: of everything there is nothing left"},
            {"-A INPUT -p tcp --tcp-option 5 ! --dport :", "-m tcp --tcp-option 5 ! --dport :"},
            {"-A INPUT -j ACCEPT -j DROP", "-j: a rule has one"},
            {"-I INPUT 0", "0: not a position in a chain"},
            {"-A INPUT -c 1", "-c: wants two numbers"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct iptables_command command;
                struct err err = {0};
                if (parse(arena, cases[i][0], &command, &err) == 0)
                        fail_msg("taken: %s", cases[i][0]);
                if (strncmp(err.text, cases[i][1], strlen(cases[i][1])) != 0)
                        fail_msg("%s: %s", cases[i][0], err.text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(rules_are_equal_to_what_is_saved),
            cmocka_unit_test(places),
            cmocka_unit_test(what_is_not_known_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
