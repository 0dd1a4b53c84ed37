#include "verify/case.h"

#include <string.h>

#include "base/strbuf.h"

/* A port is chosen as a client would: where an interval holds it, this one. */
#define CLIENT_PORT 40000
#define ANY_HOPS    63

struct text_list {
        VEC(const char *) list;
};

struct builder {
        const struct program *program;
        struct case_options options;
        struct arena *arena;
        struct text_list in, out;
        bool hops_of_any; /* not of ICMP alone */
        size_t n_cases;
        struct {
                VEC(uint16_t) starts[AXES];
        } ports[3];
        VEC(uint8_t) protocols; /* others */
        VEC(uint8_t) flags;     /* of TCP, told apart */
        VEC(uint16_t) icmp;     /* type << 8 | code */
        VEC(uint8_t) hops;
};

static const uint8_t port_protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP};

static bool begins_tcp(uint8_t flags)
{
        return (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) == TCP_SYN;
}

static uint8_t icmp_of(enum family family)
{
        return family == FAMILY_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
}

enum protocol case_protocol(const struct packet_case *packet_case, enum family family)
{
        uint8_t protocol = packet_case->packet.protocol;

        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                if (protocol == port_protocols[i])
                        return protocol;
        return protocol == icmp_of(family) ? PROTOCOL_ICMP : PROTOCOL_ANY;
}

/* --- what the rules tell apart --- */

static int compare_ports(const void *a, const void *b)
{
        return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void add_start(struct builder *builder, uint8_t protocol, enum axis axis, unsigned port)
{
        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                if (port <= UINT16_MAX && (protocol == 0 || protocol == port_protocols[i]))
                        vec_push(builder->arena, &builder->ports[i].starts[axis], (uint16_t)port);
}

static void add_range(struct builder *builder, uint8_t protocol, enum axis axis,
                      struct port_range range)
{
        add_start(builder, protocol, axis, range.first);
        add_start(builder, protocol, axis, range.last + 1u);
}

static void add_ports(struct builder *builder, uint8_t protocol, const struct match *match)
{
        bool source = match->kind == MATCH_SOURCE_PORT || match->kind == MATCH_SOURCE_PORTS ||
                      match->kind == MATCH_EITHER_PORTS;
        bool destination = match->kind == MATCH_DESTINATION_PORT ||
                           match->kind == MATCH_DESTINATION_PORTS ||
                           match->kind == MATCH_EITHER_PORTS;

        if (!source && !destination)
                return;
        for (size_t i = 0; i < match->ports.n; i++) {
                if (source)
                        add_range(builder, protocol, AXIS_SOURCE, match->ports.items[i]);
                if (destination)
                        add_range(builder, protocol, AXIS_DESTINATION, match->ports.items[i]);
        }
}

static void add_text(struct builder *builder, struct text_list *texts, const char *pattern)
{
        size_t length = strlen(pattern);
        bool many = length > 0 && pattern[length - 1] == '+';
        const char *name =
            many ? arena_printf(builder->arena, "%.*s0", (int)length - 1, pattern) : pattern;

        vec_foreach (const char *, known, &texts->list)
                if (strcmp(*known, name) == 0)
                        return;
        vec_push(builder->arena, &texts->list, name);
}

/* One alone and one that nobody names besides. */
static void add_byte(struct builder *builder, uint8_t value, uint8_t **items, size_t *n)
{
        for (size_t i = 0; i < *n; i++)
                if ((*items)[i] == value)
                        return;
        uint8_t *more = arena_new_array(builder->arena, uint8_t, *n + 1);
        if (*n)
                memcpy(more, *items, *n);
        more[(*n)++] = value;
        *items = more;
}

static void add_protocol(struct builder *builder, uint32_t protocol)
{
        if (protocol == 0 || protocol > UINT8_MAX)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                if (protocol == port_protocols[i])
                        return;
        if (protocol != icmp_of(builder->program->family))
                add_byte(builder, (uint8_t)protocol, &builder->protocols.items,
                         &builder->protocols.n);
}

static void add_icmp(struct builder *builder, uint8_t type, uint8_t code)
{
        uint16_t pair = (uint16_t)(type << 8 | code);

        vec_foreach (const uint16_t, known, &builder->icmp)
                if (*known == pair)
                        return;
        vec_push(builder->arena, &builder->icmp, pair);
}

static void look_at_match(struct builder *builder, uint8_t protocol, const struct match *match)
{
        add_ports(builder, protocol, match);
        switch (match->kind) {
        case MATCH_IN_INTERFACE:
                add_text(builder, &builder->in, match->text);
                break;
        case MATCH_OUT_INTERFACE:
                add_text(builder, &builder->out, match->text);
                break;
        case MATCH_PROTOCOL:
                add_protocol(builder, match->number);
                break;
        case MATCH_ICMP_TYPE:
                for (unsigned code = 0; code < 256; code++)
                        if (match->icmp.any_code
                                ? code < 2
                                : code == match->icmp.code || code == (match->icmp.code ^ 1u))
                                add_icmp(builder, match->icmp.type, (uint8_t)code);
                break;
        case MATCH_HOP_LIMIT:
                builder->hops_of_any =
                    builder->hops_of_any || protocol != icmp_of(builder->program->family);
                add_byte(builder, (uint8_t)match->number, &builder->hops.items, &builder->hops.n);
                break;
        default:
                break;
        }
}

static uint8_t protocol_of(const struct question *question)
{
        vec_foreach (const struct match *, match, &question->matches)
                if ((*match)->kind == MATCH_PROTOCOL && !(*match)->invert)
                        return (uint8_t)(*match)->number;
        return 0;
}

static void look_at_questions(struct builder *builder)
{
        vec_foreach (const struct question, question, &builder->program->questions) {
                uint8_t protocol = protocol_of(question);
                vec_foreach (const struct match *, match, &question->matches)
                        look_at_match(builder, protocol, *match);
                for (size_t i = 0; i < question->n_keys; i++) {
                        const struct pair_key *key = &question->keys[i];
                        struct port_range range = {key->port, key->port};
                        if (key->protocol == icmp_of(builder->program->family))
                                add_icmp(builder, (uint8_t)(key->port >> 8), (uint8_t)key->port);
                        else
                                add_range(builder, key->protocol, question->port_end, range);
                        add_protocol(builder, key->protocol);
                }
        }
}

static void add_meanings_ports(struct builder *builder)
{
        struct meaning *meaning = builder->options.meaning;
        struct subjects subjects = meaning_subjects(meaning);

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                for (size_t group = 0; group < subjects.n_groups[d]; group++)
                        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++) {
                                struct port_starts starts =
                                    meaning_ports(meaning, d, group, port_protocols[i]);
                                for (size_t k = 0; k < starts.n; k++)
                                        add_start(builder, port_protocols[i], AXIS_DESTINATION,
                                                  starts.items[k]);
                        }
}

static void finish_ports(struct builder *builder)
{
        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                for (enum axis axis = AXIS_SOURCE; axis <= AXIS_DESTINATION; axis++) {
                        size_t n = 0;
                        add_start(builder, port_protocols[i], axis, 0);
                        vec_sort(&builder->ports[i].starts[axis], compare_ports);
                        uint16_t *items = builder->ports[i].starts[axis].items;
                        for (size_t k = 0; k < builder->ports[i].starts[axis].n; k++)
                                if (n == 0 || items[n - 1] != items[k])
                                        items[n++] = items[k];
                        builder->ports[i].starts[axis].n = n;
                }
}

/* What no rule names, for each. */
static void add_unnamed(struct builder *builder)
{
        static const uint8_t unnamed[] = {47, 50, 51, 94, 103, 253};
        uint8_t other = 254;
        uint8_t icmp_type = 200;

        for (size_t i = ARRAY_SIZE(unnamed); i-- > 0;) {
                bool named = false;
                for (size_t k = 0; k < builder->protocols.n; k++)
                        named = named || builder->protocols.items[k] == unnamed[i];
                if (!named)
                        other = unnamed[i];
        }
        add_byte(builder, other, &builder->protocols.items, &builder->protocols.n);
        add_icmp(builder, builder->program->family == FAMILY_IPV4 ? 8 : 128, 0);
        for (size_t i = 0; i < builder->icmp.n; i++)
                if (builder->icmp.items[i] >> 8 == icmp_type) {
                        icmp_type++;
                        i = SIZE_MAX;
                }
        add_icmp(builder, icmp_type, 0);
        add_text(builder, &builder->in, "other0");
        add_text(builder, &builder->out, "other0");
        add_byte(builder, ANY_HOPS, &builder->hops.items, &builder->hops.n);
        if (builder->program->family == FAMILY_IPV6) {
                static const uint8_t link[] = {130, 131, 132, 133, 134, 135, 136, 137, 143};
                for (size_t i = 0; i < ARRAY_SIZE(link); i++)
                        add_icmp(builder, link[i], 0);
                add_byte(builder, 255, &builder->hops.items, &builder->hops.n);
                add_byte(builder, 1, &builder->hops.items, &builder->hops.n);
        }
}

/* Of the 64 combinations, those that flag matches tell apart; SYN alone comes first, as the one
 * that a client sends. */
static void find_flags(struct builder *builder)
{
        struct map *seen = map_new(builder->arena);
        static const uint8_t order[] = {TCP_SYN, TCP_ACK};

        for (unsigned i = 0; i < 64 + ARRAY_SIZE(order); i++) {
                uint8_t flags = i < ARRAY_SIZE(order) ? order[i] : (uint8_t)(i - ARRAY_SIZE(order));
                struct sim_packet packet = {.protocol = PROTOCOL_TCP, .tcp_flags = flags};
                _cleanup_strbuf_ struct strbuf key = {0};

                strbuf_add_char(&key, begins_tcp(flags) ? 'b' : 'm');
                vec_foreach (const struct question, question, &builder->program->questions)
                        vec_foreach (const struct match *, match, &question->matches)
                                if ((*match)->kind == MATCH_TCP_FLAGS)
                                        strbuf_add_char(
                                            &key,
                                            (char)('0' + sim_match(NULL, *match, &packet, NULL)));
                if (map_get(seen, key.text))
                        continue;
                map_put(seen, key.text, builder);
                vec_push(builder->arena, &builder->flags, flags);
        }
}

/* --- answers --- */

static uint16_t answer_pair(const struct question *question, const struct sim_packet *packet)
{
        uint16_t port =
            question->port_end == AXIS_SOURCE ? packet->source_port : packet->destination_port;

        if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6)
                port = (uint16_t)(packet->icmp_type << 8 | packet->icmp_code);
        for (size_t i = 0; i < question->n_keys; i++)
                if (question->keys[i].protocol == packet->protocol &&
                    question->keys[i].port == port)
                        return (uint16_t)(i + 1);
        return 0;
}

static bool asks_port(enum match_kind kind)
{
        return kind == MATCH_SOURCE_PORT || kind == MATCH_SOURCE_PORTS ||
               kind == MATCH_DESTINATION_PORT || kind == MATCH_DESTINATION_PORTS ||
               kind == MATCH_EITHER_PORTS;
}

static bool has_ports(uint8_t protocol)
{
        for (size_t i = 0; i < ARRAY_SIZE(port_protocols); i++)
                if (protocol == port_protocols[i])
                        return true;
        return false;
}

/* any_port: the packet stands for those to and from any. */
static uint16_t answer_matches(const struct question *question, const struct sim_packet *packet,
                               bool any_port)
{
        uint16_t answer = ANSWER_YES;

        vec_foreach (const struct match *, match, &question->matches) {
                enum truth truth =
                    any_port && asks_port((*match)->kind) && has_ports(packet->protocol)
                        ? UNKNOWN
                        : sim_match(NULL, *match, packet, NULL);
                if (truth == NO)
                        return ANSWER_NO;
                if (truth == UNKNOWN)
                        answer = ANSWER_UNKNOWN;
        }
        return answer;
}

static uint16_t answer(const struct question *question, const struct sim_packet *packet,
                       bool any_port)
{
        if (question->kind == QUESTION_MATCHES)
                return answer_matches(question, packet, any_port);
        return any_port ? ANSWER_ANY : answer_pair(question, packet);
}

static uint16_t *answers_of(struct builder *builder, const struct sim_packet *packet, bool any_port)
{
        const struct program *program = builder->program;
        uint16_t *answers = arena_new_array(builder->arena, uint16_t, program->questions.n);

        for (size_t i = 0; i < program->questions.n; i++)
                answers[i] = answer(&program->questions.items[i], packet, any_port);
        return answers;
}

/* --- cases --- */

static bool is_of_link(const struct sim_packet *packet)
{
        uint8_t type = packet->icmp_type;

        if (packet->protocol != PROTOCOL_ICMPV6)
                return false;
        return packet->hop_limit == 255
                   ? type >= 133 && type <= 137
                   : packet->hop_limit == 1 && (type == 143 || (type >= 130 && type <= 132));
}

static enum expectation expected_of_new(const struct builder *builder,
                                        const struct sim_packet *packet)
{
        if (packet->protocol == PROTOCOL_TCP && !begins_tcp(packet->tcp_flags))
                return EXPECT_MIDSTREAM;
        if (packet->protocol == PROTOCOL_SCTP && !packet->sctp_init)
                return builder->options.sctp_in_midstream ? EXPECT_MIDSTREAM : EXPECT_NO_MORE;
        return builder->program->family == FAMILY_IPV6 && is_of_link(packet) ? EXPECT_PASS
                                                                             : EXPECT_VERDICT;
}

static enum expectation expected(const struct builder *builder, const struct sim_packet *packet)
{
        if (packet->state & (CT_ESTABLISHED | CT_RELATED))
                return EXPECT_PASS;
        if (packet->state & CT_NEW)
                return expected_of_new(builder, packet);
        return EXPECT_NO_MORE;
}

/* A group while its cases are made. */
struct making {
        struct builder *builder;
        struct case_group *group;
        bool head; /* only what stands for all, so no ports one by one */
        size_t n_heads;
        VEC(struct packet_case) cases;
        struct map *rows; /* what is alike is there once */
};

/* Three characters for each answer, none of them NUL. */
static bool is_there(struct making *making, const struct packet_case *new)
{
        size_t n = making->builder->program->questions.n;
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_printf(&key, "%u %u ", new->packet.protocol, new->packet.destination_port);
        for (size_t i = 0; i < n; i++)
                for (unsigned shift = 0; shift < 18; shift += 6)
                        strbuf_add_char(&key, (char)('0' + (new->answers[i] >> shift & 0x3f)));
        if (map_get(making->rows, key.text))
                return true;
        map_put(making->rows, key.text, making);
        return false;
}

/* What all have in common stays. */
static void join(struct making *making, const struct sim_packet *packet, const uint16_t *answers)
{
        const struct program *program = making->builder->program;
        struct packet_case *head = &making->group->head;

        if (making->n_heads++ == 0) {
                head->packet = *packet;
                head->expectation = making->group->expectation;
                head->answers = answers;
                return;
        }
        uint16_t *common = (uint16_t *)(uintptr_t)head->answers;
        for (size_t i = 0; i < program->questions.n; i++)
                if (common[i] != answers[i])
                        common[i] = program->questions.items[i].kind == QUESTION_PAIR
                                        ? ANSWER_ANY
                                        : ANSWER_UNKNOWN;
}

static void add_case(struct making *making, const struct sim_packet *packet)
{
        struct packet_case new = {.packet = *packet};

        new.expectation = expected(making->builder, packet);
        if (new.expectation != making->group->expectation)
                return;
        new.answers = answers_of(making->builder, packet, making->head);
        if (making->head)
                join(making, packet, new.answers);
        else if (!is_there(making, &new)) {
                new.number = making->builder->n_cases++;
                vec_push(making->builder->arena, &making->cases, new);
        }
}

static uint16_t port_in(const uint16_t *starts, size_t n, size_t i, bool client)
{
        unsigned last = i + 1 < n ? starts[i + 1] - 1u : UINT16_MAX;

        if (client && starts[i] <= CLIENT_PORT && CLIENT_PORT <= last)
                return CLIENT_PORT;
        return starts[i] == 0 && last > 0 ? 1 : starts[i];
}

static void add_ports_of(struct making *making, struct sim_packet packet, size_t which)
{
        const struct builder *builder = making->builder;
        const uint16_t *from = builder->ports[which].starts[AXIS_SOURCE].items;
        const uint16_t *to = builder->ports[which].starts[AXIS_DESTINATION].items;
        size_t n_from = making->head ? 1 : builder->ports[which].starts[AXIS_SOURCE].n;
        size_t n_to = making->head ? 1 : builder->ports[which].starts[AXIS_DESTINATION].n;

        for (size_t i = 0; i < n_to; i++)
                for (size_t k = 0; k < n_from; k++) {
                        packet.destination_port = port_in(to, n_to, i, false);
                        packet.source_port = port_in(from, n_from, k, true);
                        add_case(making, &packet);
                }
}

static void add_protocols(struct making *making, struct sim_packet packet)
{
        const struct builder *builder = making->builder;

        packet.protocol = PROTOCOL_TCP;
        vec_foreach (const uint8_t, flags, &builder->flags) {
                packet.tcp_flags = *flags;
                add_ports_of(making, packet, 0);
        }
        packet.tcp_flags = 0;
        packet.protocol = PROTOCOL_UDP;
        add_ports_of(making, packet, 1);
        packet.protocol = PROTOCOL_SCTP;
        for (int init = 1; init >= 0; init--) {
                packet.sctp_init = init;
                add_ports_of(making, packet, 2);
        }
        packet.sctp_init = false;
        for (size_t i = 0; i < builder->protocols.n; i++) {
                packet.protocol = builder->protocols.items[i];
                add_case(making, &packet);
        }
}

static void add_icmp_of(struct making *making, struct sim_packet packet)
{
        packet.protocol = icmp_of(making->builder->program->family);
        vec_foreach (const uint16_t, icmp, &making->builder->icmp) {
                packet.icmp_type = (uint8_t)(*icmp >> 8);
                packet.icmp_code = (uint8_t)*icmp;
                add_case(making, &packet);
        }
}

static void add_hops(struct making *making, struct sim_packet packet)
{
        const struct builder *builder = making->builder;

        for (size_t i = builder->hops.n; i-- > 0;) {
                packet.hop_limit = builder->hops.items[i];
                if (packet.hop_limit == ANY_HOPS || builder->hops_of_any)
                        add_protocols(making, packet);
                add_icmp_of(making, packet);
        }
}

static void add_interfaces(struct making *making, struct sim_packet packet)
{
        const struct builder *builder = making->builder;

        for (size_t i = builder->in.list.n; i-- > 0;)
                for (size_t k = builder->out.list.n; k-- > 0;) {
                        packet.in_interface = builder->in.list.items[i];
                        packet.out_interface = builder->out.list.items[k];
                        add_hops(making, packet);
                }
}

static bool asks_translation(const struct program *program)
{
        vec_foreach (const struct question, question, &program->questions)
                vec_foreach (const struct match *, match, &question->matches)
                        if ((*match)->kind == MATCH_CTSTATE &&
                            (*match)->flags & (CT_SNAT | CT_DNAT))
                                return true;
        return false;
}

/* With all that conntrack may say besides. */
static void make(struct making *making)
{
        enum ct_state state = making->group->state;
        bool besides = asks_translation(making->builder->program) && state != CT_INVALID &&
                       state != CT_UNTRACKED;

        enum family family = making->builder->program->family;

        making->rows = map_new(making->builder->arena);
        for (uint32_t more = 0; more < (besides ? 4 : 1); more++) {
                struct sim_packet packet = {.source.family = family,
                                            .destination.family = family,
                                            .state = state | (more & 1 ? CT_DNAT : 0) |
                                                     (more & 2 ? CT_SNAT : 0)};
                add_interfaces(making, packet);
        }
}

/* Is a state the same to all rules as a new connection's? Then the weaker demand is met. */
static bool is_like_new(const struct builder *builder, enum ct_state state)
{
        struct sim_packet a = {.state = CT_NEW}, b = {.state = state};

        vec_foreach (const struct question, question, &builder->program->questions)
                vec_foreach (const struct match *, match, &question->matches)
                        if ((*match)->kind == MATCH_CTSTATE &&
                            sim_match(NULL, *match, &a, NULL) != sim_match(NULL, *match, &b, NULL))
                                return false;
        return true;
}

struct cases cases_make(const struct program *program, const struct case_options *options)
{
        static const struct {
                enum ct_state state;
                enum expectation expectation;
        } kinds[] = {
            {CT_NEW, EXPECT_VERDICT},     {CT_NEW, EXPECT_MIDSTREAM},     {CT_NEW, EXPECT_PASS},
            {CT_NEW, EXPECT_NO_MORE},     {CT_ESTABLISHED, EXPECT_PASS},  {CT_RELATED, EXPECT_PASS},
            {CT_INVALID, EXPECT_NO_MORE}, {CT_UNTRACKED, EXPECT_NO_MORE},
        };
        struct builder *builder = arena_new_object(program->arena, struct builder);
        struct cases cases = {.builder = builder};

        builder->program = program;
        builder->options = *options;
        builder->arena = program->arena;
        look_at_questions(builder);
        add_meanings_ports(builder);
        finish_ports(builder);
        add_unnamed(builder);
        find_flags(builder);
        cases.groups = arena_new_array(builder->arena, struct case_group, ARRAY_SIZE(kinds));
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                struct case_group *group = &cases.groups[cases.n];
                struct making making = {.builder = builder, .group = group, .head = true};
                if ((kinds[i].state == CT_INVALID || kinds[i].state == CT_UNTRACKED) &&
                    is_like_new(builder, kinds[i].state))
                        continue;
                group->state = kinds[i].state;
                group->expectation = kinds[i].expectation;
                make(&making);
                group->head.number = builder->n_cases++;
                cases.n += making.n_heads > 0;
        }
        return cases;
}

struct case_list cases_of(struct cases *cases, size_t at)
{
        struct case_group *group = &cases->groups[at];
        struct making making = {.builder = cases->builder, .group = group};

        if (!group->whole) {
                make(&making);
                group->cases = (struct case_list){making.cases.items, making.cases.n};
                group->whole = true;
        }
        return group->cases;
}
