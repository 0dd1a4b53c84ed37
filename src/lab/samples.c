#include "lab/samples.h"

/* A block is searched upwards from its second address; whatever is in the way is stepped over as a
 * whole, so that the search ends soon even in ::/0. */

#define MAX_STEPS 4096

/* For documentation (RFC 5737, 3849): surely nobody's. */
static const char *const world[] = {"192.0.2.1", "2001:db8::1"};

/* Where the kernel routes nothing, and the gateways of the lab's own links. */
static const char *const unusable[] = {"0.0.0.0/8", "127.0.0.0/8", "169.254.1.0/30", "224.0.0.0/3",
                                       "::/8",      "fe80::/10",   "ff00::/8"};

struct search {
        struct arena *arena;
        const struct map *taken;
        VEC(struct prefix) unusable;
        struct samples samples;
};

static bool in_any(const struct prefix *prefixes, size_t n, const struct ip *ip,
                   struct prefix *ret_which)
{
        for (size_t i = 0; i < n; i++)
                if (prefix_contains(&prefixes[i], ip)) {
                        *ret_which = prefixes[i];
                        return true;
                }
        return false;
}

static struct ip last_of(const struct prefix *prefix)
{
        struct ip ip = prefix->ip;

        for (unsigned bit = prefix->length; bit < family_bits(ip.family); bit++)
                ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        return ip;
}

/* False past the family's end. */
static bool step(struct ip *ip)
{
        for (unsigned i = family_bits(ip->family) / 8; i-- > 0;)
                if (++ip->bytes[i])
                        return true;
        return false;
}

static bool find_free(const struct search *search, const struct prefix *block,
                      const struct prefix *excepts, size_t n_excepts, struct ip *ret)
{
        struct prefix at = prefix_host(&block->ip);
        char text[IP_TEXT_SIZE];

        if (block->length < family_bits(block->ip.family))
                step(&at.ip);
        for (unsigned i = 0; i < MAX_STEPS && prefix_contains(block, &at.ip); i++) {
                struct prefix obstacle = at;
                struct ip next;

                if (!in_any(excepts, n_excepts, &at.ip, &obstacle) &&
                    !in_any(search->unusable.items, search->unusable.n, &at.ip, &obstacle) &&
                    !map_get(search->taken, ip_format(&at.ip, text))) {
                        *ret = at.ip;
                        return true;
                }
                next = last_of(&obstacle);
                if (!step(&next))
                        return false;
                at.ip = next;
        }
        return false;
}

static bool has_one(const struct samples *samples, const struct prefix *block,
                    const struct prefix *excepts, size_t n_excepts)
{
        struct prefix which;

        vec_foreach (const struct ip, ip, &samples->list)
                if (prefix_contains(block, ip) && !in_any(excepts, n_excepts, ip, &which))
                        return true;
        return false;
}

static void add_sample(struct search *search, const struct prefix *block,
                       const struct prefix *excepts, size_t n_excepts)
{
        struct ip ip;

        if (has_one(&search->samples, block, excepts, n_excepts))
                return;
        if (search->samples.list.n >= SAMPLES_MAX)
                search->samples.cut++;
        else if (find_free(search, block, excepts, n_excepts, &ip))
                vec_push(search->arena, &search->samples.list, ip);
}

static void add_peers(struct search *search, const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];

                if (!peer_is_ip_block(peer))
                        continue;
                add_sample(search, &peer->cidr, peer->except.items, peer->except.n);
                for (size_t j = 0; j < peer->except.n; j++)
                        add_sample(search, &peer->except.items[j], NULL, 0);
        }
}

struct samples samples_choose(struct arena *arena, const struct cluster *cluster,
                              const struct map *taken)
{
        struct search search = {.arena = arena, .taken = taken};

        for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
                struct prefix prefix;
                prefix_parse(unusable[i], &prefix, NULL);
                vec_push(arena, &search.unusable, prefix);
        }
        for (size_t i = 0; i < ARRAY_SIZE(world); i++) {
                struct ip ip;
                ip_parse(world[i], &ip);
                if (!map_get(taken, world[i]))
                        vec_push(arena, &search.samples.list, ip);
        }
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                for (size_t d = 0; d < DIRECTIONS; d++)
                        for (size_t i = 0; i < policy->rules[d].n; i++)
                                add_peers(&search, &policy->rules[d].items[i]);
        return search.samples;
}
