#include "../unit/unit.h"

#include <inttypes.h>
#include <string.h>

#include "packets.h"
#include "verify/difference/difference.h"
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

static bool same_object(const struct value *a, const struct value *b)
{
        const struct value *left = value_member(a, "metadata"),
                           *right = value_member(b, "metadata");

        return strcmp(value_member_text(a, "kind"), value_member_text(b, "kind")) == 0 &&
               strcmp(value_member_text(left, "namespace"),
                      value_member_text(right, "namespace")) == 0 &&
               strcmp(value_member_text(left, "name"), value_member_text(right, "name")) == 0;
}

static struct value *member_of(const struct value *map, const char *key)
{
        struct value *member = map->first;

        while (member && strcmp(member->key, key) != 0)
                member = member->next;
        return member;
}

static struct value **draw_document(struct bytes *bytes, struct manifest *manifest)
{
        return &manifest->documents.items[bytes_below(bytes, (unsigned)manifest->documents.n)];
}

static struct value **draw_pod(struct bytes *bytes, struct manifest *manifest)
{
        for (unsigned tries = 0; tries < 20; tries++) {
                struct value **document = draw_document(bytes, manifest);
                if (strcmp(value_member_text(*document, "kind"), "Pod") == 0)
                        return document;
        }
        return NULL;
}

/* Two pods take each other's addresses. */
static void swap_addresses(struct arena *arena, struct bytes *bytes, struct manifest *manifest)
{
        struct value **one = draw_pod(bytes, manifest), **other = draw_pod(bytes, manifest);
        struct value *left, *right, swapped;

        if (!one || !other || one == other)
                return;
        *one = value_copy(arena, *one);
        *other = value_copy(arena, *other);
        left = member_of(*one, "status");
        right = member_of(*other, "status");
        if (!left || !right)
                return;
        swapped = *left;
        left->first = right->first;
        right->first = swapped.first;
}

static void rename_ports(struct value *value)
{
        if (value->kind == VALUE_STRING && strcmp(value->text, "http") == 0)
                value->text = "web";
        else if (value->kind == VALUE_STRING && strcmp(value->text, "web") == 0)
                value->text = "http";
        for (struct value *item = value->first; item; item = item->next)
                rename_ports(item);
}

/* An object goes, comes from the other cluster, or becomes what it is there; pods change addresses,
 * ports their names. */
static void change_one(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                       const struct manifest *other)
{
        if (manifest->documents.n == 0 || other->documents.n == 0)
                return;
        if (bytes_chance(bytes, 25)) {
                swap_addresses(arena, bytes, manifest);
                return;
        }
        if (bytes_chance(bytes, 20)) {
                struct value **document = draw_document(bytes, manifest);
                *document = value_copy(arena, *document);
                rename_ports(*document);
                return;
        }
        if (bytes_chance(bytes, 30)) {
                size_t at = bytes_below(bytes, (unsigned)manifest->documents.n);
                manifest->documents.items[at] = manifest->documents.items[--manifest->documents.n];
                return;
        }
        struct value *one =
            other->documents.items[bytes_below(bytes, (unsigned)other->documents.n)];
        vec_foreach (struct value *, document, &manifest->documents)
                if (same_object(*document, one)) {
                        *document = one;
                        return;
                }
        vec_push(arena, &manifest->documents, one);
}

/* Some of the pairs have little in common: a change may be large. */
static struct manifest changed(struct arena *arena, struct bytes *bytes,
                               const struct manifest *manifest, const struct manifest *other)
{
        struct manifest copy = {.style = manifest->style};
        unsigned n = bytes_chance(bytes, 15) ? 12 : 1 + bytes_below(bytes, 3);

        vec_foreach (struct value *, document, &manifest->documents)
                vec_push(arena, &copy.documents, *document);
        for (unsigned i = 0; i < n; i++)
                change_one(arena, bytes, &copy, other);
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

static bool has_reason(const struct change *change, enum reason_kind kind, enum direction direction)
{
        for (size_t i = 0; i < change->n_reasons; i++)
                if (change->reasons[i].kind == kind && change->reasons[i].direction == direction)
                        return true;
        return false;
}

static bool names_rule(const struct change *change, const struct policy_rule_ref *ref)
{
        for (size_t i = 0; i < change->n_reasons; i++) {
                const struct reason *reason = &change->reasons[i];
                if (reason->kind == REASON_RULE && reason->policy == ref->policy &&
                    reason->direction == ref->direction && reason->rule == ref->rule)
                        return true;
        }
        return false;
}

static bool names_policy(const struct change *change, enum direction direction,
                         const struct network_policy *policy)
{
        for (size_t i = 0; i < change->n_reasons; i++) {
                const struct reason *reason = &change->reasons[i];
                if (reason->kind == REASON_ISOLATION && reason->policy == policy &&
                    reason->direction == direction)
                        return true;
        }
        return false;
}

/* Exactly the rules that allow now (or did), or the policies that isolate now (or did). */
static bool reasons_hold(const struct change *change, const struct verdict *allowed,
                         const struct verdict *denied, struct tally *tally)
{
        size_t n = 0;

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                const struct side *now = &allowed->sides[d], *then = &denied->sides[d];
                if (then->allowed)
                        continue;
                if (now->exempt || has_reason(change, REASON_OWN_NODE, d)) {
                        n += 1;
                        if (!now->exempt || !has_reason(change, REASON_OWN_NODE, d))
                                return false;
                        continue;
                }
                vec_foreach (const struct policy_rule_ref, ref, &now->allowed_by) {
                        tally->by_rule++;
                        n++;
                        if (!names_rule(change, ref))
                                return false;
                }
                if (now->isolated)
                        continue;
                vec_foreach (const struct network_policy *const, policy, &then->policies) {
                        tally->by_isolation++;
                        n++;
                        if (!names_policy(change, d, *policy))
                                return false;
                }
        }
        return n == change->n_reasons;
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
        const struct change *change = difference_of(sides->difference, packet);
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
                if (change)
                        return "a change is said to hold addresses of a link";
                if (passes_over_link(sides, packet) || expected == change_of_link(sides, packet))
                        return NULL;
                return "not what is said of addresses of a link";
        }
        /* Nobody sends from a group; the link's own lines say nothing of it. */
        if (means_many(&packet->source))
                return NULL;
        int said = !change ? 0 : change->kind == CHANGE_OPENED ? 1 : -1;
        count(tally, expected);
        if (said != expected)
                return expected > 0   ? "opened, and not said to be"
                       : expected < 0 ? "closed, and not said to be"
                                      : "unchanged, and said to be";
        if (change && !reasons_hold(change, expected > 0 ? &after : &before,
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
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(difference_and_reference_agree),
            cmocka_unit_test(nothing_differs_from_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
