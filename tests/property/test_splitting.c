#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "verify/classes.h"

/* Random features over a few crowded corners of the number line, both its ends among them, against
 * membership asked of each range and set one by one. Every address where membership can change is
 * asked, and its neighbours, so that every class must turn up: no two of them alike, none twice. */

#define WORLDS 300

struct part {
        struct ip first, last;
        const struct set *set; /* NULL: the range */
};

struct feature {
        VEC(struct part) parts;
};

struct world {
        struct arena *arena;
        struct bytes bytes;
        enum family family;
        struct ruleset *ruleset;
        VEC(struct feature) features;
        VEC(struct ip) asked;
        VEC(struct ip) singles;
};

/* To the next address or the one before; false at the end of the line. */
static bool step(struct ip *ip, int by)
{
        size_t i = family_bits(ip->family) / 8;

        while (i-- > 0) {
                ip->bytes[i] = (uint8_t)(ip->bytes[i] + by);
                if (ip->bytes[i] != (by > 0 ? 0 : 0xff))
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

/* Mostly one of a few hundred. */
static struct ip random_ip(struct world *world)
{
        struct ip ip = {.family = (uint8_t)world->family};
        unsigned size = family_bits(world->family) / 8, corner = bytes_below(&world->bytes, 8);

        if (corner == 0) {
                for (unsigned i = 0; i < size; i++)
                        ip.bytes[i] = (uint8_t)bytes_below(&world->bytes, 256);
                return ip;
        }
        static const uint8_t fill[] = {0, 0, 0xff, 10, 10, 0x7f, 0x80, 10};
        memset(ip.bytes, fill[corner], size);
        if (corner == 7)
                ip.bytes[bytes_below(&world->bytes, size)] =
                    (uint8_t)bytes_below(&world->bytes, 256);
        ip.bytes[size - 1] =
            (uint8_t)((ip.bytes[size - 1] & 0xe0) + bytes_below(&world->bytes, 32));
        return ip;
}

static void ask(struct world *world, struct ip ip)
{
        struct ip before = ip, after = ip;

        vec_push(world->arena, &world->asked, ip);
        if (step(&before, -1))
                vec_push(world->arena, &world->asked, before);
        if (step(&after, 1))
                vec_push(world->arena, &world->asked, after);
}

static void add_range(struct world *world, struct splitter *splitter, size_t feature,
                      struct ip first, struct ip last)
{
        struct part part = {.first = first, .last = last};

        vec_push(world->arena, &world->features.items[feature].parts, part);
        ask(world, first);
        ask(world, last);
        if (ip_equal(&first, &last))
                vec_push(world->arena, &world->singles, first);
        splitter_add_range(splitter, feature, &first, &last);
}

static struct prefix random_prefix(struct world *world)
{
        unsigned bits = family_bits(world->family);
        struct ip ip = random_ip(world);
        unsigned length = bytes_chance(&world->bytes, 70) ? bits - bytes_below(&world->bytes, 8)
                                                          : bytes_below(&world->bytes, bits + 1);

        return prefix_of(&ip, (uint8_t)length);
}

static void add_prefix(struct world *world, struct splitter *splitter, size_t feature)
{
        struct prefix prefix = random_prefix(world);
        struct part part = {.first = prefix.ip, .last = last_of(&prefix)};

        vec_push(world->arena, &world->features.items[feature].parts, part);
        ask(world, part.first);
        ask(world, part.last);
        if (ip_equal(&part.first, &part.last))
                vec_push(world->arena, &world->singles, part.first);
        splitter_add_prefix(splitter, feature, &prefix);
}

/* Of a whole address the set's own words are not alone on the line: where members and nomatches
 * nest, an address may be left over between them. So only hash:ip says which stand alone. */
static void add_set(struct world *world, struct splitter *splitter, size_t feature)
{
        bool nets = bytes_chance(&world->bytes, 70);
        char *name = arena_printf(world->arena, "set-%zu", feature);
        struct ruleset *ruleset = ruleset_new(world->arena);
        struct set *set =
            ruleset_add_set(ruleset, name, nets ? SET_HASH_NET : SET_HASH_IP, world->family);

        for (unsigned i = bytes_below(&world->bytes, 20); i > 0; i--) {
                struct ip ip = random_ip(world);
                struct set_element element = {.prefix =
                                                  nets ? random_prefix(world) : prefix_host(&ip)};
                element.nomatch = nets && bytes_chance(&world->bytes, 40);
                vec_push(world->arena, &set->elements, element);
                ask(world, element.prefix.ip);
                ask(world, last_of(&element.prefix));
        }
        ruleset_finish(ruleset);
        struct part part = {.set = ruleset_set(ruleset, name)};
        vec_push(world->arena, &world->features.items[feature].parts, part);
        splitter_add_set(splitter, feature, part.set, NULL, NULL);
}

static void add_part(struct world *world, struct splitter *splitter)
{
        size_t feature = bytes_below(&world->bytes, (unsigned)world->features.n);
        struct ip first = random_ip(world), last = random_ip(world);

        switch (bytes_below(&world->bytes, 4)) {
        case 0:
                add_range(world, splitter, feature, first, last); /* backwards: none */
                break;
        case 1:
                add_range(world, splitter, feature, first, first);
                break;
        case 2:
                add_prefix(world, splitter, feature);
                break;
        default:
                add_set(world, splitter, feature);
        }
}

/* The longest decides; of one that is given both ways, the member. */
static bool in_set(const struct set *set, const struct ip *ip)
{
        int longest = -1;
        bool member = false;

        vec_foreach (const struct set_element, element, &set->elements) {
                if (!prefix_contains(&element->prefix, ip) || element->prefix.length < longest)
                        continue;
                if (element->prefix.length > longest)
                        member = false;
                longest = element->prefix.length;
                member |= !element->nomatch;
        }
        return member;
}

static bool in_feature(const struct feature *feature, const struct ip *ip)
{
        vec_foreach (const struct part, part, &feature->parts)
                if (part->set
                        ? in_set(part->set, ip)
                        : ip_compare(&part->first, ip) <= 0 && ip_compare(ip, &part->last) <= 0)
                        return true;
        return false;
}

/* "0110…", by feature. */
static char *signature(const struct world *world, const struct ip *ip)
{
        char *text = arena_new_array(world->arena, char, world->features.n + 1);

        for (size_t i = 0; i < world->features.n; i++)
                text[i] = in_feature(&world->features.items[i], ip) ? '1' : '0';
        return text;
}

static void fail_at(const struct world *world, unsigned seed, const struct ip *ip, const char *what)
{
        char text[IP_TEXT_SIZE];

        fail_msg("seed %u, %s: %s: the features are %s", seed, ip_format(ip, text), what,
                 signature(world, ip));
}

static void check_addresses(struct world *world, const struct address_classes *classes,
                            unsigned seed)
{
        const char **of_class = arena_new_array(world->arena, const char *, classes->n);
        struct map *known = map_new(world->arena);

        vec_foreach (const struct ip, ip, &world->asked) {
                size_t class = address_class(classes, ip);
                const char *expected = signature(world, ip);

                assert_true(class < classes->n);
                for (size_t i = 0; i < world->features.n; i++)
                        if (bits_get(classes->features[i], class) != (expected[i] == '1'))
                                fail_at(world, seed, ip, "its class has other features");
                if (of_class[class] && strcmp(of_class[class], expected) != 0)
                        fail_at(world, seed, ip, "its class has addresses with other features");
                const size_t *other = map_get(known, expected);
                if (other && *other != class)
                        fail_at(world, seed, ip, "another class has the same features");
                of_class[class] = expected;
                if (!other)
                        map_put(known, expected, arena_copy(world->arena, &class, sizeof(class)));
        }
        if (map_size(known) != classes->n)
                fail_msg("seed %u: %zu classes, %zu were found", seed, classes->n, map_size(known));
}

static void check_ranges(const struct world *world, const struct address_classes *classes)
{
        struct ip zero = {.family = (uint8_t)world->family};

        assert_true(ip_equal(&classes->ranges[0].first, &zero));
        for (size_t i = 1; i < classes->n_ranges; i++) {
                assert_true(ip_compare(&classes->ranges[i - 1].first, &classes->ranges[i].first) <
                            0);
                assert_true(classes->ranges[i - 1].class != classes->ranges[i].class);
        }
        for (size_t i = 0; i < classes->n_features; i++)
                if (classes->n % BITS_WORD)
                        assert_int_equal(classes->features[i][classes->n / BITS_WORD] >>
                                             classes->n % BITS_WORD,
                                         0);
}

static void check_examples(const struct world *world, const struct address_classes *classes)
{
        for (size_t i = 0; i < classes->n; i++)
                assert_int_equal(address_class(classes, &classes->examples[i]), i);
        vec_foreach (const struct ip, ip, &world->singles) {
                const struct ip *example = &classes->examples[address_class(classes, ip)];
                bool alone = false;

                assert_true(ip_compare(example, ip) <= 0 || ip->family != example->family);
                vec_foreach (const struct ip, single, &world->singles)
                        alone |= ip_equal(single, example);
                assert_true(alone);
        }
}

/* With only_ranges no set is added, and what stands alone is known in full. */
static void check_world(enum family family, unsigned seed, bool only_ranges)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct world world = {
            .arena = arena,
            .bytes = bytes_of_seed(seed),
            .family = family,
        };
        struct splitter *splitter = splitter_new(arena, family);
        unsigned n = 1 + bytes_below(&world.bytes, bytes_chance(&world.bytes, 20) ? 140 : 12);
        struct ip zero = {.family = (uint8_t)family};

        for (unsigned i = 0; i < n; i++) {
                vec_push(arena, &world.features, (struct feature){0});
                assert_int_equal(splitter_add_feature(splitter), i);
        }
        ask(&world, zero);
        ask(&world, last_of(&(struct prefix){.ip = zero}));
        for (unsigned i = bytes_below(&world.bytes, 3 * n + 8); i > 0; i--)
                if (only_ranges) {
                        struct ip first = random_ip(&world);
                        struct ip last = bytes_chance(&world.bytes, 50) ? first : random_ip(&world);
                        add_range(&world, splitter, bytes_below(&world.bytes, n), first, last);
                } else {
                        add_part(&world, splitter);
                }
        for (unsigned i = 0; i < 50; i++)
                vec_push(arena, &world.asked, random_ip(&world));

        struct address_classes *classes = splitter_split(arena, splitter);
        assert_int_equal(classes->n_features, n);
        check_addresses(&world, classes, seed);
        check_ranges(&world, classes);
        if (only_ranges)
                check_examples(&world, classes);
}

static void test_ipv4(void **state)
{
        for (unsigned seed = 0; seed < WORLDS; seed++)
                check_world(FAMILY_IPV4, seed, seed % 3 == 0);
}

static void test_ipv6(void **state)
{
        for (unsigned seed = 0; seed < WORLDS; seed++)
                check_world(FAMILY_IPV6, seed, seed % 3 == 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_ipv4),
            cmocka_unit_test(test_ipv6),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
