#include <string.h>

#include "kube/decode/kinds.h"
#include "kube/decode/meta.h"

/* Node, for its addresses and those that its pods get. */

struct cidr {
        struct prefix prefix;
        bool valid;
};

struct node_target {
        struct node *node;
        struct cidr cidr;
        struct {
                struct cidr *items;
                size_t n;
        } cidrs;
        struct {
                struct ip *items;
                size_t n, cap;
        } addresses;
};

static void decode_pod_cidr(struct decoder *decoder, const struct field *field, void *target)
{
        struct cidr *cidr = &((struct node_target *)target)->cidr;
        const char *text;

        if (field_word(decoder, field, &text) && *text)
                cidr->valid = field_cidr(decoder, field, text, &cidr->prefix);
}

static void decode_listed_cidr(struct decoder *decoder, const struct field *field, void *target)
{
        struct cidr *cidr = target;
        const char *text = "";

        if (field_word(decoder, field, &text) || field->value->kind == VALUE_NULL)
                cidr->valid = field_cidr(decoder, field, text, &cidr->prefix);
}

static void decode_pod_cidrs(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct node_target *)target)->cidrs, decode_listed_cidr);
}

static const struct member spec_members[] = {
    {"podCIDR", decode_pod_cidr},
    {"podCIDRs", decode_pod_cidrs},
};

static void decode_spec(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, spec_members, target);
}

struct address {
        const char *type;
        const char *address;
};

static void decode_address_type(struct decoder *decoder, const struct field *field, void *target)
{
        field_word(decoder, field, &((struct address *)target)->type);
}

static void decode_address_text(struct decoder *decoder, const struct field *field, void *target)
{
        field_word(decoder, field, &((struct address *)target)->address);
}

static const struct member address_members[] = {
    {"type", decode_address_type},
    {"address", decode_address_text},
};

static bool is_listed(const struct node_target *node, const struct ip *ip)
{
        for (size_t i = 0; i < node->addresses.n; i++)
                if (ip_equal(&node->addresses.items[i], ip))
                        return true;
        return false;
}

/* Of other types are names. Clouds are known to write an ExternalIP that is empty. */
static void decode_address(struct decoder *decoder, const struct field *field,
                           struct node_target *node)
{
        struct address address = {"", ""};
        struct field text = field_member(field, "address");
        struct ip ip;

        field_object(decoder, field, address_members, &address);
        if (strcmp(address.type, "InternalIP") != 0 && strcmp(address.type, "ExternalIP") != 0)
                return;
        if (*address.address && field_ip(decoder, &text, address.address, &ip) &&
            !is_listed(node, &ip))
                vec_push(decoder->arena, &node->addresses, ip);
}

static void decode_addresses(struct decoder *decoder, const struct field *field, void *target)
{
        struct field item = {.parent = field};

        if (!field_is(decoder, field, VALUE_LIST))
                return;
        for (item.value = field->value->first; item.value; item.value = item.value->next) {
                decode_address(decoder, &item, target);
                item.index++;
        }
}

static const struct member status_members[] = {{"addresses", decode_addresses}};

static void decode_status(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, status_members, target);
}

static const struct member node_members[] = {{"spec", decode_spec}, {"status", decode_status}};

static void check_cidrs(struct decoder *decoder, const struct field *object,
                        const struct node_target *target)
{
        struct field spec = field_member(object, "spec");
        struct field list = field_member(&spec, "podCIDRs");
        struct field first = field_member(&spec, "podCIDR");
        const struct cidr *cidrs = target->cidrs.items;
        bool two = target->cidrs.n == 2 && cidrs[0].valid && cidrs[1].valid;

        if (target->cidrs.n > 2 || (two && cidrs[0].prefix.ip.family == cidrs[1].prefix.ip.family))
                field_invalid(decoder, &list,
                              "may specify no more than one CIDR for each IP family");
        if (target->cidr.valid && target->cidrs.n > 0 && cidrs[0].valid &&
            !prefix_equal(&target->cidr.prefix, &cidrs[0].prefix))
                field_invalid(decoder, &first, "must be the first of `podCIDRs`");
}

static bool has_cidr_of(const struct node *node, uint8_t family)
{
        for (size_t i = 0; i < node->pod_cidrs.n; i++)
                if (node->pod_cidrs.items[i].ip.family == family)
                        return true;
        return false;
}

static void gather_cidrs(struct decoder *decoder, const struct node_target *target)
{
        struct node *node = target->node;
        const struct cidr *cidrs = target->cidrs.n > 0 ? target->cidrs.items : &target->cidr;
        size_t n = target->cidrs.n > 0 ? target->cidrs.n : target->cidr.valid;

        if (n == 0)
                return;
        node->pod_cidrs.items =
            arena_new_array(decoder->arena, struct prefix, n < FAMILIES ? n : FAMILIES);
        for (size_t i = 0; i < n; i++)
                if (cidrs[i].valid && !has_cidr_of(node, cidrs[i].prefix.ip.family))
                        node->pod_cidrs.items[node->pod_cidrs.n++] = cidrs[i].prefix;
}

void decode_node(struct decoder *decoder, const struct field *object, struct object *ret)
{
        static const struct meta_rules rules = {false, dns_subdomain_faults};
        struct node *node = &ret->node;
        struct node_target target = {.node = node};

        decode_meta(decoder, object, &rules, &node->meta);
        field_object(decoder, object, node_members, &target);
        check_cidrs(decoder, object, &target);
        gather_cidrs(decoder, &target);
        node->addresses.items = target.addresses.items;
        node->addresses.n = target.addresses.n;
}
