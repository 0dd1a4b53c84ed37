#include "../unit/unit.h"

#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "packets.h"
#include "verify/difference/difference.h"
#include "verify/difference/ends.h"
#include "world.h"

/* A random cluster and a random small change of it: what the difference says of a packet is what
 * the reference says of it before and after. A pod is itself by name, whatever its address: before,
 * the packet goes between the addresses that its ends had then. */

#define CLUSTERS 200
#define PACKETS  600 /* of each pair */

struct sides {
        struct cluster *before, *after;
        struct policy_options options;
        const struct difference *difference;
};

struct tally {
        size_t opened, closed, same, links, passed_over, by_rule, by_isolation;
};

/* Some of the pairs have little in common: a change may be large. */
static struct manifest changed(struct arena *arena, struct bytes *bytes,
                               const struct manifest *manifest, const struct manifest *other)
{
        struct manifest copy = {.style = manifest->style};
        unsigned n = bytes_chance(bytes, 15) ? 12 : 1 + bytes_below(bytes, 3);

        vec_foreach (struct value *, document, &manifest->documents)
                vec_push(arena, &copy.documents, *document);
        for (unsigned i = 0; i < n; i++)
                manifest_change(arena, bytes, &copy, other);
        return copy;
}

static bool is_of_link(const struct ip *ip)
{
        struct prefix link_local = {{FAMILY_IPV6, {0xfe, 0x80}}, 10};

        return prefix_contains(&link_local, ip);
}

static bool means_many(const struct ip *ip)
{
        return ip->family == FAMILY_IPV6
                   ? ip->bytes[0] == 0xff
                   : ip->bytes[0] >> 4 == 14 || memcmp(ip->bytes, "\xff\xff\xff\xff", 4) == 0;
}

/* The same end's address before; false where there was no such end. */
static bool end_before(const struct sides *sides, const struct ip *ip, struct ip *ret)
{
        const struct pod *pod = cluster_pod_at(sides->after, ip);

        *ret = *ip;
        if (!pod)
                return !cluster_pod_at(sides->before, ip);
        pod = cluster_pod(sides->before, pod->meta.namespace, pod->meta.name);
        if (!pod || !pod_takes_part(pod) || !pod_ip(pod, ip->family))
                return false;
        *ret = *pod_ip(pod, ip->family);
        return true;
}

static bool is_a_nodes(const struct cluster *cluster, const struct ip *ip)
{
        if (cluster_node_at(cluster, ip))
                return true;
        vec_foreach (const struct pod, pod, &cluster->pods)
                for (size_t i = 0; pod->host_network && i < pod->ips.n; i++)
                        if (ip_equal(&pod->ips.items[i], ip))
                                return true;
        return false;
}

/* -1 closed, 0 no change, 1 opened */
static int change_of_link(const struct sides *sides, const struct packet *packet)
{
        const struct pod *source = cluster_pod_at(sides->after, &packet->source);
        bool link_local = is_of_link(&packet->source) || is_of_link(&packet->destination);

        vec_foreach (const struct link_change, link, &sides->difference->links)
                if (link_local ? !link->node
                               : link->node && source && strcmp(link->node, source->node) == 0)
                        return link->kind == CHANGE_OPENED ? 1 : -1;
        return 0;
}

/* Who is of the node of an address that the link reaches is no matter of the difference; nor is a
 * pod that moved. */
static bool passes_over_link(const struct sides *sides, const struct packet *packet)
{
        const struct pod *after = cluster_pod_at(sides->after, &packet->source), *before;

        for (int i = 0; i < 2; i++) {
                const struct ip *ip = i ? &packet->source : &packet->destination;
                if (is_a_nodes(sides->before, ip) || is_a_nodes(sides->after, ip))
                        return true;
        }
        if (!after)
                return false;
        before = cluster_pod(sides->before, after->meta.namespace, after->meta.name);
        return strcmp(after->node, before->node) != 0;
}

/* Is it among what the changes of one packet give, all of them together? */
static bool gives(const struct changes_of *changes, const struct reason *wanted)
{
        for (size_t i = 0; i < changes->n; i++)
                for (size_t j = 0; j < changes->items[i]->n_reasons; j++) {
                        const struct reason *reason = &changes->items[i]->reasons[j];
                        if (reason->kind == wanted->kind &&
                            reason->direction == wanted->direction &&
                            reason->policy == wanted->policy && reason->rule == wanted->rule)
                                return true;
                }
        return false;
}

/* Exactly the rules that allow now (or did), or the policies that isolate now (or did). */
static bool reasons_hold(const struct changes_of *changes, const struct verdict *allowed,
                         const struct verdict *denied, struct tally *tally)
{
        size_t n = 0, given = 0, directions = 0;

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                const struct side *now = &allowed->sides[d], *then = &denied->sides[d];
                if (then->allowed)
                        continue;
                directions++;
                struct reason own_node = {REASON_OWN_NODE, d, NULL, 0};
                if (now->exempt || gives(changes, &own_node)) {
                        n += 1;
                        if (!now->exempt || !gives(changes, &own_node))
                                return false;
                        continue;
                }
                vec_foreach (const struct policy_rule_ref, ref, &now->allowed_by) {
                        struct reason rule = {REASON_RULE, d, ref->policy, ref->rule};
                        tally->by_rule++;
                        n++;
                        if (!gives(changes, &rule))
                                return false;
                }
                if (now->isolated)
                        continue;
                vec_foreach (const struct network_policy *const, policy, &then->policies) {
                        struct reason isolation = {REASON_ISOLATION, d, *policy, 0};
                        tally->by_isolation++;
                        n++;
                        if (!gives(changes, &isolation))
                                return false;
                }
        }
        for (size_t i = 0; i < changes->n; i++)
                given += changes->items[i]->n_reasons;
        return n == given && directions == changes->n;
}

static void report(const struct sides *sides, const struct manifest manifests[2],
                   const struct packet *packet, const char *what, uint64_t seed, unsigned i)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf before = {0}, after = {0};

        manifest_print(&manifests[0], &before);
        manifest_print(&manifests[1], &after);
        fail_msg("PENSTOCK_SEED=%" PRIu64 ", cluster %u%s, packet %s: %s\nbefore:\n%s\nafter:\n%s",
                 seed, i, sides->options.own_node_egress ? ", own-node egress by policy" : "",
                 packet_text(arena, packet), what, strbuf_text(&before), strbuf_text(&after));
}

static void count(struct tally *tally, int change)
{
        tally->opened += change > 0;
        tally->closed += change < 0;
        tally->same += change == 0;
}

/* NULL, or what is wrong. */
static const char *hold_packet(struct arena *arena, const struct sides *sides,
                               const struct packet *packet, struct tally *tally)
{
        struct changes_of changes = difference_of(sides->difference, packet);
        struct packet was = *packet;

        if (!end_before(sides, &packet->source, &was.source) ||
            !end_before(sides, &packet->destination, &was.destination)) {
                tally->passed_over++;
                return NULL;
        }
        struct verdict before = policy_verdict(arena, sides->before, &sides->options, &was);
        struct verdict after = policy_verdict(arena, sides->after, &sides->options, packet);
        int expected = (int)after.allowed - (int)before.allowed;
        if (is_of_link(&packet->source) || is_of_link(&packet->destination) ||
            means_many(&packet->destination)) {
                tally->links += expected != 0;
                if (changes.n > 0)
                        return "a change is said to hold addresses of a link";
                if (passes_over_link(sides, packet) || expected == change_of_link(sides, packet))
                        return NULL;
                return "not what is said of addresses of a link";
        }
        /* Nobody sends from a group; the link's own lines say nothing of it. */
        if (means_many(&packet->source))
                return NULL;
        int said = 0;
        for (size_t i = 0; i < changes.n; i++) {
                said = changes.items[i]->kind == CHANGE_OPENED ? 1 : -1;
                if (changes.items[i]->undecided)
                        return "undecided, and both ends have an address";
                if (said != expected)
                        break;
        }
        count(tally, expected);
        if (said != expected)
                return expected > 0   ? "opened, and not said to be"
                       : expected < 0 ? "closed, and not said to be"
                                      : "unchanged, and said to be";
        if (changes.n > 0 && !reasons_hold(&changes, expected > 0 ? &after : &before,
                                           expected > 0 ? &before : &after, tally))
                return "the reasons are others";
        return NULL;
}

static void hold_pair(uint64_t seed, unsigned i, struct tally *tally)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        struct bytes bytes = world_bytes(seed, i);
        struct manifest manifests[2] = {world_generate(arena, &bytes, i)};
        struct manifest other = world_generate(arena, &bytes, i);
        manifests[1] = changed(arena, &bytes, &manifests[0], &other);
        const char *problem = NULL;
        _cleanup_cluster_ struct cluster *before = world_load(arena, &manifests[0], &problem);
        _cleanup_cluster_ struct cluster *after = world_load(arena, &manifests[1], &problem);

        if (!before || !after)
                fail_msg("a valid manifest is refused: %s", problem);
        struct packet_pool pools[2] = {packet_pool_of(arena, before), packet_pool_of(arena, after)};
        for (int own = 0; own < 2; own++) {
                struct difference_options how = {.own_node_egress = own};
                struct sides sides = {before,
                                      after,
                                      {.own_node_egress = own},
                                      difference_find(arena, before, after, &how)};
                for (unsigned n = 0; n < PACKETS; n++) {
                        struct packet packet = packet_pool_draw(&pools[n % 2], &bytes);
                        arena_reset(scratch);
                        const char *wrong = hold_packet(scratch, &sides, &packet, tally);
                        if (wrong)
                                report(&sides, manifests, &packet, wrong, seed, i);
                }
        }
}

static void difference_and_reference_agree(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        struct tally tally = {0};

        for (unsigned i = 0; i < size.clusters; i++)
                hold_pair(size.seed, i, &tally);
        print_message("PENSTOCK_SEED=%" PRIu64
                      ", %u pairs: %zu packets opened, %zu closed, %zu as before, %zu of a link "
                      "changed, %zu of ends of one time; reasons: %zu rules, %zu isolating\n",
                      size.seed, size.clusters, tally.opened, tally.closed, tally.same, tally.links,
                      tally.passed_over, tally.by_rule, tally.by_isolation);
        if (size.clusters >= CLUSTERS)
                assert_true(tally.opened > 1000 && tally.closed > 1000 && tally.links > 50 &&
                            tally.by_rule > 500 && tally.by_isolation > 500);
}

struct unsure_tally {
        size_t decided, undecided, same;
};

/* Some pods lose their addresses, by their names: every second one, or whichever bit is set. */
static struct manifest without_addresses(struct arena *arena, const struct manifest *manifest,
                                         uint64_t which)
{
        struct manifest copy = {.style = manifest->style};

        vec_foreach (struct value *, document, &manifest->documents) {
                struct value *object = *document;
                const char *name = value_member_text(value_member(object, "metadata"), "name");
                uint64_t number = 0;
                for (const char *at = name; at && *at; at++)
                        number = number * 31 + (unsigned char)*at;
                if (strcmp(value_member_text(object, "kind"), "Pod") == 0 &&
                    which >> number % 64 & 1) {
                        object = value_copy(arena, object);
                        struct value *status = member_of(object, "status");
                        if (status)
                                status->first = NULL;
                }
                vec_push(arena, &copy.documents, object);
        }
        return copy;
}

/* The end that is there now where the address was; SIZE_MAX where there is none. */
static size_t unsure_end(const struct sides *sides, const struct difference *unsure,
                         const struct ip *ip, bool *lacks)
{
        const struct pod *pod = cluster_pod_at(sides->after, ip);
        struct ip was;

        *lacks = false;
        if (!end_before(sides, ip, &was))
                return SIZE_MAX;
        if (!pod)
                return ends_at(unsure->ends, AFTER, ip);
        vec_foreach (const struct pod_pair, pair, &unsure->ends->pairs) {
                const struct meta *meta = &pair->pod[AFTER]->meta;
                bool lacks_before = pair->pod[BEFORE]->ips.n == 0;
                bool lacks_after = pair->pod[AFTER]->ips.n == 0;
                if (strcmp(meta->namespace, pod->meta.namespace) != 0 ||
                    strcmp(meta->name, pod->meta.name) != 0)
                        continue;
                *lacks = lacks_before || lacks_after;
                /* It is to have one address, at both times. */
                if (lacks_before && lacks_after && !ip_equal(ip, &was))
                        return SIZE_MAX;
                if (*lacks && (is_a_nodes(sides->before, &was) || is_a_nodes(sides->after, ip) ||
                               is_a_nodes(sides->after, &was) || is_a_nodes(sides->before, ip)))
                        return SIZE_MAX;
                return pair->end;
        }
        return SIZE_MAX;
}

/* NULL, or what is wrong: what is decided without an address is true with it. */
static const char *hold_unsure(struct arena *arena, const struct sides *sides,
                               const struct difference *unsure, const struct packet *packet,
                               struct unsure_tally *tally)
{
        struct packet was = *packet;
        bool lacks[2], may[2] = {false, false};
        size_t from = unsure_end(sides, unsure, &packet->source, &lacks[0]);
        size_t to = unsure_end(sides, unsure, &packet->destination, &lacks[1]);

        if (from == SIZE_MAX || to == SIZE_MAX || !(lacks[0] || lacks[1]) ||
            ip_equal(&packet->source, &packet->destination) || is_of_link(&packet->source) ||
            is_of_link(&packet->destination) || means_many(&packet->source) ||
            means_many(&packet->destination))
                return NULL;
        end_before(sides, &packet->source, &was.source);
        end_before(sides, &packet->destination, &was.destination);
        struct verdict before = policy_verdict(arena, sides->before, &sides->options, &was);
        struct verdict after = policy_verdict(arena, sides->after, &sides->options, packet);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                if (before.sides[d].exempt || after.sides[d].exempt)
                        return NULL;
        struct changes_of changes = difference_between(unsure, from, to, packet);
        bool undecided = changes.n > 0 && changes.items[0]->undecided;
        for (size_t i = 0; i < changes.n; i++) {
                may[changes.items[i]->kind] = true;
                if (changes.items[i]->undecided != undecided)
                        return "decided and undecided at once";
                enum direction d = changes.items[i]->reasons->direction;
                if (!undecided && before.sides[d].allowed == after.sides[d].allowed)
                        return "said to be an end's doing, without the address";
        }
        int expected = (int)after.allowed - (int)before.allowed;
        tally->undecided += undecided;
        tally->decided += changes.n > 0 && !undecided;
        tally->same += changes.n == 0;
        if (may[CHANGE_OPENED] && may[CHANGE_CLOSED] && !undecided)
                return "opened and closed";
        if (expected != 0)
                return may[expected > 0 ? CHANGE_OPENED : CHANGE_CLOSED]
                           ? NULL
                           : "not said to change, without the address";
        return changes.n == 0 || undecided ? NULL : "said to change, without the address";
}

static void hold_pair_without_addresses(uint64_t seed, unsigned i, struct unsure_tally *tally)
{
        _cleanup_arena_ struct arena *arena = arena_new(), *scratch = arena_new();
        struct bytes bytes = world_bytes(seed, i);
        struct manifest manifests[4] = {world_generate(arena, &bytes, i)};
        struct manifest other = world_generate(arena, &bytes, i);
        struct cluster *clusters[4];
        const char *problem = NULL;

        manifests[1] = changed(arena, &bytes, &manifests[0], &other);
        for (int side = 0; side < 2; side++) {
                static const uint64_t which[] = {0x5555555555555555, 0x3333333333333333};
                manifests[2 + side] = without_addresses(arena, &manifests[side], which[side]);
        }
        for (int n = 0; n < 4; n++)
                if (!(clusters[n] = world_load(arena, &manifests[n], &problem)))
                        fail_msg("a valid manifest is refused: %s", problem);
        struct packet_pool pools[2] = {packet_pool_of(arena, clusters[0]),
                                       packet_pool_of(arena, clusters[1])};
        struct difference_options how = {0};
        struct sides sides = {.before = clusters[0], .after = clusters[1]};
        const struct difference *unsure = difference_find(arena, clusters[2], clusters[3], &how);
        for (unsigned n = 0; n < PACKETS; n++) {
                struct packet packet = packet_pool_draw(&pools[n % 2], &bytes);
                arena_reset(scratch);
                const char *wrong = hold_unsure(scratch, &sides, unsure, &packet, tally);
                if (wrong)
                        report(&sides, manifests + 2, &packet, wrong, seed, i);
        }
        for (int n = 0; n < 4; n++)
                cluster_free(clusters[n]);
}

static void what_is_decided_without_an_address_is_true_with_it(void **state)
{
        struct run_size size = run_size(CLUSTERS);
        struct unsure_tally tally = {0};

        for (unsigned i = 0; i < size.clusters; i++)
                hold_pair_without_addresses(size.seed, i, &tally);
        print_message("PENSTOCK_SEED=%" PRIu64
                      ", %u pairs: %zu packets decided, %zu undecided, %zu as before\n",
                      size.seed, size.clusters, tally.decided, tally.undecided, tally.same);
        if (size.clusters >= CLUSTERS)
                assert_true(tally.decided > 300 && tally.undecided > 300 && tally.same > 3000);
}

/* What means the same is no difference, nor is a cluster to itself. */
static void nothing_differs_from_itself(void **state)
{
        struct run_size size = run_size(CLUSTERS / 10);

        for (unsigned i = 0; i < size.clusters; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct bytes bytes = world_bytes(size.seed, i);
                struct manifest manifest = world_generate(arena, &bytes, i);
                const char *problem = NULL;
                _cleanup_cluster_ struct cluster *before = world_load(arena, &manifest, &problem);
                _cleanup_cluster_ struct cluster *after = world_load(arena, &manifest, &problem);
                struct difference_options how = {0};
                assert_true(difference_is_none(difference_find(arena, before, after, &how)));
                struct manifest unsure = without_addresses(arena, &manifest, UINT64_MAX);
                _cleanup_cluster_ struct cluster *was = world_load(arena, &unsure, &problem);
                _cleanup_cluster_ struct cluster *is = world_load(arena, &unsure, &problem);
                assert_true(difference_is_none(difference_find(arena, was, is, &how)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(difference_and_reference_agree),
            cmocka_unit_test(what_is_decided_without_an_address_is_true_with_it),
            cmocka_unit_test(nothing_differs_from_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
