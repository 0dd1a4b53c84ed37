#include <string.h>

#include "base/strbuf.h"
#include "iptables/text.h"
#include "mutate.h"

/* Whole chains of others, with marks, sets, jumps and gotos: in text, as they would be read. */

#define CHAINS 3 /* in each table; each leads to later ones alone */

struct author {
        struct mutant *mutant;
        enum family family;
        struct strbuf *out;
        const char *hook; /* of a rule of a built-in chain; else NULL */
        bool mangle;
};

static const char *draw_text(struct author *author, const char *const *texts, size_t n)
{
        return texts[draw(author->mutant, n)];
}

static bool chance(struct author *author, unsigned percent)
{
        return bytes_chance(author->mutant->bytes, percent);
}

static void say_not(struct author *author, unsigned percent)
{
        if (chance(author, percent))
                strbuf_add(author->out, " !");
}

/* An address that a set of penstock's holds, or a net around it. */
static void say_prefix(struct author *author)
{
        struct mutant *mutant = author->mutant;
        VEC(struct prefix) known = {0};
        char text[PREFIX_TEXT_SIZE];

        vec_foreach (const struct set, set, &mutant->ruleset->sets)
                for (size_t i = 0; set->family == author->family && i < set->elements.n; i++)
                        vec_push(mutant->arena, &known, set->elements.items[i].prefix);
        if (known.n == 0) {
                strbuf_add(author->out, author->family == FAMILY_IPV4 ? "10.0.0.0/8" : "fd00::/16");
                return;
        }
        struct prefix prefix = known.items[draw(mutant, known.n)];
        if (prefix.length > 8 && chance(author, 40))
                prefix = prefix_of(&prefix.ip, (uint8_t)(prefix.length - draw(mutant, 9)));
        strbuf_add(author->out, prefix_format(&prefix, text));
}

static void say_address(struct author *author)
{
        say_not(author, 25);
        strbuf_add(author->out, chance(author, 50) ? " -s " : " -d ");
        say_prefix(author);
}

static void say_set(struct author *author)
{
        const struct mutant *mutant = author->mutant;
        const struct set *set;

        if (mutant->ruleset->sets.n == 0)
                return;
        set = &mutant->ruleset->sets.items[draw(author->mutant, mutant->ruleset->sets.n)];
        strbuf_add(author->out, " -m set");
        say_not(author, 30);
        strbuf_printf(
            author->out, " --match-set %s %s%s", set->name, chance(author, 50) ? "src" : "dst",
            set->type == SET_HASH_IP_PORT || set->type == SET_HASH_NET_PORT || chance(author, 10)
                ? chance(author, 70) ? ",dst" : ",src"
                : "");
}

static void say_ports(struct author *author)
{
        static const char *const protocols[] = {"tcp", "udp", "sctp"};
        static const char *const ports[] = {"80", "443", "53", "8080", "80:443", "1:1023"};
        const char *protocol = draw_text(author, protocols, ARRAY_SIZE(protocols));
        const char *port = draw_text(author, ports, ARRAY_SIZE(ports));

        strbuf_printf(author->out, " -p %s", protocol);
        switch (draw(author->mutant, 3)) {
        case 0:
                return;
        case 1:
                strbuf_printf(author->out, " -m %s", protocol);
                say_not(author, 25);
                strbuf_printf(author->out, " --dport %s", port);
                return;
        default:
                strbuf_add(author->out, " -m multiport");
                say_not(author, 25);
                strbuf_printf(author->out, " --dports %s,5000", port);
        }
}

static void say_protocol(struct author *author)
{
        static const char *const protocols[] = {"tcp", "udp", "47"};

        say_not(author, 40);
        strbuf_printf(author->out, " -p %s", draw_text(author, protocols, ARRAY_SIZE(protocols)));
}

static void say_state(struct author *author)
{
        static const char *const states[] = {
            "NEW",     "ESTABLISHED",       "RELATED,ESTABLISHED",
            "INVALID", "INVALID,UNTRACKED", "INVALID,NEW,UNTRACKED"};

        strbuf_add(author->out, " -m conntrack");
        say_not(author, 25);
        strbuf_printf(author->out, " --ctstate %s", draw_text(author, states, ARRAY_SIZE(states)));
}

static void say_mark(struct author *author)
{
        static const char *const marks[] = {"0x1", "0x1/0x1", "0x2/0x2", "0x3/0x3", "0x0/0x3"};

        strbuf_add(author->out, " -m mark");
        say_not(author, 30);
        strbuf_printf(author->out, " --mark %s", draw_text(author, marks, ARRAY_SIZE(marks)));
}

static void say_link(struct author *author)
{
        static const char *const links[] = {"eth0", "veth+", "cni0"};
        bool in = chance(author, 50);

        if (author->hook && strcmp(author->hook, "FORWARD") != 0)
                in = strcmp(author->hook, "OUTPUT") != 0;
        say_not(author, 25);
        strbuf_printf(author->out, " -%c %s", in ? 'i' : 'o',
                      draw_text(author, links, ARRAY_SIZE(links)));
}

static void say_type(struct author *author)
{
        static const char *const types[] = {"LOCAL", "UNICAST", "MULTICAST", "LOCAL,MULTICAST"};

        strbuf_add(author->out, " -m addrtype");
        say_not(author, 25);
        strbuf_printf(author->out, " --%s-type %s", chance(author, 50) ? "src" : "dst",
                      draw_text(author, types, ARRAY_SIZE(types)));
}

static void say_matches(struct author *author)
{
        static void (*const ways[])(struct author * author) = {
            say_address, say_address, say_set,  say_set,  say_ports, say_protocol,
            say_state,   say_mark,    say_mark, say_link, say_type,
        };
        bool said[ARRAY_SIZE(ways)] = {0};

        for (unsigned i = 0, n = draw(author->mutant, 4); i < n; i++) {
                size_t way = draw(author->mutant, ARRAY_SIZE(ways));
                bool twice = said[way];
                for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
                        twice = twice || (said[k] && ways[k] == ways[way]) ||
                                (said[k] && (ways[k] == say_ports || ways[k] == say_protocol) &&
                                 (ways[way] == say_ports || ways[way] == say_protocol));
                if (!twice)
                        ways[way](author);
                said[way] = true;
        }
}

/* from: the first chain that it may lead to. */
static void say_target(struct author *author, unsigned from)
{
        static const char *const targets[] = {"DROP", "ACCEPT", "RETURN", "ACCEPT", "RETURN"};
        static const char *const marks[] = {"0x1/0xffffffff", "0x1/0x1", "0x2/0x2", "0x0/0x3",
                                            "0x3/0x0"};
        unsigned way = draw(author->mutant, 8);

        if (way < 3 && from < CHAINS)
                strbuf_printf(author->out, " -%c OTHER-%u", chance(author, 75) ? 'j' : 'g',
                              from + draw(author->mutant, CHAINS - from));
        else if (way < 5 && (author->mangle || chance(author, 50)))
                strbuf_printf(author->out, " -j MARK --set-xmark %s",
                              draw_text(author, marks, ARRAY_SIZE(marks)));
        else if (way < 7)
                strbuf_printf(author->out, " -j %s",
                              draw_text(author, targets + author->mangle,
                                        ARRAY_SIZE(targets) - author->mangle));
        strbuf_add_char(author->out, '\n');
}

static void say_rule(struct author *author, const char *chain, unsigned from)
{
        strbuf_printf(author->out, "-A %s", chain);
        say_matches(author);
        say_target(author, from);
}

static void say_table(struct author *author, const char *const *hooks, size_t n)
{
        for (size_t i = 0; i < n; i++)
                strbuf_printf(author->out, ":%s ACCEPT [0:0]\n", hooks[i]);
        for (unsigned i = 0; i < CHAINS; i++)
                strbuf_printf(author->out, ":OTHER-%u - [0:0]\n", i);
        for (size_t i = 0; i < n; i++) {
                author->hook = hooks[i];
                for (unsigned k = draw(author->mutant, 4); k > 0; k--)
                        say_rule(author, hooks[i], 0);
        }
        author->hook = NULL;
        for (unsigned i = 0; i < CHAINS; i++) {
                const char *chain = arena_printf(author->mutant->arena, "OTHER-%u", i);
                for (unsigned k = draw(author->mutant, 4); k > 0; k--)
                        say_rule(author, chain, i + 1);
        }
        strbuf_add(author->out, "COMMIT\n");
}

/* Rules of the built-in chains in front of what is there, or behind. */
static void add_chains(struct mutant *mutant, const struct table *from)
{
        struct table *table = ruleset_add_table(mutant->ruleset, from->family, from->name);

        vec_foreach (const struct chain, chain, &from->chains) {
                struct chain *to = table_chain(table, chain->name);
                if (!to) {
                        to = table_add_chain(mutant->ruleset, table, chain->name);
                        to->policy = chain->policy;
                }
                bool front = bytes_chance(mutant->bytes, 60);
                for (size_t i = 0; i < chain->rules.n; i++)
                        insert_rule(mutant, to, front ? i : to->rules.n, chain->rules.items[i]);
        }
}

static bool chains_of_others(struct mutant *mutant)
{
        static const char *const filter[] = {"FORWARD", "INPUT", "OUTPUT"};
        static const char *const mangle[] = {"PREROUTING", "FORWARD"};
        _cleanup_strbuf_ struct strbuf text = {0};
        struct author author = {
            .mutant = mutant, .family = (enum family)draw(mutant, FAMILIES), .out = &text};
        struct ruleset *read = ruleset_new(mutant->arena);
        struct pick pick = {0};
        struct err err;

        strbuf_add(&text, "*filter\n");
        say_table(&author, filter, ARRAY_SIZE(filter));
        author.mangle = true;
        if (chance(&author, 60)) {
                strbuf_add(&text, "*mangle\n");
                say_table(&author, mangle, ARRAY_SIZE(mangle));
        }
        if (iptables_parse(read, author.family, text.text, &err) < 0)
                return false;
        vec_foreach (const struct table, table, &read->tables)
                add_chains(mutant, table);
        pick.table = ruleset_table(mutant->ruleset, author.family, "filter");
        pick.chain = table_chain(pick.table, "FORWARD");
        return done(mutant, &pick, "chains of others:\n%s", text.text);
}

const struct mutation chain_mutations[] = {{"chains of others", chains_of_others, false}};
const size_t n_chain_mutations = ARRAY_SIZE(chain_mutations);
