#include <string.h>

#include "kube/decode/kinds.h"
#include "kube/decode/meta.h"
#include "kube/decode/selector.h"

/* NetworkPolicy of networking.k8s.io/v1: each of the API's types is a table of its fields and a
 * function that checks what holds between them. Peers are next door. */

struct port_target {
        enum protocol protocol;
        const char *name;
        int32_t number, end;
        bool has_number, has_end;
};

static void decode_protocol(struct decoder *decoder, const struct field *field, void *target)
{
        field_protocol(decoder, field, "\"TCP\", \"UDP\", \"SCTP\"",
                       &((struct port_target *)target)->protocol);
}

/* The type alone tells a name from a number: "80" is a name, and not a valid one. */
static void decode_port_value(struct decoder *decoder, const struct field *field, void *target)
{
        struct port_target *port = target;

        if (field->value->kind == VALUE_STRING) {
                field_text(decoder, field, &port->name);
                field_faults(decoder, field, port->name, port_name_faults(port->name));
        } else if (field->value->kind != VALUE_NUMBER) {
                field_wrong_type(decoder, field, "int32 or string");
        } else if (field_int32(decoder, field, &port->number)) {
                port->has_number = true;
                field_port_number(decoder, field, port->number);
        }
}

static void decode_end_port(struct decoder *decoder, const struct field *field, void *target)
{
        struct port_target *port = target;

        port->has_end = field_int32(decoder, field, &port->end);
}

static const struct member port_members[] = {
    {"protocol", decode_protocol},
    {"port", decode_port_value},
    {"endPort", decode_end_port},
};

/* given: is there a port at all, valid or not? */
static void check_end_port(struct decoder *decoder, const struct field *field,
                           const struct port_target *port, bool given)
{
        if (port->has_number) {
                if (port->end < port->number)
                        field_invalid(decoder, field, "must be greater than or equal to `port`");
                field_port_number(decoder, field, port->end);
        } else if (port->name) {
                field_invalid(decoder, field, "may not be specified when `port` is non-numeric");
        } else if (!given) {
                field_invalid(decoder, field, "may not be specified when `port` is not specified");
        }
}

static void decode_port(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_port *ret = target;
        struct port_target port = {.protocol = PROTOCOL_TCP};

        field_object(decoder, field, port_members, &port);
        if (port.has_end) {
                const struct value *given = value_member(field->value, "port");
                struct field end = field_member(field, "endPort");

                check_end_port(decoder, &end, &port, given && given->kind != VALUE_NULL);
        }
        ret->protocol = port.protocol;
        ret->name = port.name;
        ret->range = PORT_RANGE_ALL;
        if (port.has_number) {
                ret->range.first = (uint16_t)port.number;
                ret->range.last = (uint16_t)(port.has_end ? port.end : port.number);
        }
}

static void decode_ports(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct policy_rule *)target)->ports, decode_port);
}

static void decode_peers(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct policy_rule *)target)->peers, decode_policy_peer);
}

static const struct member ingress_members[] = {{"ports", decode_ports}, {"from", decode_peers}};
static const struct member egress_members[] = {{"ports", decode_ports}, {"to", decode_peers}};

static void decode_ingress_rule(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, ingress_members, target);
}

static void decode_egress_rule(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, egress_members, target);
}

/* A part of the spec that says what a policy closes: wrong where it, or that it stands there twice,
 * is a problem. */
struct part {
        bool given, wrong;
};

struct policy_target {
        struct network_policy *policy;
        struct part selector, types, egress;
        size_t part_faults; /* of all parts */
        bool types_given;   /* at least one */
};

static void part_ends(struct decoder *decoder, struct policy_target *target, size_t faults,
                      struct part *part)
{
        target->part_faults += decoder->faults - faults;
        part->wrong |= part->given || decoder->faults > faults;
        part->given = true;
}

static void decode_pod_selector(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_target *policy = target;
        size_t faults = decoder->faults;

        decode_selector(decoder, field, &policy->policy->pod_selector);
        part_ends(decoder, policy, faults, &policy->selector);
}

static void decode_ingress(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_target *policy = target;
        struct part ingress = {0};
        size_t faults = decoder->faults;

        field_list(decoder, field, &policy->policy->rules[DIRECTION_INGRESS], decode_ingress_rule);
        part_ends(decoder, policy, faults, &ingress);
}

static void decode_egress(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_target *policy = target;
        size_t faults = decoder->faults;

        field_list(decoder, field, &policy->policy->rules[DIRECTION_EGRESS], decode_egress_rule);
        part_ends(decoder, policy, faults, &policy->egress);
}

static void decode_type(struct decoder *decoder, const struct field *field,
                        struct network_policy *policy)
{
        const char *type = "";

        if (!field_word(decoder, field, &type) && field->value->kind != VALUE_NULL)
                return;
        if (strcmp(type, "Ingress") == 0)
                policy->rules[DIRECTION_INGRESS].isolates = true;
        else if (strcmp(type, "Egress") == 0)
                policy->rules[DIRECTION_EGRESS].isolates = true;
        else
                field_unsupported(decoder, field, type, "\"Ingress\", \"Egress\"");
}

static void decode_type_list(struct decoder *decoder, const struct field *field,
                             struct policy_target *policy)
{
        size_t n = 0;

        if (!field_is(decoder, field, VALUE_LIST))
                return;
        for (const struct value *type = field->value->first; type; type = type->next)
                n++;
        policy->types_given = n > 0;
        if (n > DIRECTIONS) {
                field_invalid(decoder, field, "may not specify more than two policyTypes");
                return;
        }
        struct field item = {.parent = field, .value = field->value->first};
        for (; item.value; item.value = item.value->next, item.index++)
                decode_type(decoder, &item, policy->policy);
}

static void decode_types(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_target *policy = target;
        size_t faults = decoder->faults;

        decode_type_list(decoder, field, policy);
        part_ends(decoder, policy, faults, &policy->types);
}

static const struct member spec_members[] = {
    {"podSelector", decode_pod_selector},
    {"ingress", decode_ingress},
    {"egress", decode_egress},
    {"policyTypes", decode_types},
};

static void decode_spec(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, spec_members, target);
}

/* Kubernetes 1.24 to 1.27 wrote a status, which says nothing and is in what they printed. */
static const struct member policy_members[] = {
    {"apiVersion", NULL},  {"kind", NULL},   {"metadata", NULL},
    {"spec", decode_spec}, {"status", NULL},
};

/* Semantics 2 and 7: derive what isn't given; rules of other directions mean nothing. */
static void settle_types(struct network_policy *policy, bool given)
{
        if (!given) {
                policy->rules[DIRECTION_INGRESS].isolates = true;
                policy->rules[DIRECTION_EGRESS].isolates = policy->rules[DIRECTION_EGRESS].n > 0;
        }
        for (int direction = 0; direction < DIRECTIONS; direction++)
                if (!policy->rules[direction].isolates)
                        policy->rules[direction] = (struct policy_rules){0};
}

/* What is left when something is wrong might allow more than what was meant. stray: something is
 * wrong outside of the parts, and may be what was to be one of them. */
static void close_policy(struct network_policy *policy, const struct policy_target *target,
                         bool stray)
{
        bool both =
            target->types.wrong || (!target->types_given && (target->egress.wrong || stray));

        for (int direction = 0; direction < DIRECTIONS; direction++)
                policy->rules[direction] =
                    (struct policy_rules){.isolates = both || policy->rules[direction].isolates};
        if (target->selector.wrong)
                policy->pod_selector = (struct selector){0};
}

void decode_network_policy(struct decoder *decoder, const struct field *object, struct object *ret)
{
        static const struct meta_rules rules = {true, dns_subdomain_faults};
        struct network_policy *policy = &ret->policy;
        struct policy_target target = {.policy = policy};

        decode_meta(decoder, object, &rules, &policy->meta);
        size_t faults = decoder->faults;
        field_object(decoder, object, policy_members, &target);
        settle_types(policy, target.types_given);
        if (decoder->faults)
                close_policy(policy, &target, decoder->faults - faults > target.part_faults);
}
