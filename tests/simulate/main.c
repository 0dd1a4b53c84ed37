#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iptables/text.h"
#include "verify/simulate.h"

/* Runs packets through rules, for tests that send the same packets to a kernel.
 *
 *     simulate [rules FILE]… sets FILE [local IP]… [broadcast IP]… [link NAME IP]… < PACKETS
 *
 * Up to two files of rules: one flavour's saves of both families each. A packet is a line of words,
 *
 *     from=10.0.0.1 to=10.0.0.2 protocol=6 sport=1 dport=2 flags=2 state=2 ttl=64 in=left out=right
 *
 * and "node" where the node sends it. For each, a line is printed for every rule that matches,
 *
 *     ipv4 filter FORWARD 0 yes
 *
 * (0 is the chain's first; "maybe" where that is not known), and what came of it: the outcome, the
 * packet's ends as it leaves, its mark, and which fields are not known (enum sim_field). */

struct facts {
        struct arena *arena;
        VEC(struct ip) locals, broadcasts;
        VEC(struct sim_link) links;
        struct enforced enforced;
};

static void fail(const char *what, const char *why)
{
        fprintf(stderr, "%s: %s\n", what, why);
        exit(2);
}

static const char *read_file(struct arena *arena, const char *path)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        char buffer[4096];
        size_t n;
        FILE *file = fopen(path, "re");

        if (!file)
                fail(path, "not to be opened");
        while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
                strbuf_add_bytes(&text, buffer, n);
        fclose(file);
        return arena_strdup(arena, strbuf_text(&text));
}

static struct ip parse_ip(const char *text)
{
        struct ip ip;

        if (!ip_parse(text, &ip))
                fail(text, "not an address");
        return ip;
}

static void add_rules(struct facts *facts, const char *path)
{
        struct ruleset *ruleset = ruleset_new(facts->arena);
        struct err err;

        if (facts->enforced.n == MAX_RULESETS)
                fail(path, "too many");
        if (iptables_parse_saves(ruleset, read_file(facts->arena, path), &err) < 0)
                fail(path, err.text);
        facts->enforced.rules[facts->enforced.n++] = ruleset;
}

static void add_sets(struct facts *facts, const char *path)
{
        struct ruleset *sets = ruleset_new(facts->arena);
        struct err err;

        if (ipset_parse(sets, read_file(facts->arena, path), &err) < 0)
                fail(path, err.text);
        ruleset_finish(sets);
        facts->enforced.sets = sets;
}

static int compare_ips(const void *a, const void *b)
{
        return ip_compare(a, b);
}

static void read_facts(struct facts *facts, char **argv)
{
        for (; argv[0]; argv += 2) {
                if (!argv[1])
                        fail(argv[0], "of what?");
                if (strcmp(argv[0], "rules") == 0) {
                        add_rules(facts, argv[1]);
                } else if (strcmp(argv[0], "sets") == 0) {
                        add_sets(facts, argv[1]);
                } else if (strcmp(argv[0], "local") == 0) {
                        vec_push(facts->arena, &facts->locals, parse_ip(argv[1]));
                } else if (strcmp(argv[0], "broadcast") == 0) {
                        vec_push(facts->arena, &facts->broadcasts, parse_ip(argv[1]));
                } else if (strcmp(argv[0], "link") == 0 && argv[2]) {
                        struct sim_link link = {argv[1], parse_ip(argv[2])};
                        vec_push(facts->arena, &facts->links, link);
                        argv++;
                } else {
                        fail(argv[0], "not known");
                }
        }
        if (!facts->enforced.sets)
                fail("sets", "none given");
        vec_sort(&facts->locals, compare_ips);
        vec_sort(&facts->broadcasts, compare_ips);
}

/* "key=value" of this key, as a number. */
static bool word_is_number(const char *word, const char *key, uint32_t *ret)
{
        size_t length = strlen(key);

        if (strncmp(word, key, length) != 0 || word[length] != '=')
                return false;
        *ret = (uint32_t)strtoul(word + length + 1, NULL, 0);
        return true;
}

static void set_number(struct sim_packet *packet, const char *word)
{
        uint32_t number;

        if (word_is_number(word, "protocol", &number))
                packet->protocol = (uint8_t)number;
        else if (word_is_number(word, "sport", &number))
                packet->source_port = (uint16_t)number;
        else if (word_is_number(word, "dport", &number))
                packet->destination_port = (uint16_t)number;
        else if (word_is_number(word, "flags", &number))
                packet->tcp_flags = (uint8_t)number;
        else if (word_is_number(word, "init", &number))
                packet->sctp_init = number;
        else if (word_is_number(word, "type", &number))
                packet->icmp_type = (uint8_t)number;
        else if (word_is_number(word, "code", &number))
                packet->icmp_code = (uint8_t)number;
        else if (word_is_number(word, "ttl", &number))
                packet->hop_limit = (uint8_t)number;
        else if (word_is_number(word, "state", &number))
                packet->state = number;
        else if (word_is_number(word, "mark", &number))
                packet->mark = number;
        else if (word_is_number(word, "connmark", &number))
                packet->connmark = number;
        else
                fail(word, "no such field");
}

static bool read_packet(struct arena *arena, char *line, struct sim_packet *packet)
{
        bool from_node = false;
        char *rest = line;

        *packet = (struct sim_packet){.in_interface = "", .out_interface = ""};
        for (char *word; (word = strsep(&rest, " \n"));) {
                if (strncmp(word, "from=", 5) == 0)
                        packet->source = parse_ip(word + 5);
                else if (strncmp(word, "to=", 3) == 0)
                        packet->destination = parse_ip(word + 3);
                else if (strncmp(word, "in=", 3) == 0)
                        packet->in_interface = arena_strdup(arena, word + 3);
                else if (strncmp(word, "out=", 4) == 0)
                        packet->out_interface = arena_strdup(arena, word + 4);
                else if (strcmp(word, "node") == 0)
                        from_node = true;
                else if (*word)
                        set_number(packet, word);
        }
        return from_node;
}

static void print_rule(const struct table *table, const struct chain *chain,
                       const struct rule *rule, enum truth truth, void *data)
{
        printf("%s %s %s %td %s\n", table->family == FAMILY_IPV6 ? "ipv6" : "ipv4", table->name,
               chain->name, rule - chain->rules.items, truth == YES ? "yes" : "maybe");
}

static void print_result(const struct sim_result *result)
{
        static const char *const outcomes[] = {
            [OUTCOME_PASS] = "pass", [OUTCOME_DROP] = "drop", [OUTCOME_UNKNOWN] = "unknown"};
        const struct sim_packet *packet = &result->packet;
        char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];

        printf("%s %s %u %s %u 0x%" PRIx32 " %" PRIu32 "\n", outcomes[result->outcome],
               ip_format(&packet->source, source), packet->source_port,
               ip_format(&packet->destination, destination), packet->destination_port, packet->mark,
               packet->unknown);
}

int main(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct facts facts = {.arena = arena};
        char line[1024];

        read_facts(&facts, argv + 1);
        const struct sim_node node = {
            .known = true,
            .locals = facts.locals.items,
            .n_locals = facts.locals.n,
            .broadcasts = facts.broadcasts.items,
            .n_broadcasts = facts.broadcasts.n,
            .links = facts.links.items,
            .n_links = facts.links.n,
        };
        const struct sim_options options = {.node = &node, .trace = print_rule};
        while (fgets(line, sizeof(line), stdin)) {
                struct sim_packet packet;
                bool from_node = read_packet(arena, line, &packet);
                struct sim_result result =
                    simulate_path(&facts.enforced, from_node, &packet, &options);
                print_result(&result);
        }
        return 0;
}
