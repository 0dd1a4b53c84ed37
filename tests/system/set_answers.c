#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iptables/text.h"
#include "verify/set_test.h"

/* What set_test() says of packets, for a test that asks the kernel the same:
 *
 *     set_answers SETS RULES ipv4|ipv6 < PACKETS
 *
 * SETS is ipset save's, RULES iptables-save's with a chain FORWARD in table mangle. A packet is a
 * line "SOURCE DESTINATION PROTOCOL SOURCE-PORT DESTINATION-PORT TYPE CODE IN OUT"; the answer to
 * it a line with a character for each rule that has a set match: 1, 0 or ?.
 *
 *     set_answers SETS
 *
 * prints the sets as they were read. */

static void fail(const char *why)
{
        fprintf(stderr, "set_answers: %s\n", why);
        exit(2);
}

static void read_file(const char *path, struct strbuf *ret)
{
        FILE *file = fopen(path, "r");
        char bytes[65536];
        size_t n;

        if (!file)
                fail(path);
        while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
                strbuf_add_bytes(ret, bytes, n);
        fclose(file);
}

static struct ruleset *read_sets(struct arena *arena, const char *path)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct ruleset *sets = ruleset_new(arena);
        struct err err;

        read_file(path, &text);
        if (ipset_parse(sets, strbuf_text(&text), &err) < 0)
                fail(err.text);
        return sets;
}

typedef VEC(struct match) match_list;

/* "NAME src,dst --return-nomatch" */
static struct match read_match(struct arena *arena, char *line)
{
        struct match match = {.kind = MATCH_SET};
        char *next = line, *name = strsep(&next, " "), *ends = strsep(&next, " "), *end;

        if (!ends)
                fail("not a match");
        while ((end = strsep(&ends, ",")) && match.set.n_ends < SET_DIMENSIONS)
                match.set.ends[match.set.n_ends++] =
                    strcmp(end, "src") == 0 ? SET_SOURCE : SET_DESTINATION;
        match.set.name = arena_strdup(arena, name);
        match.set.options = next ? arena_strdup(arena, next) : NULL;
        return match;
}

static match_list read_matches(struct arena *arena, const char *path)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        match_list matches = {0};
        char *line;

        read_file(path, &text);
        for (char *next = text.text; (line = strsep(&next, "\n")) && *line;)
                vec_push(arena, &matches, read_match(arena, line));
        return matches;
}

static struct sim_packet read_packet(const char *line, char names[2][16])
{
        char source[64], destination[64];
        unsigned protocol, source_port, destination_port, type, code;
        struct sim_packet packet = {.in_interface = names[0], .out_interface = names[1]};

        if (sscanf(line, "%63s %63s %u %u %u %u %u %15s %15s", source, destination, &protocol,
                   &source_port, &destination_port, &type, &code, names[0], names[1]) != 9 ||
            !ip_parse(source, &packet.source) || !ip_parse(destination, &packet.destination))
                fail(line);
        packet.protocol = (uint8_t)protocol;
        packet.source_port = (uint16_t)source_port;
        packet.destination_port = (uint16_t)destination_port;
        packet.icmp_type = (uint8_t)type;
        packet.icmp_code = (uint8_t)code;
        return packet;
}

static void answer(const struct ruleset *sets, const match_list *matches,
                   const struct sim_packet *packet)
{
        static const char words[] = {[NO] = '0', [YES] = '1', [UNKNOWN] = '?'};

        vec_foreach (const struct match, match, matches)
                putchar(words[set_test(sets, match, packet)]);
        putchar('\n');
}

int main(int argc, char **argv)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char line[512];

        if (argc != 2 && argc != 3)
                fail("usage: set_answers SETS [MATCHES]");
        struct ruleset *sets = read_sets(arena, argv[1]);
        if (argc == 2) {
                _cleanup_strbuf_ struct strbuf out = {0};
                ipset_print(sets, &out);
                fputs(strbuf_text(&out), stdout);
                return 0;
        }
        const match_list matches = read_matches(arena, argv[2]);
        ruleset_finish(sets);
        while (fgets(line, sizeof(line), stdin)) {
                char names[2][16];
                struct sim_packet packet = read_packet(line, names);
                answer(sets, &matches, &packet);
        }
        return 0;
}
