#include "generator.h"

#include <string.h>

/* Everything around pods and policies. */

const char *namespace_text(struct generator *generator, unsigned index)
{
        static const char *const names[] = {
            "default", "shop", "the-longest-name-that-a-namespace-may-have-as-it-is-a-dns-label",
            "bank",    "lab",  "edge"};

        if (index < ARRAY_SIZE(names))
                return names[index];
        return arena_printf(generator->arena, "ns-%u", index);
}

/* Now and then as long as a name may be. */
const char *object_text(struct generator *generator, const char *kind, unsigned index)
{
        const char *name = arena_printf(generator->arena, "%s-%u", kind, index);

        if (generator->shape.lab || !bytes_chance(generator->bytes, 5))
                return name;
        return arena_printf(generator->arena, "%s-%0*u", name, 252 - (int)strlen(name), 0u);
}

const char *node_text(struct generator *generator, unsigned index)
{
        return arena_printf(generator->arena, "node-%u", index + 1);
}

static const char *const keys[][3] = {
    [LABELS_OF_PODS] = {"app", "tier", "example.com/zone"},
    [LABELS_OF_NAMESPACES] = {"team", "tier", "kubernetes.io/metadata.name"},
};
static const char *const values[] = {"a", "b", "c", ""};

void add_labels(struct generator *generator, struct value *metadata, enum label_alphabet alphabet)
{
        struct value *labels;

        if (bytes_chance(generator->bytes, 10))
                return;
        labels = add_map(generator->arena, metadata, "labels");
        for (size_t i = 0; i < 2u + (alphabet == LABELS_OF_PODS); i++)
                if (bytes_chance(generator->bytes, 65))
                        add_text(generator->arena, labels, keys[alphabet][i],
                                 pick(generator, values));
}

static const char *value_for(struct generator *generator, const char *key)
{
        if (key == keys[LABELS_OF_NAMESPACES][2])
                return namespace_text(generator,
                                      bytes_below(generator->bytes, generator->shape.namespaces));
        return pick(generator, values);
}

static void add_expression(struct generator *generator, struct value *list,
                           enum label_alphabet alphabet)
{
        static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
        unsigned operator= bytes_below(generator->bytes, ARRAY_SIZE(operators));
        struct value *expression = add_map(generator->arena, list, NULL), *wanted;
        const char *key = pick(generator, keys[alphabet]);

        add_text(generator->arena, expression, "key", key);
        add_text(generator->arena, expression, "operator", operators[operator]);
        if (operator>= 2)
                return;
        wanted = add_list(generator->arena, expression, "values");
        for (unsigned i = 0, n = 1 + bytes_below(generator->bytes, 3); i < n; i++)
                add_text(generator->arena, wanted, NULL, value_for(generator, key));
}

void add_selector(struct generator *generator, struct value *to, const char *key,
                  enum label_alphabet alphabet)
{
        struct bytes *bytes = generator->bytes;
        struct value *selector = add_map(generator->arena, to, key), *inner;
        unsigned kind = bytes_below(bytes, 10);

        if (kind <= 1)
                return;
        if (kind <= 6) {
                const char *label = pick(generator, keys[alphabet]);
                inner = add_map(generator->arena, selector, "matchLabels");
                if (kind > 2)
                        add_text(generator->arena, inner, label, value_for(generator, label));
        }
        if (kind >= 6) {
                inner = add_list(generator->arena, selector, "matchExpressions");
                for (unsigned i = 0, n = 1 + bytes_below(bytes, 2); i < n; i++)
                        add_expression(generator, inner, alphabet);
        }
}

void add_protocol(struct generator *generator, struct value *to)
{
        static const char *const protocols[] = {"TCP", "TCP", "UDP", "SCTP"};

        if (bytes_chance(generator->bytes, 60))
                add_text(generator->arena, to, "protocol", pick(generator, protocols));
}

static void add_node_address(struct generator *generator, struct value *list, const char *type,
                             const char *text)
{
        struct value *address = add_map(generator->arena, list, NULL);
        struct ip ip;

        add_text(generator->arena, address, "type", type);
        add_text(generator->arena, address, "address", text);
        if (ip_parse(text, &ip))
                vec_push(generator->arena, &generator->addresses, ip);
}

static void add_nodes(struct generator *generator)
{
        struct arena *arena = generator->arena;

        for (unsigned i = 0; i < generator->shape.nodes; i++) {
                struct value *metadata, *spec, *cidrs, *addresses;
                if (!generator->shape.lab && bytes_chance(generator->bytes, 15))
                        continue; /* only named, by its pods */
                struct value *node = manifest_add(arena, &generator->manifest, "v1", "Node", NULL,
                                                  node_text(generator, i), &metadata);
                spec = add_map(arena, node, "spec");
                cidrs = add_list(arena, spec, "podCIDRs");
                add_text(arena, cidrs, NULL, arena_printf(arena, "10.244.%u.0/24", i + 1));
                add_text(arena, cidrs, NULL, arena_printf(arena, "fd00:10:244:%u::/64", i + 1));
                addresses = add_list(arena, add_map(arena, node, "status"), "addresses");
                add_node_address(generator, addresses, "Hostname", node_text(generator, i));
                add_node_address(generator, addresses, "InternalIP",
                                 arena_printf(arena, "192.168.7.%u", i + 1));
                add_node_address(generator, addresses, "InternalIP",
                                 arena_printf(arena, "fd00:192:168::%u", i + 1));
                if (!generator->shape.lab && bytes_chance(generator->bytes, 30))
                        add_node_address(generator, addresses, "ExternalIP",
                                         arena_printf(arena, "203.0.113.%u", i + 1));
        }
}

static void add_namespaces(struct generator *generator)
{
        for (unsigned i = 0; i < generator->shape.namespaces; i++) {
                struct value *metadata;
                if (bytes_chance(generator->bytes, 25))
                        continue; /* only named, by what is in it */
                manifest_add(generator->arena, &generator->manifest, "v1", "Namespace", NULL,
                             namespace_text(generator, i), &metadata);
                add_labels(generator, metadata, LABELS_OF_NAMESPACES);
        }
}

static unsigned up_to(struct bytes *bytes, unsigned most, unsigned least)
{
        return most <= least ? most : least + bytes_below(bytes, most - least + 1);
}

struct manifest generate_cluster(struct arena *arena, struct bytes *bytes,
                                 const struct shape *shape)
{
        struct generator generator = {.arena = arena, .bytes = bytes, .shape = *shape};

        generator.shape.nodes = up_to(bytes, shape->nodes, 1);
        generator.shape.namespaces = up_to(bytes, shape->namespaces, 1);
        generator.shape.pods = up_to(bytes, shape->pods, shape->pods / 2 + 1);
        generator.shape.policies = up_to(bytes, shape->policies, 1);
        generator.manifest.style = (enum manifest_style)bytes_below(bytes, MANIFEST_STYLES);
        add_nodes(&generator);
        add_namespaces(&generator);
        add_pods(&generator);
        add_policies(&generator);
        return generator.manifest;
}
