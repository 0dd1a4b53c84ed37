#include "verify/case.h"

#include <string.h>

#include "base/strbuf.h"
#include "verify/distinctions.h"

/* A port is chosen as a client would: where an interval holds it, this one. */
#define CLIENT_PORT 40000

struct builder {
        const struct program *program;
        struct case_options options;
        struct arena *arena;
        struct distinctions told_apart;
        size_t n_cases;
};

enum protocol case_protocol(const struct packet_case *packet_case, enum family family)
{
        uint8_t protocol = packet_case->packet.protocol;

        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                if (protocol == port_protocols[i])
                        return protocol;
        return protocol == icmp_of_family(family) ? PROTOCOL_ICMP : PROTOCOL_ANY;
}

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
        for (size_t i = 0; i < PORT_PROTOCOLS; i++)
                if (protocol == port_protocols[i])
                        return true;
        return false;
}

/* Does the packet stand for others that may be answered otherwise? any_port: for those to and from
 * any. */
static bool is_vague(const struct distinctions *told_apart, const struct match *match,
                     const struct sim_packet *packet, bool any_port)
{
        bool source = match->kind == MATCH_SOURCE_PORT || match->kind == MATCH_SOURCE_PORTS ||
                      match->kind == MATCH_EITHER_PORTS;

        if (asks_port(match->kind))
                return has_ports(packet->protocol) &&
                       (any_port || (source && told_apart->vague_source_ports));
        return told_apart->vague_links &&
               (match->kind == MATCH_IN_INTERFACE || match->kind == MATCH_OUT_INTERFACE);
}

static uint16_t answer_matches(const struct distinctions *told_apart,
                               const struct question *question, const struct sim_packet *packet,
                               bool any_port)
{
        uint16_t answer = ANSWER_YES;

        vec_foreach (const struct match *, match, &question->matches) {
                enum truth truth = is_vague(told_apart, *match, packet, any_port)
                                       ? UNKNOWN
                                       : sim_match(NULL, *match, packet, NULL);
                if (truth == NO)
                        return ANSWER_NO;
                if (truth == UNKNOWN)
                        answer = ANSWER_UNKNOWN;
        }
        return answer;
}

static uint16_t answer(const struct distinctions *told_apart, const struct question *question,
                       const struct sim_packet *packet, bool any_port)
{
        bool vague = told_apart->vague_source_ports && question->port_end == AXIS_SOURCE;

        if (question->kind == QUESTION_MATCHES)
                return answer_matches(told_apart, question, packet, any_port);
        return any_port || vague ? ANSWER_ANY : answer_pair(question, packet);
}

static uint16_t *answers_of(struct builder *builder, const struct sim_packet *packet, bool any_port)
{
        const struct program *program = builder->program;
        uint16_t *answers = arena_new_array(builder->arena, uint16_t, program->questions.n);

        for (size_t i = 0; i < program->questions.n; i++)
                answers[i] =
                    answer(&builder->told_apart, &program->questions.items[i], packet, any_port);
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
        if (packet->protocol == PROTOCOL_TCP && !tcp_flags_begin(packet->tcp_flags))
                return EXPECT_MIDSTREAM;
        if (packet->protocol == PROTOCOL_SCTP && !packet->sctp_init)
                return builder->options.sctp_in_midstream ? EXPECT_MIDSTREAM : EXPECT_NO_MORE;
        return EXPECT_VERDICT;
}

static enum expectation expected(const struct builder *builder, const struct sim_packet *packet)
{
        if (packet->state & (CT_ESTABLISHED | CT_RELATED))
                return EXPECT_PASS;
        /* Conntrack leaves these untracked (nf_conntrack_icmpv6_error()); INVALID they are only
         * with a wrong checksum, which no pod takes: of such there is no group. */
        if (builder->program->family == FAMILY_IPV6 && is_of_link(packet))
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
        struct map *rows; /* what is alike is there once; its links */
        size_t pair;      /* of interfaces */
};

/* The links of the case that is like this one, new ones where none is there yet: three characters
 * for each answer, none of them NUL. */
static bits_word *links_of(struct making *making, const struct packet_case *new, bool *ret_new)
{
        const struct interfaces_told_apart *interfaces = making->builder->told_apart.interfaces;
        size_t n = making->builder->program->questions.n;
        _cleanup_strbuf_ struct strbuf key = {0};

        strbuf_printf(&key, "%u %u ", new->packet.protocol, new->packet.destination_port);
        for (size_t i = 0; i < n; i++)
                for (unsigned shift = 0; shift < 18; shift += 6)
                        strbuf_add_char(&key, (char)('0' + (new->answers[i] >> shift & 0x3f)));
        bits_word *links = map_get(making->rows, key.text);
        *ret_new = links == NULL;
        if (links)
                return links;
        links = bits_new(making->builder->arena,
                         interfaces[AXIS_SOURCE].n * interfaces[AXIS_DESTINATION].n);
        map_put(making->rows, key.text, links);
        return links;
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
        if (making->head) {
                join(making, packet, new.answers);
                return;
        }
        bool is_new;
        bits_word *links = links_of(making, &new, &is_new);
        bits_set(links, making->pair);
        if (!is_new)
                return;
        new.number = making->builder->n_cases++;
        new.links = links;
        vec_push(making->builder->arena, &making->cases, new);
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
        const struct ports_told_apart *ports = &builder->told_apart.ports[which];
        const uint16_t *from = ports->starts[AXIS_SOURCE];
        const uint16_t *to = ports->starts[AXIS_DESTINATION];
        size_t n_from = making->head ? 1 : ports->n[AXIS_SOURCE];
        size_t n_to = making->head ? 1 : ports->n[AXIS_DESTINATION];

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
        for (size_t i = 0; i < builder->told_apart.tcp_flags.n; i++) {
                packet.tcp_flags = builder->told_apart.tcp_flags.items[i];
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
        for (size_t i = 0; i < builder->told_apart.protocols.n; i++) {
                packet.protocol = builder->told_apart.protocols.items[i];
                add_case(making, &packet);
        }
}

static void add_icmp_of(struct making *making, struct sim_packet packet)
{
        const struct distinctions *told_apart = &making->builder->told_apart;

        packet.protocol = icmp_of_family(making->builder->program->family);
        for (size_t i = 0; i < told_apart->icmp.n; i++) {
                packet.icmp_type = (uint8_t)(told_apart->icmp.items[i] >> 8);
                packet.icmp_code = (uint8_t)told_apart->icmp.items[i];
                add_case(making, &packet);
        }
}

static void add_hops(struct making *making, struct sim_packet packet)
{
        const struct distinctions *told_apart = &making->builder->told_apart;

        for (size_t i = told_apart->hops.n; i-- > 0;) {
                packet.hop_limit = told_apart->hops.items[i];
                if (packet.hop_limit == UNNAMED_HOPS(told_apart) || told_apart->hops_of_any)
                        add_protocols(making, packet);
                add_icmp_of(making, packet);
        }
}

static void add_interfaces(struct making *making, struct sim_packet packet)
{
        const struct interfaces_told_apart *in = &making->builder->told_apart.interfaces[0];
        const struct interfaces_told_apart *out = &making->builder->told_apart.interfaces[1];

        for (size_t i = in->n; i-- > 0;)
                for (size_t k = out->n; k-- > 0;) {
                        packet.in_interface = in->items[i];
                        packet.out_interface = out->items[k];
                        making->pair = i * out->n + k;
                        add_hops(making, packet);
                }
}

/* With all that conntrack may say besides. */
static void make(struct making *making)
{
        enum ct_state state = making->group->state;
        bool besides =
            making->builder->told_apart.translated && state != CT_INVALID && state != CT_UNTRACKED;

        enum family family = making->builder->program->family;

        making->rows = map_new(making->builder->arena);
        for (uint32_t more = 0; more < (besides ? 4 : 1); more++) {
                struct sim_packet packet = {.source.family = (uint8_t)family,
                                            .destination.family = (uint8_t)family,
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
            {CT_NEW, EXPECT_VERDICT},      {CT_NEW, EXPECT_MIDSTREAM},
            {CT_NEW, EXPECT_PASS},         {CT_NEW, EXPECT_NO_MORE},
            {CT_ESTABLISHED, EXPECT_PASS}, {CT_RELATED, EXPECT_PASS},
            {CT_INVALID, EXPECT_NO_MORE},  {CT_UNTRACKED, EXPECT_NO_MORE},
            {CT_UNTRACKED, EXPECT_PASS},
        };
        struct builder *builder = arena_new_object(program->arena, struct builder);
        struct cases cases = {.builder = builder};

        builder->program = program;
        builder->options = *options;
        builder->arena = program->arena;
        builder->told_apart = distinctions_make(program, options->meaning);
        cases.interfaces = builder->told_apart.interfaces;
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
