#include "../unit/unit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "every_meaning.h"
#include "minimise.h"
#include "packets.h"
#include "reach.h"
#include "world.h"

/* What meaning says of address classes is what the reference says of each address in them. */

#define CLUSTERS 100
/* Every port of every subject is asked of so many addresses, every address of so many ports. */
#define ADDRESSES_EACH 5
#define PORTS_EACH     5

/* What is asked once more by whoever looks for a smaller cluster. */
struct question {
        const char *node;
        enum direction direction;
        struct packet packet;
};

struct say {
        bool isolated, allowed; /* allowed: by a rule */
};

/* 47 is GRE: a protocol that no policy names. */
#define PROTOCOL_GRE ((enum protocol)47)

static struct say meaning_says(const struct node_meaning *view, const struct subject *subject,
                               const struct question *question)
{
        enum direction direction = question->direction;

        return (struct say){subject->isolated[direction],
                            node_meaning_allows(view, subject, direction, &question->packet)};
}

/* reach may be NULL. */
static struct say reference_says(struct arena *scratch, const struct cluster *cluster,
                                 const struct question *question, struct reach *reach)
{
        struct policy_options options = {.node = question->node};

        arena_reset(scratch);
        const struct verdict verdict =
            policy_verdict(scratch, cluster, &options, &question->packet);
        const struct side *side = &verdict.sides[question->direction];

        if (reach)
                reach_count(reach, &verdict);
        return (struct say){side->isolated, side->allowed_by.n > 0};
}

static bool agree(struct say a, struct say b)
{
        return a.isolated == b.isolated && a.allowed == b.allowed;
}

/* False where the manifest is refused, or nobody is left to be asked. */
static bool says_of(const struct manifest *manifest, const struct question *question,
                    struct say *ret_meaning, struct say *ret_reference)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        const struct packet *packet = &question->packet;
        const char *problem;
        _cleanup_cluster_ struct cluster *cluster = world_load(arena, manifest, &problem);

        if (!cluster)
                return false;
        struct node_meaning view =
            node_meaning_of(arena, cluster, question->node, packet->source.family);
        const struct subject *subject = node_meaning_subject(
            &view,
            question->direction == DIRECTION_INGRESS ? &packet->destination : &packet->source);
        if (!subject)
                return false;
        *ret_meaning = meaning_says(&view, subject, question);
        *ret_reference = reference_says(scratch, cluster, question, NULL);
        return true;
}

static bool still_differs(const struct manifest *manifest, void *data)
{
        struct say meaning, reference;

        return says_of(manifest, data, &meaning, &reference) && !agree(meaning, reference);
}

static const char *say_text(struct say say)
{
        return !say.isolated ? "not isolated" : say.allowed ? "allowed" : "denied";
}

/* A cluster, and what is asked of it. */
struct run {
        struct arena *arena, *scratch;
        uint64_t seed;
        unsigned i;
        struct manifest manifest;
        const struct cluster *cluster;
        struct bytes bytes;
        struct packet_pool pool;
        VEC(uint16_t) ports;
        VEC(struct ip) others[FAMILIES];
        struct reach *reach;
};

static void report(struct run *run, struct question *question)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct say meaning, reference;

        question->node = arena_strdup(run->arena, question->node);
        manifest_minimise(&run->manifest, still_differs, question);
        run->manifest.style = MANIFEST_YAML;
        manifest_print(&run->manifest, &text);
        assert_true(says_of(&run->manifest, question, &meaning, &reference));
        fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u, node \"%s\", packet %s, %s: the meaning "
                 "is %s, the reference says %s:\n%s",
                 run->seed, run->i, question->node, packet_text(run->arena, &question->packet),
                 direction_name(question->direction), say_text(meaning), say_text(reference),
                 strbuf_text(&text));
}

static void ask(struct run *run, const struct node_meaning *view, const struct subject *subject,
                enum direction direction, const struct ip *other, enum protocol protocol,
                uint16_t port)
{
        bool ingress = direction == DIRECTION_INGRESS;
        struct question question = {
            .node = view->node,
            .direction = direction,
            .packet = {.source = ingress ? *other : subject->ip,
                       .destination = ingress ? subject->ip : *other,
                       .protocol = protocol,
                       .port = port},
        };
        struct say meaning = meaning_says(view, subject, &question);

        if (!agree(meaning, reference_says(run->scratch, run->cluster, &question, run->reach)))
                report(run, &question);
}

static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_ICMP,
                                          PROTOCOL_GRE};
#define WITH_PORTS 3

static void ask_anywhere(struct run *run, const struct node_meaning *view,
                         const struct subject *subject, enum direction direction,
                         enum protocol protocol, uint16_t port)
{
        unsigned n = (unsigned)run->others[view->family].n;

        for (unsigned i = 0; i < ADDRESSES_EACH; i++)
                ask(run, view, subject, direction,
                    &run->others[view->family].items[bytes_below(&run->bytes, n)], protocol, port);
}

static void ask_at_any_port(struct run *run, const struct node_meaning *view,
                            const struct subject *subject, enum direction direction,
                            const struct ip *other)
{
        for (unsigned i = 0; i < PORTS_EACH; i++) {
                unsigned p = bytes_below(&run->bytes, ARRAY_SIZE(protocols));
                uint16_t port = run->ports.items[bytes_below(&run->bytes, (unsigned)run->ports.n)];
                ask(run, view, subject, direction, other, protocols[p], p < WITH_PORTS ? port : 0);
        }
}

/* The ports that the destination pod gives names. */
static void ask_at_named_ports(struct run *run, const struct node_meaning *view,
                               const struct subject *subject, enum direction direction,
                               const struct ip *other)
{
        const struct pod *destination =
            direction == DIRECTION_INGRESS ? subject->pod : cluster_pod_at(run->cluster, other);

        for (size_t i = 0; destination && i < destination->ports.n; i++) {
                const struct container_port *port = &destination->ports.items[i];
                ask(run, view, subject, direction, other, port->protocol, port->port);
        }
}

/* Any address of a class: of any of its ranges, the first, the last or one between. */
static struct ip draw_of_class(struct bytes *bytes, const struct address_classes *classes,
                               size_t class)
{
        size_t *at = calloc(classes->n_ranges, sizeof(*at)), n = 0;

        for (size_t i = 0; i < classes->n_ranges; i++)
                if (classes->ranges[i].class == class)
                        at[n++] = i;
        size_t range = at[bytes_below(bytes, (unsigned)n)];
        struct ip ip = classes->ranges[range].first;
        free(at);
        unsigned last_byte = family_bits(ip.family) / 8 - 1;
        if (bytes_chance(bytes, 50))
                return ip;
        struct ip other = ip;
        other.bytes[last_byte] |= (uint8_t)bytes_below(bytes, 256);
        other.bytes[last_byte - 1] |= (uint8_t)bytes_below(bytes, 256);
        return address_class(classes, &other) == class ? other : ip;
}

static void hold_subject(struct run *run, const struct node_meaning *view,
                         const struct subject *subject, enum direction direction)
{
        for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
                if (p < WITH_PORTS)
                        vec_foreach (const uint16_t, port, &run->ports)
                                ask_anywhere(run, view, subject, direction, protocols[p], *port);
                else
                        ask_anywhere(run, view, subject, direction, protocols[p], 0);
        }
        vec_foreach (const struct ip, other, &run->others[view->family]) {
                ask_at_any_port(run, view, subject, direction, other);
                ask_at_named_ports(run, view, subject, direction, other);
        }
        for (size_t class = 0; class < view->classes->n; class ++) {
                struct ip drawn = draw_of_class(&run->bytes, view->classes, class);
                ask_at_any_port(run, view, subject, direction, &view->classes->examples[class]);
                ask_at_any_port(run, view, subject, direction, &drawn);
        }
}

/* What one packet shows of the sets that every node has. */
static void hold_marks(struct run *run, const struct node_meaning *view,
                       const struct subject *subject, const struct ip *other)
{
        struct policy_options options = {.node = view->node};
        size_t class = address_class(view->classes, other);
        bool own = bits_get(meaning_own_node(view->meaning), class);
        bool of_link = bits_get(meaning_link_local(view->meaning), class);
        bool many = bits_get(meaning_many(view->meaning), class);
        bool can_be_denied = meaning_any_isolated(view->meaning) && !own &&
                             !bits_get(meaning_own_node(view->meaning), subject->class);
        struct packet out = {subject->ip, *other, PROTOCOL_TCP, 80},
                      in = {*other, subject->ip, PROTOCOL_TCP, 80};

        arena_reset(run->scratch);
        struct verdict sent = policy_verdict(run->scratch, run->cluster, &options, &out);
        struct verdict received = policy_verdict(run->scratch, run->cluster, &options, &in);
        const char *exempt = sent.sides[DIRECTION_EGRESS].exempt;
        assert_int_equal(ip_equal(other, &subject->ip), exempt && strcmp(exempt, "itself") == 0);
        if (!exempt || strcmp(exempt, "itself") != 0)
                assert_int_equal(own, exempt && strcmp(exempt, "own node") == 0);
        assert_int_equal(sent.of_link, can_be_denied && (of_link || many));
        assert_int_equal(received.of_link, can_be_denied && of_link);
        assert_int_equal(class == subject->class, ip_equal(other, &subject->ip));
}

/* Every pod of the node that takes part and has an address, in order; and their groups. */
static void hold_subjects(const struct cluster *cluster, const struct node_meaning *view)
{
        size_t n = 0;

        vec_foreach (const struct pod, pod, &cluster->pods) {
                const struct ip *ip = pod_ip(pod, view->family);
                if (!ip || !pod_takes_part(pod) || strcmp(pod->node, view->node) != 0)
                        continue;
                assert_true(n < view->subjects.n);
                const struct subject *subject = &view->subjects.items[n++];
                assert_ptr_equal(subject->pod, pod);
                assert_true(ip_equal(&subject->ip, ip));
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        if (subject->isolated[d])
                                assert_true(subject->group[d] < view->subjects.n_groups[d]);
                        else
                                assert_int_equal(subject->group[d], SIZE_MAX);
                }
        }
        assert_int_equal(n, view->subjects.n);
}

static void hold_node(struct run *run, const char *node)
{
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct node_meaning view = node_meaning_of(run->arena, run->cluster, node, family);
                hold_subjects(run->cluster, &view);
                for (size_t i = 0; i < view.subjects.n; i++) {
                        const struct subject *subject = &view.subjects.items[i];
                        vec_foreach (const struct ip, other, &run->others[family])
                                hold_marks(run, &view, subject, other);
                        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                                hold_subject(run, &view, subject, d);
                }
        }
}

static int compare_ports(const void *a, const void *b)
{
        return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* All that anybody names, and the ports beside these, each once. */
static void find_ports(struct run *run)
{
        size_t kept = 0;

        vec_foreach (const uint16_t, port, &run->pool.ports)
                for (int by = -1; by <= 1; by++)
                        vec_push(run->arena, &run->ports, (uint16_t)(*port + by));
        vec_sort(&run->ports, compare_ports);
        vec_foreach (const uint16_t, port, &run->ports)
                if (kept == 0 || run->ports.items[kept - 1] != *port)
                        run->ports.items[kept++] = *port;
        run->ports.n = kept;
}

static void find_others(struct run *run)
{
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                vec_foreach (const struct ip, ip, &run->pool.pods[family])
                        vec_push(run->arena, &run->others[family], *ip);
                vec_foreach (const struct ip, ip, &run->pool.other[family])
                        vec_push(run->arena, &run->others[family], *ip);
        }
}

struct names {
        VEC(const char *) items;
};

static void add_name(struct arena *arena, struct names *names, const char *name)
{
        vec_foreach (const char *, known, &names->items)
                if (*known == name)
                        return;
        vec_push(arena, &names->items, name);
}

/* Also those that are only named; "" where pods are not scheduled. */
static struct names find_nodes(struct arena *arena, const struct cluster *cluster)
{
        struct names names = {0};

        vec_foreach (const struct node, node, &cluster->nodes)
                add_name(arena, &names, node->meta.name);
        vec_foreach (const struct pod, pod, &cluster->pods)
                add_name(arena, &names, pod->node);
        return names;
}

static void hold_cluster(uint64_t seed, unsigned i, struct reach *reach)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        struct run run = {.arena = arena,
                          .scratch = scratch,
                          .seed = seed,
                          .i = i,
                          .bytes = world_bytes(seed, i),
                          .reach = reach};
        const char *problem = NULL;

        run.manifest = generate_cluster(arena, &run.bytes, &SHAPE_DEFAULT);
        _cleanup_cluster_ struct cluster *cluster = world_load(arena, &run.manifest, &problem);
        if (!cluster)
                fail_msg("a valid manifest is refused: %s", problem);
        run.cluster = cluster;
        run.pool = packet_pool_of(arena, cluster);
        find_ports(&run);
        find_others(&run);
        struct names nodes = find_nodes(arena, cluster);
        vec_foreach (const char *, node, &nodes.items)
                hold_node(&run, *node);
}

static void meaning_is_the_reference(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        _cleanup_strbuf_ struct strbuf summary = {0};
        struct reach reach = {0};

        for (unsigned i = 0; i < size.clusters; i++)
                hold_cluster(size.seed, i, &reach);
        reach_print(&reach, &summary);
        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters, %s\n", size.seed, size.clusters,
                      strbuf_text(&summary));
        const char *lacking = reach_lacking(&reach);
        if (lacking && size.clusters >= CLUSTERS)
                fail_msg("nothing was decided by %s: the generator has lost its reach", lacking);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(meaning_is_the_reference),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
