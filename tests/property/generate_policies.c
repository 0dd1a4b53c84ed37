#include "generator.h"

const char *random_address(struct generator *generator, struct ip *ret)
{
        static const char *const elsewhere[] = {"203.0.113.9", "8.8.8.8", "2001:db8::9", "fe80::1"};
        struct ip ip = {0};
        char text[IP_TEXT_SIZE];

        if (generator->addresses.n > 0 && !bytes_chance(generator->bytes, 20))
                ip = generator->addresses
                         .items[bytes_below(generator->bytes, (unsigned)generator->addresses.n)];
        else
                ip_parse(pick(generator, elsewhere), &ip);
        *ret = ip;
        return arena_strdup(generator->arena, ip_format(&ip, text));
}

static uint8_t random_length(struct generator *generator, enum family family)
{
        static const uint8_t lengths[FAMILIES][10] = {
            [FAMILY_IPV4] = {32, 32, 31, 30, 28, 24, 22, 16, 1, 0},
            [FAMILY_IPV6] = {128, 128, 127, 126, 124, 64, 62, 48, 1, 0},
        };

        return pick(generator, lengths[family]);
}

/* Strictly inside outer: around an address that somebody has, where one lies there. */
static const char *inner_block(struct generator *generator, const struct prefix *outer)
{
        unsigned bits = family_bits(outer->ip.family);
        struct ip ip;
        char text[PREFIX_TEXT_SIZE];

        for (unsigned tries = 0; tries < 8; tries++) {
                random_address(generator, &ip);
                if (prefix_contains(outer, &ip))
                        break;
                ip = outer->ip;
        }
        unsigned more = 1 + bytes_below(generator->bytes, bits - outer->length);
        unsigned usual = random_length(generator, outer->ip.family);
        struct prefix inner =
            prefix_of(&ip, (uint8_t)(usual > outer->length ? usual : outer->length + more));
        return arena_strdup(generator->arena, prefix_format(&inner, text));
}

static void add_block(struct generator *generator, struct value *peer)
{
        struct arena *arena = generator->arena;
        struct value *block = add_map(arena, peer, "ipBlock"), *except;
        struct ip ip;
        const char *address = random_address(generator, &ip);
        struct prefix outer = prefix_of(&ip, random_length(generator, ip.family));
        char text[PREFIX_TEXT_SIZE];

        /* host bits, as older API servers stored them */
        if (bytes_chance(generator->bytes, 15))
                add_text(arena, block, "cidr", arena_printf(arena, "%s/%u", address, outer.length));
        else
                add_text(arena, block, "cidr", arena_strdup(arena, prefix_format(&outer, text)));
        if (outer.length == family_bits(ip.family) || bytes_chance(generator->bytes, 30))
                return;
        except = add_list(arena, block, "except");
        for (unsigned i = 0, n = bytes_below(generator->bytes, 4); i < n; i++)
                add_text(arena, except, NULL, inner_block(generator, &outer));
}

static void add_peer(struct generator *generator, struct value *list)
{
        struct value *peer = add_map(generator->arena, list, NULL);
        unsigned kind = bytes_below(generator->bytes, 9);

        if (kind < 4) {
                add_block(generator, peer);
                return;
        }
        if (kind != 6) {
                add_selector(generator, peer, "podSelector", LABELS_OF_PODS);
                if (kind < 6 && bytes_chance(generator->bytes, 20))
                        add_null(generator->arena, peer, "namespaceSelector");
        }
        if (kind >= 6)
                add_selector(generator, peer, "namespaceSelector", LABELS_OF_NAMESPACES);
}

static void add_port(struct generator *generator, struct value *list)
{
        static const unsigned numbers[] = {1, 53, 79, 80, 81, 443, 8080, 9090, 65535};
        struct arena *arena = generator->arena;
        struct value *port = add_map(arena, list, NULL);
        unsigned kind = bytes_below(generator->bytes, 10), number;
        size_t n_names;
        const char *const *names = port_names(&n_names);

        add_protocol(generator, port);
        if (kind == 0)
                return; /* all ports of the protocol */
        if (kind <= 4) {
                add_text(arena, port, "port",
                         names[bytes_below(generator->bytes, (unsigned)n_names)]);
                return;
        }
        number = pick(generator, numbers);
        if (generator->number < 65000 && bytes_chance(generator->bytes, 25))
                number = generator->number + 1 + bytes_below(generator->bytes, 2);
        generator->number = number;
        add_number(arena, port, "port", number);
        if (kind == 5)
                add_number(arena, port, "endPort", 65535);
        else if (kind <= 7)
                add_number(arena, port, "endPort",
                           number + bytes_below(generator->bytes, 65536 - number) % 40);
}

/* Lists that mean everything come in three spellings. */
static struct value *add_list_or_nothing(struct generator *generator, struct value *to,
                                         const char *key, unsigned percent)
{
        if (bytes_chance(generator->bytes, percent))
                return add_list(generator->arena, to, key);
        if (bytes_chance(generator->bytes, 30))
                add_null(generator->arena, to, key);
        else if (bytes_chance(generator->bytes, 30))
                add_list(generator->arena, to, key);
        return NULL;
}

/* More ports than one match of the kernel holds, numbers and ranges that do not touch. */
static void add_many_ports(struct generator *generator, struct value *list)
{
        for (unsigned i = 0; i < 20; i++) {
                struct value *port = add_map(generator->arena, list, NULL);
                add_number(generator->arena, port, "port", 70 + i * 7);
                if (bytes_chance(generator->bytes, 40))
                        add_number(generator->arena, port, "endPort", 72 + i * 7);
        }
}

static void add_rule(struct generator *generator, struct value *rules, const char *peers_key)
{
        struct value *rule = add_map(generator->arena, rules, NULL), *list;

        if ((list = add_list_or_nothing(generator, rule, peers_key, 92)))
                for (unsigned i = 0, n = 1 + bytes_below(generator->bytes, 4); i < n; i++)
                        add_peer(generator, list);
        if ((list = add_list_or_nothing(generator, rule, "ports", 60))) {
                if (bytes_chance(generator->bytes, 3))
                        add_many_ports(generator, list);
                for (unsigned i = 0, n = 1 + bytes_below(generator->bytes, 4); i < n; i++)
                        add_port(generator, list);
        }
        vec_push(generator->arena, &generator->rules, rule);
}

static void add_rules(struct generator *generator, struct value *spec, const char *direction,
                      const char *peers_key)
{
        struct value *rules = add_list_or_nothing(generator, spec, direction, 80);

        for (unsigned i = 0, n = bytes_below(generator->bytes, 4); rules && i < n; i++) {
                unsigned known = (unsigned)generator->rules.n;
                if (known > 0 && bytes_chance(generator->bytes, 30))
                        add_variation(generator, rules,
                                      generator->rules.items[bytes_below(generator->bytes, known)],
                                      peers_key);
                else
                        add_rule(generator, rules, peers_key);
        }
}

static void add_types(struct generator *generator, struct value *spec)
{
        static const char *const types[][2] = {
            {NULL, NULL},          {"Ingress", NULL},     {"Egress", NULL},
            {"Ingress", "Egress"}, {"Egress", "Ingress"}, {"Egress", "Egress"},
        };
        const char *const *chosen = pick(generator, types);
        struct value *list = add_list_or_nothing(generator, spec, "policyTypes", 75);

        for (size_t i = 0; list && i < 2; i++)
                if (chosen[i])
                        add_text(generator->arena, list, NULL, chosen[i]);
}

void add_policies(struct generator *generator)
{
        for (unsigned i = 0; i < generator->shape.policies; i++) {
                const char *namespace = namespace_text(
                    generator, bytes_below(generator->bytes, generator->shape.namespaces));
                struct value *metadata, *spec;
                struct value *policy = manifest_add(
                    generator->arena, &generator->manifest, "networking.k8s.io/v1", "NetworkPolicy",
                    namespace, object_text(generator, "policy", i), &metadata);
                spec = add_map(generator->arena, policy, "spec");
                if (bytes_chance(generator->bytes, 30))
                        add_map(generator->arena, spec, "podSelector");
                else if (!bytes_chance(generator->bytes, 15))
                        add_selector(generator, spec, "podSelector", LABELS_OF_PODS);
                add_types(generator, spec);
                add_rules(generator, spec, "ingress", "from");
                add_rules(generator, spec, "egress", "to");
        }
}
