#include "verify/distinctions.h"

#include <string.h>

#include "base/strbuf.h"

const uint8_t port_protocols[PORT_PROTOCOLS] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};

enum { INTERFACE_IN, INTERFACE_OUT };

/* While they are gathered: what is named. */
struct gathering {
        struct arena *arena;
        enum family family;
        struct {
                VEC(uint16_t) starts[AXES];
        } ports[PORT_PROTOCOLS];
        VEC(const char *) patterns[2];
        bool protocols[256], hops[256], types[256];
        bool codes[256][256]; /* by type, of ICMP */
        bool hops_of_any, translated;
};

uint8_t icmp_of_family(enum family family)
{
        return family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
}

bool tcp_flags_begin(uint8_t flags)
{
        return (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) == TCP_SYN;
}

/* --- ports --- */

/* protocol 0: of each. */
static void add_start(struct gathering *gathering, uint8_t protocol, enum axis axis, unsigned port)
{
        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                if (port <= UINT16_MAX && (protocol == 0 || protocol == port_protocols[i]))
                        vec_push(gathering->arena, &gathering->ports[i].starts[axis],
                                 (uint16_t)port);
}

static void add_range(struct gathering *gathering, uint8_t protocol, enum axis axis,
                      struct port_range range)
{
        add_start(gathering, protocol, axis, range.first);
        add_start(gathering, protocol, axis, range.last + 1u);
}

static void add_ports(struct gathering *gathering, uint8_t protocol, const struct match *match)
{
        bool either = match->kind == MATCH_EITHER_PORTS;
        bool source =
            either || match->kind == MATCH_SOURCE_PORT || match->kind == MATCH_SOURCE_PORTS;
        bool destination = either || match->kind == MATCH_DESTINATION_PORT ||
                           match->kind == MATCH_DESTINATION_PORTS;

        if (!source && !destination)
                return;
        for (size_t i = 0; i < match->ports.n; i++) {
                if (source)
                        add_range(gathering, protocol, AXIS_SOURCE, match->ports.items[i]);
                if (destination)
                        add_range(gathering, protocol, AXIS_DESTINATION, match->ports.items[i]);
        }
}

static void add_meanings_ports(struct gathering *gathering, const struct meaning *meaning)
{
        struct subjects subjects = meaning_subjects(meaning);

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                for (size_t group = 0; group < subjects.n_groups[d]; group++)
                        for (size_t i = 0; i < PORT_PROTOCOLS; i++) {
                                struct port_starts starts =
                                    meaning_ports(meaning, d, group, port_protocols[i]);
                                for (size_t k = 0; k < starts.n; k++)
                                        add_start(gathering, port_protocols[i], AXIS_DESTINATION,
                                                  starts.items[k]);
                        }
}

static int compare_ports(const void *a, const void *b)
{
        return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void finish_ports(struct gathering *gathering, struct distinctions *ret)
{
        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++) {
                        size_t n = 0;
                        add_start(gathering, port_protocols[i], axis, 0);
                        vec_sort(&gathering->ports[i].starts[axis], compare_ports);
                        uint16_t *items = gathering->ports[i].starts[axis].items;
                        for (size_t k = 0; k < gathering->ports[i].starts[axis].n; k++)
                                if (n == 0 || items[n - 1] != items[k])
                                        items[n++] = items[k];
                        ret->ports[i].starts[axis] = items;
                        ret->ports[i].n[axis] = n;
                }
}

/* As many pairs of a source's and a destination's as cases can be had for. */
#define MAX_PORT_PAIRS 16384

static void limit_ports(struct distinctions *ret)
{
        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                ret->vague_source_ports |=
                    ret->ports[i].n[AXIS_SOURCE] > 1 &&
                    ret->ports[i].n[AXIS_SOURCE] * ret->ports[i].n[AXIS_DESTINATION] >
                        MAX_PORT_PAIRS;
        for (size_t i = 0; ret->vague_source_ports && i < PORT_PROTOCOLS; i++)
                ret->ports[i].n[AXIS_SOURCE] = 1;
}

/* --- interfaces --- */

static bool pattern_takes_in(const char *pattern, const char *name)
{
        size_t length = strlen(pattern);

        if (length > 0 && pattern[length - 1] == '+')
                return strncmp(pattern, name, length - 1) == 0;
        return strcmp(pattern, name) == 0;
}

static size_t count_taking_in(const struct gathering *gathering, int side, const char *name)
{
        size_t n = 0;

        vec_foreach (const char *, pattern, &gathering->patterns[side])
                n += pattern_takes_in(*pattern, name);
        return n;
}

/* A name that begins so and that as few patterns as can be take in. */
static const char *least_known(const struct gathering *gathering, int side, const char *begin,
                               size_t length)
{
        static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        const char *best = NULL;
        size_t least = SIZE_MAX;

        for (size_t i = 0; letters[i]; i++)
                for (size_t k = 0; letters[k]; k++) {
                        const char *name = arena_printf(gathering->arena, "%.*s%c%c", (int)length,
                                                        begin, letters[i], letters[k]);
                        size_t n = count_taking_in(gathering, side, name);
                        if (n < least) {
                                least = n;
                                best = name;
                        }
                }
        return best;
}

static void finish_interfaces(const struct gathering *gathering, int side,
                              struct interfaces_told_apart *ret)
{
        VEC(const char *) names = {0};

        vec_foreach (const char *, pattern, &gathering->patterns[side]) {
                size_t length = strlen(*pattern);
                bool many = length > 0 && (*pattern)[length - 1] == '+';
                const char *name =
                    many ? least_known(gathering, side, *pattern, length - 1) : *pattern;
                vec_push(gathering->arena, &names, name);
        }
        const char *other = names.n == 0 ? "eth0" : least_known(gathering, side, "", 0);
        vec_push(gathering->arena, &names, other);
        ret->items = names.items;
        ret->n = names.n;
        ret->patterns = gathering->patterns[side].items;
        ret->n_patterns = gathering->patterns[side].n;
}

/* As many pairs of them as cases can be had for; a node's pods use one each. */
#define MAX_LINK_PAIRS 2048

static void limit_links(struct distinctions *ret)
{
        if (ret->interfaces[INTERFACE_IN].n * ret->interfaces[INTERFACE_OUT].n <= MAX_LINK_PAIRS)
                return;
        ret->vague_links = true;
        for (int side = INTERFACE_IN; side <= INTERFACE_OUT; side++) {
                struct interfaces_told_apart *interfaces = &ret->interfaces[side];
                interfaces->items += interfaces->n - 1;
                interfaces->n = 1;
                interfaces->n_patterns = 0;
        }
}

bool interfaces_alike(const struct interfaces_told_apart *interfaces, const char *a, const char *b)
{
        for (size_t i = 0; i < interfaces->n_patterns; i++)
                if (pattern_takes_in(interfaces->patterns[i], a) !=
                    pattern_takes_in(interfaces->patterns[i], b))
                        return false;
        return true;
}

static void add_pattern(struct gathering *gathering, int side, const char *pattern)
{
        vec_foreach (const char *, known, &gathering->patterns[side])
                if (strcmp(*known, pattern) == 0)
                        return;
        vec_push(gathering->arena, &gathering->patterns[side], pattern);
}

/* --- numbers of a byte --- */

static void add_byte(struct arena *arena, struct bytes_told_apart *ret, unsigned byte)
{
        if (!ret->items)
                ret->items = arena_new_array(arena, uint8_t, 257);
        ret->items[ret->n++] = (uint8_t)byte;
}

/* Those that are named, then the likeliest that is not; where all are named, none. */
static void finish_bytes(struct arena *arena, const bool named[256], const uint8_t *likely,
                         size_t n_likely, struct bytes_told_apart *ret)
{
        for (unsigned i = 0; i < 256; i++)
                if (named[i])
                        add_byte(arena, ret, i);
        for (size_t i = 0; i < n_likely; i++)
                if (!named[likely[i]]) {
                        add_byte(arena, ret, likely[i]);
                        return;
                }
        for (unsigned i = 1; i < 256; i++)
                if (!named[i]) {
                        add_byte(arena, ret, i);
                        return;
                }
}

static void finish_protocols(const struct gathering *gathering, struct distinctions *ret)
{
        static const uint8_t likely[] = {47, 50, 51, 94, 103};
        bool taken[256];
        struct bytes_told_apart all = {0};

        memcpy(taken, gathering->protocols, sizeof(taken));
        taken[0] = false;
        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                taken[port_protocols[i]] = true;
        taken[icmp_of_family(gathering->family)] = true;
        finish_bytes(gathering->arena, taken, likely, ARRAY_SIZE(likely), &all);
        for (size_t i = 0; i < all.n; i++) {
                uint8_t protocol = all.items[i];
                if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP &&
                    protocol != PROTOCOL_SCTP && protocol != icmp_of_family(gathering->family))
                        add_byte(gathering->arena, &ret->protocols, protocol);
        }
}

static void finish_hops(struct gathering *gathering, struct distinctions *ret)
{
        static const uint8_t likely[] = {63, 62, 127};

        if (gathering->family == FAMILY_IPV6)
                gathering->hops[1] = gathering->hops[255] = true;
        finish_bytes(gathering->arena, gathering->hops, likely, ARRAY_SIZE(likely), &ret->hops);
}

/* --- ICMP --- */

static void add_icmp(struct gathering *gathering, struct distinctions *ret, unsigned type,
                     unsigned code)
{
        if (!ret->icmp.items)
                ret->icmp.items = arena_new_array(gathering->arena, uint16_t, 256 * 256 + 1);
        ret->icmp.items[ret->icmp.n++] = (uint16_t)(type << 8 | code);
}

static void finish_codes(struct gathering *gathering, struct distinctions *ret, unsigned type)
{
        bool unnamed = false;

        for (unsigned code = 0; code < 256; code++) {
                if (!gathering->codes[type][code] && unnamed)
                        continue;
                unnamed = unnamed || !gathering->codes[type][code];
                add_icmp(gathering, ret, type, code);
        }
}

static void finish_icmp(struct gathering *gathering, struct distinctions *ret)
{
        static const uint8_t of_link[] = {130, 131, 132, 133, 134, 135, 136, 137, 143};
        unsigned echo = gathering->family == FAMILY_IPV4 ? 8 : 128, other = 200;

        for (size_t i = 0; gathering->family == FAMILY_IPV6 && i < ARRAY_SIZE(of_link); i++)
                gathering->types[of_link[i]] = true;
        gathering->types[echo] = true;
        finish_codes(gathering, ret, echo);
        for (unsigned type = 0; type < 256; type++)
                if (gathering->types[type] && type != echo)
                        finish_codes(gathering, ret, type);
        for (unsigned i = 0; i < 256; i++, other = (other + 1) % 256)
                if (!gathering->types[other]) {
                        add_icmp(gathering, ret, other, 0);
                        return;
                }
}

/* --- TCP's flags --- */

/* Of the 64 combinations, those that flag matches tell apart. */
static void finish_flags(const struct program *program, struct distinctions *ret)
{
        struct map *seen = map_new(program->arena);
        static const uint8_t order[] = {TCP_SYN, TCP_ACK};

        for (unsigned i = 0; i < 64 + ARRAY_SIZE(order); i++) {
                uint8_t flags = i < ARRAY_SIZE(order) ? order[i] : (uint8_t)(i - ARRAY_SIZE(order));
                struct sim_packet packet = {.protocol = PROTOCOL_TCP, .tcp_flags = flags};
                _cleanup_strbuf_ struct strbuf key = {0};

                strbuf_add_char(&key, tcp_flags_begin(flags) ? 'b' : 'm');
                vec_foreach (const struct question, question, &program->questions)
                        vec_foreach (const struct match *, match, &question->matches)
                                if ((*match)->kind == MATCH_TCP_FLAGS)
                                        strbuf_add_char(
                                            &key,
                                            (char)('0' + sim_match(NULL, *match, &packet, NULL)));
                if (map_get(seen, key.text))
                        continue;
                map_put(seen, key.text, seen);
                add_byte(program->arena, &ret->tcp_flags, flags);
        }
}

/* --- what rules name --- */

static uint8_t protocol_of(const struct question *question)
{
        vec_foreach (const struct match *, match, &question->matches)
                if ((*match)->kind == MATCH_PROTOCOL && !(*match)->invert)
                        return (uint8_t)(*match)->number;
        return 0;
}

static void add_match(struct gathering *gathering, uint8_t protocol, const struct match *match)
{
        add_ports(gathering, protocol, match);
        switch (match->kind) {
        case MATCH_IN_INTERFACE:
                add_pattern(gathering, INTERFACE_IN, match->text);
                break;
        case MATCH_OUT_INTERFACE:
                add_pattern(gathering, INTERFACE_OUT, match->text);
                break;
        case MATCH_PROTOCOL:
                gathering->protocols[(uint8_t)match->number] = true;
                break;
        case MATCH_ICMP_TYPE:
                gathering->types[match->icmp.type] = true;
                if (!match->icmp.any_code)
                        gathering->codes[match->icmp.type][match->icmp.code] = true;
                break;
        case MATCH_HOP_LIMIT:
                gathering->hops[(uint8_t)match->number] = true;
                gathering->hops_of_any =
                    gathering->hops_of_any || protocol != icmp_of_family(gathering->family);
                break;
        case MATCH_CTSTATE:
                gathering->translated = gathering->translated || match->flags & (CT_SNAT | CT_DNAT);
                break;
        default:
                break;
        }
}

static void add_key(struct gathering *gathering, const struct question *question,
                    const struct pair_key *key)
{
        const struct port_range range = {key->port, key->port};

        gathering->protocols[key->protocol] = true;
        if (key->protocol == icmp_of_family(gathering->family)) {
                gathering->types[key->port >> 8] = true;
                gathering->codes[key->port >> 8][key->port & 0xff] = true;
        } else if (key->protocol != 0) {
                add_range(gathering, key->protocol, question->port_end, range);
        }
}

static bool asks_marks(const struct program *program)
{
        vec_foreach (struct block *, block, &program->blocks)
                vec_foreach (const struct step, step, &(*block)->steps)
                        if (step->marks.n > 0)
                                return true;
        return false;
}

/* Where marks tell packets apart, those that nat's rules lead somewhere have their ports. */
static void add_translations(struct gathering *gathering, const struct program *program)
{
        for (size_t k = 0; k < program->enforced->n; k++) {
                const struct table *table =
                    ruleset_table(program->enforced->rules[k], program->family, "nat");
                if (!table)
                        continue;
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                if (rule->target.kind == TARGET_DNAT && rule->target.nat.has_port)
                                        add_range(gathering, 0, AXIS_DESTINATION,
                                                  rule->target.nat.ports);
        }
}

struct distinctions distinctions_make(const struct program *program, const struct meaning *meaning)
{
        struct gathering *gathering = arena_new_object(program->arena, struct gathering);
        struct distinctions ret = {0};

        gathering->arena = program->arena;
        gathering->family = program->family;
        vec_foreach (const struct question, question, &program->questions) {
                vec_foreach (const struct match *, match, &question->matches)
                        add_match(gathering, protocol_of(question), *match);
                for (size_t i = 0; i < question->n_keys; i++)
                        add_key(gathering, question, &question->keys[i]);
        }
        if (asks_marks(program))
                add_translations(gathering, program);
        add_meanings_ports(gathering, meaning);
        finish_ports(gathering, &ret);
        limit_ports(&ret);
        for (int side = INTERFACE_IN; side <= INTERFACE_OUT; side++)
                finish_interfaces(gathering, side, &ret.interfaces[side]);
        limit_links(&ret);
        finish_protocols(gathering, &ret);
        finish_hops(gathering, &ret);
        finish_icmp(gathering, &ret);
        finish_flags(program, &ret);
        ret.hops_of_any = gathering->hops_of_any;
        ret.translated = gathering->translated;
        return ret;
}
