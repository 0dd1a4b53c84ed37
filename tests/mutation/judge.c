#include "judge.h"

#include <string.h>

static bool holds(const struct ip *ips, size_t n, const struct ip *ip)
{
        for (size_t i = 0; i < n; i++)
                if (ip_equal(&ips[i], ip))
                        return true;
        return false;
}

static const struct pod *local_pod(const struct judge *judge, const struct ip *ip)
{
        const struct pod *pod = cluster_pod_at(judge->cluster, ip);

        return pod && strcmp(pod->node, judge->options.node) == 0 ? pod : NULL;
}

static int compare_ips(const void *a, const void *b)
{
        return ip_compare(a, b);
}

static void add_own(struct arena *arena, struct judge *judge)
{
        const struct node *node = cluster_node(judge->cluster, judge->options.node);

        for (size_t i = 0; node && i < node->addresses.n; i++)
                vec_push(arena, &judge->own, node->addresses.items[i]);
        vec_foreach (const struct pod, pod, &judge->cluster->pods)
                for (size_t i = 0; i < pod->ips.n; i++)
                        if (strcmp(pod->node, judge->options.node) == 0 && pod->host_network &&
                            !pod_finished(pod))
                                vec_push(arena, &judge->own, pod->ips.items[i]);
        vec_sort(&judge->own, compare_ips);
}

static bool names_sctp(const struct policy_rules *rules)
{
        for (size_t i = 0; i < rules->n; i++)
                for (size_t j = 0; j < rules->items[i].ports.n; j++)
                        if (rules->items[i].ports.items[j].protocol == PROTOCOL_SCTP)
                                return true;
        return false;
}

static void add_pod(struct arena *arena, struct judge *judge, const struct pod *pod)
{
        bool isolated = false, sctp = false;

        vec_foreach (const struct network_policy, policy, &judge->cluster->policies) {
                if (strcmp(policy->meta.namespace, pod->meta.namespace) != 0 ||
                    !selector_matches(&policy->pod_selector, &pod->meta.labels))
                        continue;
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        isolated |= policy->rules[d].isolates;
                        sctp |= policy->rules[d].isolates && names_sctp(&policy->rules[d]);
                }
        }
        if (!isolated)
                return;
        for (size_t i = 0; i < pod->ports.n; i++)
                sctp |= pod->ports.items[i].protocol == PROTOCOL_SCTP;
        judge->sctp |= sctp;
        for (size_t i = 0; i < pod->ips.n; i++)
                vec_push(arena, &judge->isolated, pod->ips.items[i]);
}

struct judge judge_of(struct arena *arena, const struct cluster *cluster,
                      const struct policy_options *options)
{
        struct judge judge = {.cluster = cluster, .options = *options};

        add_own(arena, &judge);
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (pod_takes_part(pod) && strcmp(pod->node, options->node) == 0)
                        add_pod(arena, &judge, pod);
        judge.facts =
            (struct sim_node){.known = true, .locals = judge.own.items, .n_locals = judge.own.n};
        return judge;
}

/* The kernel asks its local addresses first: what a node owns is never forwarded. */
enum sim_hook judge_hook(const struct judge *judge, const struct sim_packet *packet)
{
        if (holds(judge->own.items, judge->own.n, &packet->destination))
                return HOOK_INPUT;
        return holds(judge->own.items, judge->own.n, &packet->source) ? HOOK_OUTPUT : HOOK_FORWARD;
}

/* What keeps a link alive, and no router passes on. */
static bool is_of_link(const struct sim_packet *packet)
{
        uint8_t type = packet->icmp_type;

        if (packet->protocol != PROTOCOL_ICMPV6)
                return false;
        if (packet->hop_limit == 255)
                return type >= 133 && type <= 137;
        return packet->hop_limit == 1 && ((type >= 130 && type <= 132) || type == 143);
}

static bool is_midstream(const struct sim_packet *packet)
{
        if (packet->protocol == PROTOCOL_TCP)
                return (packet->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN;
        return packet->protocol == PROTOCOL_SCTP && !packet->sctp_init;
}

static bool is_cut(const struct judge *judge, const struct sim_packet *packet)
{
        return packet->protocol != PROTOCOL_SCTP || judge->sctp;
}

static bool meets_isolated(const struct judge *judge, const struct sim_packet *packet)
{
        return holds(judge->isolated.items, judge->isolated.n, &packet->source) ||
               holds(judge->isolated.items, judge->isolated.n, &packet->destination);
}

/* The reference's last answer between two addresses: packets of one port follow each other. */
struct answered {
        bool known, allows;
        uint8_t protocol;
        uint16_t port;
};

static bool reference_allows(const struct judge *judge, const struct sim_packet *packet,
                             struct answered *answered)
{
        const struct packet asked = {
            .source = packet->source,
            .destination = packet->destination,
            .protocol = packet->protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP
                                                            : (enum protocol)packet->protocol,
            .port = packet->destination_port,
        };

        if (!answered->known || answered->protocol != packet->protocol ||
            answered->port != packet->destination_port)
                *answered =
                    (struct answered){true, policy_allows(judge->cluster, &judge->options, &asked),
                                      packet->protocol, packet->destination_port};
        return answered->allows;
}

/* What the kernel's routing takes for no source, or sends nowhere: it never comes to FORWARD. */
static bool is_martian(const struct ip *ip, bool source)
{
        static const uint8_t zero[16], loopback[16] = {[15] = 1},
                                       broadcast[] = {255, 255, 255, 255};
        const uint8_t *bytes = ip->bytes;

        if (ip->family == FAMILY_IPV6)
                return memcmp(bytes, zero, 16) == 0 || memcmp(bytes, loopback, 16) == 0 ||
                       (source && bytes[0] == 0xff);
        return bytes[0] == 0 || bytes[0] == 127 ||
               (source && ((bytes[0] & 0xf0) == 224 || memcmp(bytes, broadcast, 4) == 0));
}

/* What follows from the addresses alone. */
struct meeting {
        enum sim_hook hook;
        bool of_pod, of_isolated, impossible;
};

static struct meeting meet(const struct judge *judge, const struct sim_packet *packet)
{
        return (struct meeting){
            .hook = judge_hook(judge, packet),
            .of_pod = local_pod(judge, &packet->source) || local_pod(judge, &packet->destination),
            .of_isolated = meets_isolated(judge, packet),
            .impossible =
                is_martian(&packet->source, true) || is_martian(&packet->destination, false),
        };
}

static enum expectation expect(const struct judge *judge, const struct meeting *meeting,
                               const struct sim_packet *packet, struct answered *answered)
{
        bool midstream = is_midstream(packet), begins = packet->state & CT_NEW;

        if (meeting->hook == HOOK_FORWARD ? meeting->impossible : !meeting->of_pod)
                return EXPECT_ANYTHING; /* the latter is the node's own affair */
        if (packet->state & (CT_ESTABLISHED | CT_RELATED))
                return EXPECT_PASS;
        if (is_of_link(packet)) /* conntrack leaves neighbour discovery untracked */
                return packet->state & CT_INVALID ? EXPECT_ANYTHING : EXPECT_PASS;
        if (meeting->hook != HOOK_FORWARD && !judge->options.own_node_egress)
                return begins ? EXPECT_PASS : EXPECT_ANYTHING;
        if (begins && midstream && is_cut(judge, packet) && meeting->of_isolated)
                return EXPECT_DROP;
        if (!reference_allows(judge, packet, answered))
                return EXPECT_DROP;
        return begins && (!midstream || is_cut(judge, packet)) ? EXPECT_PASS : EXPECT_ANYTHING;
}

enum expectation judge_expects(const struct judge *judge, const struct sim_packet *packet)
{
        struct meeting meeting = meet(judge, packet);
        struct answered answered = {0};

        return expect(judge, &meeting, packet, &answered);
}

static bool is_penstocks(const struct sim_result *result)
{
        return result->chain && result->rule && is_own_chain(result->chain->name);
}

static bool sets_marks_before(const struct enforced *enforced, enum family family)
{
        for (size_t i = 0; i < enforced->n; i++) {
                const struct table *mangle = ruleset_table(enforced->rules[i], family, "mangle");
                if (mangle && table_chain(mangle, "PREROUTING"))
                        return true;
        }
        return false;
}

/* With the mark that it has when it comes to the hook. */
static struct sim_result run(const struct enforced *enforced, enum sim_hook hook,
                             const struct sim_packet *packet, const struct sim_options *options)
{
        struct sim_packet arriving = *packet;

        if (hook != HOOK_OUTPUT && sets_marks_before(enforced, packet->source.family)) {
                struct sim_packet before = *packet;
                before.out_interface = "";
                arriving.mark = simulate(enforced, HOOK_PREROUTING, &before, options).packet.mark;
        }
        return simulate(enforced, hook, &arriving, options);
}

static bool is_of_link_or_many(const struct ip *ip)
{
        const uint8_t *bytes = ip->bytes;

        if (ip->family == FAMILY_IPV6)
                return bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
        return (bytes[0] & 0xf0) == 224 || (bytes[0] & bytes[1] & bytes[2] & bytes[3]) == 255;
}

/* What others do with what is theirs is their affair. */
static bool concerns_pods(const struct judge *judge, const struct sim_packet *packet)
{
        return local_pod(judge, &packet->source) || local_pod(judge, &packet->destination) ||
               is_of_link_or_many(&packet->source) || is_of_link_or_many(&packet->destination);
}

static bool find(const struct judge *judge, const struct enforced *enforced, enum sim_hook hook,
                 const struct sim_packet *packet, enum chance chance, enum expectation expected,
                 enum finding_kind *ret)
{
        const struct sim_options options = {.node = &judge->facts, .chance = chance};
        const enum outcome wanted = expected == EXPECT_PASS ? OUTCOME_PASS : OUTCOME_DROP;
        struct sim_result result;

        if (expected == EXPECT_ANYTHING)
                return false;
        result = run(enforced, hook, packet, &options);
        if (result.outcome == wanted)
                return false;
        if (result.outcome == OUTCOME_UNKNOWN)
                *ret = FINDING_UNPROVEN;
        else if (expected == EXPECT_DROP)
                *ret = FINDING_OPEN;
        else
                *ret = is_penstocks(&result) ? FINDING_SHUT : FINDING_SHUT_BY_OTHERS;
        return *ret != FINDING_SHUT_BY_OTHERS || concerns_pods(judge, packet);
}

bool judge_finds(const struct judge *judge, const struct enforced *enforced,
                 const struct sim_packet *packet, enum chance chance, enum finding_kind *ret)
{
        return find(judge, enforced, judge_hook(judge, packet), packet, chance,
                    judge_expects(judge, packet), ret);
}

/* A chain has no interface where its packets have none. */
static void set_interfaces(struct sim_packet *packet, enum sim_hook hook, const char *in,
                           const char *out)
{
        packet->in_interface = hook == HOOK_OUTPUT ? "" : in;
        packet->out_interface = hook == HOOK_INPUT ? "" : out;
}

static void judge_packet(const struct judge *judge, const struct enforced *enforced,
                         const struct universe *universe, enum sim_hook hook,
                         const struct sim_packet *packet, enum expectation expected,
                         struct judgement *judgement)
{
        enum finding_kind kind;

        for (enum chance chance = universe->chance ? CHANCE_MATCHES : CHANCE_FAILS;
             chance <= CHANCE_FAILS; chance++) {
                judgement->packets++;
                if (find(judge, enforced, hook, packet, chance, expected, &kind) &&
                    judgement->counts[kind]++ == 0)
                        judgement->examples[kind] = *packet;
        }
}

static struct sim_packet between(const struct sim_packet *shape, const struct ip *source,
                                 const struct ip *destination)
{
        struct sim_packet packet = *shape;

        packet.source = *source;
        packet.destination = *destination;
        return packet;
}

static void judge_pair(const struct judge *judge, const struct enforced *enforced,
                       const struct universe *universe, const struct ip *source,
                       const struct ip *destination, struct judgement *judgement)
{
        struct sim_packet ends = {.source = *source, .destination = *destination};
        const struct meeting meeting = meet(judge, &ends);
        struct answered answered = {0};

        vec_foreach (const struct sim_packet, shape, &universe->shapes[source->family]) {
                struct sim_packet packet = between(shape, source, destination);
                enum expectation expected = expect(judge, &meeting, &packet, &answered);
                vec_foreach (const char *, in, &universe->interfaces)
                        vec_foreach (const char *, out, &universe->interfaces) {
                                set_interfaces(&packet, meeting.hook, *in, *out);
                                judge_packet(judge, enforced, universe, meeting.hook, &packet,
                                             expected, judgement);
                        }
        }
}

static size_t universe_size(const struct universe *universe)
{
        size_t n = 0;

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                n += universe->addresses[family].n * universe->addresses[family].n *
                     universe->shapes[family].n;
        return n * universe->interfaces.n * universe->interfaces.n * (universe->chance ? 2 : 1);
}

#define DRAW(bytes, v) (&(v)->items[bytes_below((bytes), (unsigned)(v)->n)])

static void judge_drawn(const struct judge *judge, const struct enforced *enforced,
                        const struct universe *universe, struct bytes *bytes,
                        struct judgement *judgement)
{
        enum family family = bytes_chance(bytes, 50) ? FAMILY_IPV6 : FAMILY_IPV4;
        struct sim_packet packet = *DRAW(bytes, &universe->shapes[family]);

        packet.source = *DRAW(bytes, &universe->addresses[family]);
        packet.destination = *DRAW(bytes, &universe->addresses[family]);
        enum sim_hook hook = judge_hook(judge, &packet);
        const char *in = *DRAW(bytes, &universe->interfaces);
        set_interfaces(&packet, hook, in, *DRAW(bytes, &universe->interfaces));
        judge_packet(judge, enforced, universe, hook, &packet, judge_expects(judge, &packet),
                     judgement);
}

struct judgement judge_universe(const struct judge *judge, const struct enforced *enforced,
                                const struct universe *universe, struct bytes *bytes, size_t budget)
{
        struct judgement judgement = {.whole = universe_size(universe) <= budget};

        while (!judgement.whole && judgement.packets < budget)
                judge_drawn(judge, enforced, universe, bytes, &judgement);
        for (enum family family = FAMILY_IPV4; judgement.whole && family <= FAMILY_IPV6; family++)
                vec_foreach (const struct ip, source, &universe->addresses[family])
                        vec_foreach (const struct ip, destination, &universe->addresses[family])
                                judge_pair(judge, enforced, universe, source, destination,
                                           &judgement);
        return judgement;
}

const char *sim_packet_text(struct arena *arena, const struct judge *judge,
                            const struct sim_packet *packet)
{
        static const char *const states[] = {
            [CT_INVALID] = "INVALID",         [CT_NEW] = "NEW",
            [CT_ESTABLISHED] = "ESTABLISHED", [CT_RELATED] = "RELATED",
            [CT_UNTRACKED] = "UNTRACKED",
        };
        char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];

        return arena_printf(
            arena,
            "%s %s > %s protocol %u port %u from %u %s flags %u init %d type %u hops %u "
            "in \"%s\" out \"%s\" mark %u",
            sim_hook_name(judge_hook(judge, packet)), ip_format(&packet->source, source),
            ip_format(&packet->destination, destination), packet->protocol,
            packet->destination_port, packet->source_port, states[packet->state & 31],
            packet->tcp_flags, packet->sctp_init, packet->icmp_type, packet->hop_limit,
            packet->in_interface, packet->out_interface, packet->mark);
}
