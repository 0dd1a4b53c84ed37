#include "verify/address_types.h"

#include "verify/address_key.h"
#include "verify/sim_address.h"

/* The number line is cut at each address where the type can change; one address of each piece
 * answers for all. */

struct cuts {
        struct arena *arena;
        enum family family;
        VEC(address_key) keys;
};

static void cut_around(struct cuts *cuts, const struct prefix *prefix)
{
        if (prefix->ip.family != cuts->family)
                return;
        address_key behind = address_key_last(prefix) + address_key_step(cuts->family);
        vec_push(cuts->arena, &cuts->keys, address_key_of(&prefix->ip));
        if (behind != 0)
                vec_push(cuts->arena, &cuts->keys, behind);
}

static void cut_around_all(struct cuts *cuts, const struct ip *ips, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct prefix host = prefix_host(&ips[i]);
                cut_around(cuts, &host);
        }
}

static int compare_keys(const void *a, const void *b)
{
        const address_key *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void make_cuts(struct cuts *cuts, const struct sim_node *node)
{
        static const char *const known[] = {
            "0.0.0.0/8",          "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4",
            "255.255.255.255/32", "::/128",      "::1/128",     "ff00::/8"};

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                struct prefix prefix;
                if (prefix_parse(known[i], &prefix, NULL))
                        cut_around(cuts, &prefix);
        }
        cut_around_all(cuts, node->locals, node->n_locals);
        cut_around_all(cuts, node->broadcasts, node->n_broadcasts);
        vec_sort(&cuts->keys, compare_keys);
}

static bool is_nobodys(const struct ip *ip)
{
        return ip->family == FAMILY_IPV4 && (ip->bytes[0] == 0 || ip->bytes[0] == 127);
}

bool address_types_add(struct splitter *splitter, const struct sim_node *node, enum family family,
                       uint32_t types, bool limited, bool add, size_t surely, size_t perhaps)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct cuts cuts = {.arena = arena, .family = family};
        bool doubt = false;

        make_cuts(&cuts, node);
        for (size_t i = 0; i < cuts.keys.n; i++) {
                address_key next = i + 1 < cuts.keys.n ? cuts.keys.items[i + 1] : 0;
                struct ip first = address_key_ip(cuts.keys.items[i], family);
                struct ip last = address_key_ip(next - address_key_step(family), family);
                if (next == cuts.keys.items[i])
                        continue;
                enum truth truth = sim_address_is_of_type(node, &first, types, limited);
                if (truth == UNKNOWN && is_nobodys(&first))
                        truth = NO;
                doubt = doubt || truth == UNKNOWN;
                if (add && truth != NO)
                        splitter_add_range(splitter, perhaps, &first, &last);
                if (add && truth == YES)
                        splitter_add_range(splitter, surely, &first, &last);
        }
        return doubt;
}
