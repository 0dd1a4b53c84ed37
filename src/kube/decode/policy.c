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

struct policy_target {
        struct network_policy *policy;
        bool types_given;
};

static void decode_pod_selector(struct decoder *decoder, const struct field *field, void *target)
{
        decode_selector(decoder, field, &((struct policy_target *)target)->policy->pod_selector);
}

static void decode_ingress(struct decoder *decoder, const struct field *field, void *target)
{
        struct network_policy *policy = ((struct policy_target *)target)->policy;

        field_list(decoder, field, &policy->rules[DIRECTION_INGRESS], decode_ingress_rule);
}

static void decode_egress(struct decoder *decoder, const struct field *field, void *target)
{
        struct network_policy *policy = ((struct policy_target *)target)->policy;

        field_list(decoder, field, &policy->rules[DIRECTION_EGRESS], decode_egress_rule);
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

static void decode_types(struct decoder *decoder, const struct field *field, void *target)
{
        struct policy_target *policy = target;
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

void decode_network_policy(struct decoder *decoder, const struct field *object)
{
        static const struct meta_rules rules = {true, dns_subdomain_faults};
        struct network_policy policy = {0};
        struct policy_target target = {.policy = &policy};

        decode_meta(decoder, object, &rules, &policy.meta);
        field_object(decoder, object, policy_members, &target);
        settle_types(&policy, target.types_given);
        if (!decoder->faults)
                vec_push_own(decoder->arena, &decoder->context->cluster->policies, policy);
}
