#include "compile/blocks.h"

/* A sweep over all named prefixes in order, outer before inner, with a stack of those that hold the
 * present one. open counts the blocks that hold it and have no except that holds it too. A prefix
 * becomes an element only where its answer differs from that of the prefix around it. */

struct boundary {
        struct prefix prefix;
        size_t block;
        bool except;
};

struct holder {
        const struct boundary *boundary;
        bool answer; /* of the set so far, for addresses that nothing longer holds */
};

struct sweep {
        struct holder *stack;
        size_t depth;
        unsigned *cuts; /* for each block: excepts around the present prefix */
        size_t open;
};

typedef VEC(struct boundary) boundary_list;

static int boundary_compare(const void *a, const void *b)
{
        const struct boundary *x = a, *y = b;
        int order = prefix_compare(&x->prefix, &y->prefix);

        if (order)
                return order;
        if (x->block != y->block)
                return x->block < y->block ? -1 : 1;
        return (int)x->except - (int)y->except;
}

static void add_boundary(struct arena *arena, boundary_list *list, struct prefix prefix,
                         size_t block, bool except)
{
        if (prefix.length == 0) {
                struct boundary half = {prefix, block, except};
                half.prefix.length = 1;
                vec_push(arena, list, half);
                half.prefix.ip.bytes[0] = 0x80;
                vec_push(arena, list, half);
                return;
        }
        struct boundary boundary = {prefix, block, except};
        vec_push(arena, list, boundary);
}

static void sweep_enter(struct sweep *sweep, const struct boundary *boundary)
{
        bool around = sweep->depth > 0 && sweep->stack[sweep->depth - 1].answer;

        sweep->stack[sweep->depth++] = (struct holder){boundary, around};
        if (!boundary->except)
                sweep->open++;
        else if (sweep->cuts[boundary->block]++ == 0)
                sweep->open--;
}

static void sweep_leave(struct sweep *sweep)
{
        const struct boundary *boundary = sweep->stack[--sweep->depth].boundary;

        if (!boundary->except)
                sweep->open--;
        else if (--sweep->cuts[boundary->block] == 0)
                sweep->open++;
}

static boundary_list boundaries_of(struct arena *arena, const struct policy_rule *rule,
                                   enum family family)
{
        boundary_list list = {0};

        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (!peer_is_ip_block(peer) || peer->cidr.ip.family != family)
                        continue;
                add_boundary(arena, &list, peer->cidr, i, false);
                for (size_t j = 0; j < peer->except.n; j++)
                        add_boundary(arena, &list, peer->except.items[j], i, true);
        }
        vec_sort(&list, boundary_compare);
        return list;
}

struct block_elements blocks_elements(struct arena *arena, const struct policy_rule *rule,
                                      enum family family)
{
        boundary_list list = boundaries_of(arena, rule, family);
        struct block_elements elements = {0};
        struct sweep sweep = {
            .stack = arena_new_array(arena, struct holder, list.n),
            .cuts = arena_new_array(arena, unsigned, rule->peers.n),
        };

        for (size_t i = 0; i < list.n; i++) {
                const struct boundary *boundary = &list.items[i];
                while (sweep.depth > 0 &&
                       !prefix_covers(&sweep.stack[sweep.depth - 1].boundary->prefix,
                                      &boundary->prefix))
                        sweep_leave(&sweep);
                sweep_enter(&sweep, boundary);
                if (i + 1 < list.n && prefix_equal(&list.items[i + 1].prefix, &boundary->prefix))
                        continue;
                struct holder *holder = &sweep.stack[sweep.depth - 1];
                bool in = sweep.open > 0;
                if (in == holder->answer)
                        continue;
                holder->answer = in;
                struct set_element element = {.prefix = boundary->prefix, .nomatch = !in};
                vec_push(arena, &elements.list, element);
        }
        return elements;
}

bool blocks_are_everything(const struct block_elements *elements)
{
        return elements->list.n == 2 && !elements->list.items[0].nomatch &&
               !elements->list.items[1].nomatch && elements->list.items[0].prefix.length == 1 &&
               elements->list.items[1].prefix.length == 1;
}
