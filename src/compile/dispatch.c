#include "compile/dispatch.h"

#include "base/decimal.h"
#include "compile/link.h"

#define FAN_OUT_BITS 3 /* eight ways: four cost 0.04 of conntrack more, sixteen gain nothing */
#define LEAF_RULES   4 /* so few addresses are a list */
#define MAX_LEVELS   6 /* nf_tables allows 16 chains in a row; below, however they lie, a list */

struct leaf {
        struct ip ip;
        const struct member *member;
};

struct tree {
        struct compiler *compiler;
        struct table *table;
        enum direction direction;
        bool link;
};

static int leaf_compare(const void *a, const void *b)
{
        return ip_compare(&((const struct leaf *)a)->ip, &((const struct leaf *)b)->ip);
}

static void add_goto(struct tree *tree, struct chain *chain, struct prefix prefix, const char *to,
                     const char *comment)
{
        struct match match = {.kind = subject_match(tree->direction), .prefix = prefix};

        compiler_add_rule(tree->compiler, chain, &match, 1, comment,
                          (struct target){.kind = TARGET_GOTO, .text = to});
}

/* Of both ends: what a pod sends to itself (by a Service that leads back) is nobody's, and returns.
 */
static void add_leaf(struct tree *tree, struct chain *chain, const struct leaf *leaf)
{
        bool ingress = tree->direction == DIRECTION_INGRESS;
        struct prefix host = prefix_host(&leaf->ip);
        struct match matches[] = {
            {.kind = MATCH_SOURCE, .prefix = host, .invert = ingress},
            {.kind = MATCH_DESTINATION, .prefix = host, .invert = !ingress},
        };

        compiler_add_rule(tree->compiler, chain, matches, ARRAY_SIZE(matches),
                          compiler_comment(tree->compiler, "pod", &leaf->member->pod->meta, ""),
                          (struct target){.kind = TARGET_GOTO, .text = leaf->member->class->chain});
}

/* The first bit in which sorted addresses differ. */
static unsigned common_bits(const struct leaf *leaves, size_t n)
{
        unsigned bits = family_bits(leaves[0].ip.family), i = 0;

        while (i < bits && ip_bit(&leaves[0].ip, i) == ip_bit(&leaves[n - 1].ip, i))
                i++;
        return i;
}

static size_t group_size(const struct leaf *leaves, size_t n, const struct prefix *prefix)
{
        size_t size = 1;

        while (size < n && prefix_contains(prefix, &leaves[size].ip))
                size++;
        return size;
}

static const char *subtree_name(struct tree *tree, const struct prefix *prefix)
{
        struct strbuf *key = key_begin(tree->compiler, "tree");
        char text[PREFIX_TEXT_SIZE];

        key_add(key, direction_name(tree->direction));
        key_add(key, prefix_format(prefix, text));
        return compiler_name(tree->compiler, tree->direction == DIRECTION_INGRESS
                                                 ? CHAIN_PREFIX "IT-"
                                                 : CHAIN_PREFIX "ET-")
            ->text;
}

static void add_list(struct tree *tree, struct chain *chain, const struct leaf *leaves, size_t n)
{
        for (size_t i = 0; i < n; i++)
                add_leaf(tree, chain, &leaves[i]);
}

static void end_chain(struct tree *tree, struct chain *chain)
{
        if (tree->link && tree->direction == DIRECTION_INGRESS)
                link_add_destinations(tree->compiler, chain, tree->table->family);
}

static void add_chain(struct tree *tree, const char *name, const struct leaf *leaves, size_t n,
                      unsigned level)
{
        struct chain *chain = table_add_chain(tree->compiler->ruleset, tree->table, name);

        if (n <= LEAF_RULES || level == MAX_LEVELS) {
                add_list(tree, chain, leaves, n);
                end_chain(tree, chain);
                return;
        }
        unsigned length = common_bits(leaves, n) + FAN_OUT_BITS;
        if (length > family_bits(leaves[0].ip.family))
                length = family_bits(leaves[0].ip.family);
        struct {
                const char *name;
                const struct leaf *leaves;
                size_t n;
        } below[1 << FAN_OUT_BITS];
        size_t n_below = 0;
        for (size_t i = 0, size; i < n; i += size) {
                struct prefix prefix = prefix_of(&leaves[i].ip, (uint8_t)length);
                char text[PREFIX_TEXT_SIZE], number[DECIMAL_SIZE];
                size = group_size(leaves + i, n - i, &prefix);
                if (size == 1) {
                        add_leaf(tree, chain, &leaves[i]);
                        continue;
                }
                below[n_below].name = subtree_name(tree, &prefix);
                below[n_below].leaves = leaves + i;
                below[n_below].n = size;
                decimal_put(number, size);
                add_goto(tree, chain, prefix, below[n_below].name,
                         arena_join(tree->compiler->arena, "penstock: ", number, " pods in ",
                                    prefix_format(&prefix, text)));
                n_below++;
        }
        end_chain(tree, chain);
        for (size_t i = 0; i < n_below; i++)
                add_chain(tree, below[i].name, below[i].leaves, below[i].n, level + 1);
}

void dispatch_compile(struct compiler *compiler, struct table *table, const char *root,
                      const struct classes *classes, enum direction direction, bool link)
{
        struct tree tree = {compiler, table, direction, link};
        VEC(struct leaf) leaves = {0};

        vec_foreach (const struct member, member, &classes->members) {
                const struct ip *ip = pod_ip(member->pod, table->family);
                if (!ip)
                        continue;
                struct leaf leaf = {*ip, member};
                vec_push(compiler->scratch, &leaves, leaf);
        }
        vec_sort(&leaves, leaf_compare);
        add_chain(&tree, root, leaves.items, leaves.n, 1);
}
