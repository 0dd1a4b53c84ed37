#include "compile/peers.h"

#include <string.h>

#include "compile/blocks.h"

/* A selector's key: requirements are sorted, so equal selectors have equal keys. */
static void key_add_selector(struct strbuf *key, const struct selector *selector)
{
        static const char *const operators[] = {
            [SELECTOR_IN] = "in",
            [SELECTOR_NOT_IN] = "notin",
            [SELECTOR_EXISTS] = "exists",
            [SELECTOR_DOES_NOT_EXIST] = "absent",
        };

        if (!selector) {
                key_add(key, "nil");
                return;
        }
        for (size_t i = 0; i < selector->n; i++) {
                const struct requirement *requirement = &selector->items[i];
                key_add(key, operators[requirement->operator]);
                key_add(key, requirement->key);
                for (size_t j = 0; j < requirement->n_values; j++) {
                        key_add(key, "value");
                        key_add(key, requirement->values[j]);
                }
        }
        key_add(key, "end");
}

static void key_add_peer(struct strbuf *key, const char *namespace, const struct policy_peer *peer)
{
        char text[PREFIX_TEXT_SIZE];

        if (peer_is_ip_block(peer)) {
                key_add(key, "block");
                key_add(key, prefix_format(&peer->cidr, text));
                for (size_t i = 0; i < peer->except.n; i++)
                        key_add(key, prefix_format(&peer->except.items[i], text));
                return;
        }
        key_add(key, "pods");
        key_add(key, peer->namespace_selector ? "" : namespace);
        key_add_selector(key, peer->namespace_selector);
        key_add_selector(key, peer->pod_selector);
}

static void key_add_family(struct strbuf *key, enum family family)
{
        key_add(key, family == FAMILY_IPV4 ? "4" : "6");
}

struct peer_key {
        const char *bytes;
        size_t length;
};

static int peer_key_compare(const void *a, const void *b)
{
        const struct peer_key *x = a, *y = b;
        size_t shorter = x->length < y->length ? x->length : y->length;
        int order = memcmp(x->bytes, y->bytes, shorter);

        return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Peers in any order are the same peers: their keys are sorted. */
static void key_add_sorted(struct strbuf *key, struct arena *arena, const struct peers *peers,
                           bool with_blocks)
{
        VEC(struct peer_key) keys = {0};

        for (size_t i = 0; i < peers->rule->peers.n; i++) {
                _cleanup_strbuf_ struct strbuf one = {0};
                if (peer_is_ip_block(&peers->rule->peers.items[i]) && !with_blocks)
                        continue;
                key_add_peer(&one, peers->namespace, &peers->rule->peers.items[i]);
                struct peer_key held = {arena_copy(arena, one.text, one.length), one.length};
                vec_push(arena, &keys, held);
        }
        vec_sort(&keys, peer_key_compare);
        vec_foreach (struct peer_key, one, &keys)
                strbuf_add_bytes(key, one->bytes, one->length);
}

static void key_add_peers(struct strbuf *key, struct arena *arena, const struct peers *peers,
                          bool with_blocks)
{
        const struct policy_rule *rule = peers->rule;

        if (rule->peers.n != 1)
                key_add_sorted(key, arena, peers, with_blocks);
        else if (with_blocks || !peer_is_ip_block(&rule->peers.items[0]))
                key_add_peer(key, peers->namespace, &rule->peers.items[0]);
}

static const char *pods_set(struct compiler *compiler, struct peers *peers, enum family family)
{
        struct strbuf *key = key_begin(compiler, "peers");

        key_add_family(key, family);
        key_add_peers(key, compiler->scratch, peers, false);
        struct known_name *name = compiler_name(compiler, SET_PREFIX);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_IP, family);
        if (set)
                peer_pods_fill(compiler, peers, PEER_ADDRESSES, name, set);
        return name->text;
}

static struct match blocks_match(struct compiler *compiler, const struct block_elements *elements,
                                 enum direction direction, enum family family)
{
        if (elements->list.n == 1)
                return (struct match){.kind = peer_match(direction),
                                      .prefix = elements->list.items[0].prefix};
        struct strbuf *key = key_begin(compiler, "blocks");
        key_add_family(key, family);
        vec_foreach (const struct set_element, element, &elements->list) {
                char text[PREFIX_TEXT_SIZE];
                key_add(key, element->nomatch ? "nomatch" : "");
                key_add(key, prefix_format(&element->prefix, text));
        }
        struct known_name *name = compiler_name(compiler, SET_PREFIX);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_NET, family);
        if (set)
                vec_foreach (const struct set_element, element, &elements->list)
                        vec_push(compiler->arena, &set->elements, *element);
        return match_set(name->text, peer_end(direction));
}

static size_t count_blocks(const struct policy_rule *rule)
{
        size_t n = 0;

        for (size_t i = 0; i < rule->peers.n; i++)
                n += peer_is_ip_block(&rule->peers.items[i]);
        return n;
}

struct peer_matches peers_compile(struct compiler *compiler, struct peers *peers,
                                  enum direction direction, enum family family)
{
        const struct policy_rule *rule = peers->rule;
        struct peer_matches matches = {.anyone = rule->peers.n == 0};
        struct block_elements blocks = {0};
        size_t n_blocks = count_blocks(rule);

        if (n_blocks > 0)
                blocks = blocks_elements(compiler->scratch, rule, family);
        matches.anyone |= blocks_are_everything(&blocks);
        if (matches.anyone)
                return matches;
        if (n_blocks < rule->peers.n)
                matches.items[matches.n++] =
                    match_set(pods_set(compiler, peers, family), peer_end(direction));
        if (blocks.list.n > 0)
                matches.items[matches.n++] = blocks_match(compiler, &blocks, direction, family);
        return matches;
}

static bool names_ports(const struct policy_rule *rule)
{
        bool any = false;

        for (size_t i = 0; i < rule->ports.n; i++)
                any |= rule->ports.items[i].name != NULL;
        return any;
}

static void key_add_port_names(struct strbuf *key, const struct policy_rule *rule)
{
        for (size_t i = 0; i < rule->ports.n; i++) {
                if (!rule->ports.items[i].name)
                        continue;
                key_add(key, protocol_name(rule->ports.items[i].protocol));
                key_add(key, rule->ports.items[i].name);
        }
}

bool peers_compile_named(struct compiler *compiler, struct peers *peers, enum family family,
                         struct match *ret)
{
        if (!names_ports(peers->rule))
                return false;
        struct strbuf *key = key_begin(compiler, "named");
        key_add_family(key, family);
        key_add_port_names(key, peers->rule);
        key_add(key, "of");
        key_add_peers(key, compiler->scratch, peers, true);
        struct known_name *name = compiler_name(compiler, SET_PREFIX);
        struct set *set = compiler_add_set(compiler, name, SET_HASH_IP_PORT, family);
        if (set)
                peer_pods_fill(compiler, peers, PEER_NAMED_PORTS, name, set);
        *ret = match_set_port(name->text, SET_DESTINATION);
        return true;
}
