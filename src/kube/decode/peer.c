#include "kube/decode/kinds.h"
#include "kube/decode/selector.h"

/* A peer of a NetworkPolicy: selectors or a block of addresses. CIDRs are read as Kubernetes reads
 * stored ones (semantics 12): host bits are cut, leading zeros are decimal. */

struct block {
        struct prefix prefix;
        bool valid;
};

struct ip_block {
        const char *cidr; /* "" where absent */
        struct {
                struct block *items;
                size_t n;
        } excepts;
};

static void decode_cidr(struct decoder *decoder, const struct field *field, void *target)
{
        field_word(decoder, field, &((struct ip_block *)target)->cidr);
}

static void decode_except(struct decoder *decoder, const struct field *field, void *target)
{
        struct block *block = target;
        const char *text = "";

        if (field_word(decoder, field, &text) || field->value->kind == VALUE_NULL)
                block->valid = field_cidr(decoder, field, text, &block->prefix);
}

static void decode_excepts(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct ip_block *)target)->excepts, decode_except);
}

static const struct member ip_block_members[] = {{"cidr", decode_cidr}, {"except", decode_excepts}};

static void check_excepts(struct decoder *decoder, const struct field *field,
                          const struct ip_block *block, const struct prefix *cidr)
{
        struct field list = field_member(field, "except");
        struct field item = {.parent = &list, .value = list.value->first};

        for (; item.index < block->excepts.n; item.value = item.value->next, item.index++) {
                const struct block *except = &block->excepts.items[item.index];

                if (except->valid && (!prefix_covers(cidr, &except->prefix) ||
                                      cidr->length == except->prefix.length))
                        field_invalid(decoder, &item, "must be a strict subset of `cidr`");
        }
}

static void decode_ip_block(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_peer *peer = target;
        struct ip_block block = {.cidr = ""};
        struct field cidr = field_member(field, "cidr");

        field_object(decoder, field, ip_block_members, &block);
        if (!*block.cidr) {
                if (field_may_be_text(&cidr))
                        field_problem(decoder, &cidr, "Required value");
                return;
        }
        if (!field_cidr(decoder, &cidr, block.cidr, &peer->cidr))
                return;
        check_excepts(decoder, field, &block, &peer->cidr);
        peer->except.items = arena_new_array(decoder->arena, struct prefix, block.excepts.n);
        peer->except.n = block.excepts.n;
        for (size_t i = 0; i < block.excepts.n; i++)
                peer->except.items[i] = block.excepts.items[i].prefix;
}

/* Absent and empty differ here (semantics 4): an empty one selects everything. */
static const struct selector *selector_of(struct decoder *decoder, const struct field *field)
{
        struct selector *selector = arena_new_object(decoder->arena, struct selector);

        decode_selector(decoder, field, selector);
        return selector;
}

static void decode_peer_pods(struct decoder *decoder, const struct field *field, void *target)
{
        ((struct policy_peer *)target)->pod_selector = selector_of(decoder, field);
}

static void decode_peer_namespaces(struct decoder *decoder, const struct field *field, void *target)
{
        ((struct policy_peer *)target)->namespace_selector = selector_of(decoder, field);
}

static const struct member peer_members[] = {
    {"podSelector", decode_peer_pods},
    {"namespaceSelector", decode_peer_namespaces},
    {"ipBlock", decode_ip_block},
};

static bool is_given(const struct field *field, const char *name)
{
        const struct value *value = value_member(field->value, name);

        return value && value->kind != VALUE_NULL;
}

void decode_policy_peer(struct decoder *decoder, const struct field *field, void *target)
{
        bool selects = is_given(field, "podSelector") || is_given(field, "namespaceSelector");
        bool blocks = is_given(field, "ipBlock");

        field_object(decoder, field, peer_members, target);
        if (!selects && !blocks &&
            (field->value->kind == VALUE_MAP || field->value->kind == VALUE_NULL))
                field_problem(decoder, field, "Required value: must specify a peer");
        if (selects && blocks)
                field_problem(decoder, field,
                              "Forbidden: may not specify both ipBlock and another peer");
}
