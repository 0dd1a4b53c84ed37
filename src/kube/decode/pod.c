#include <string.h>

#include "kube/decode/container.h"
#include "kube/decode/kinds.h"
#include "kube/decode/meta.h"

/* Pod: where it runs, its phase, its addresses, its ports. */

struct containers {
        struct container *items;
        size_t n;
};

struct address {
        struct ip ip;
        bool given;
        bool valid;
};

struct pod_target {
        struct pod *pod;
        struct containers containers, init_containers;
        bool wrong_ports;
        struct address ip;
        struct {
                struct address *items;
                size_t n;
        } ips;
};

static void decode_list(struct decoder *decoder, const struct field *field,
                        struct pod_target *target, struct containers *containers)
{
        size_t faults = decoder->faults;

        field_list(decoder, field, containers, decode_container);
        target->wrong_ports |= decoder->faults > faults;
}

static void decode_containers(struct decoder *decoder, const struct field *field, void *target)
{
        decode_list(decoder, field, target, &((struct pod_target *)target)->containers);
}

static void decode_init_containers(struct decoder *decoder, const struct field *field, void *target)
{
        decode_list(decoder, field, target, &((struct pod_target *)target)->init_containers);
}

static void decode_node_name(struct decoder *decoder, const struct field *field, void *target)
{
        struct pod *pod = ((struct pod_target *)target)->pod;
        const char *name;

        if (!field_text(decoder, field, &name) || !*name)
                return;
        field_faults(decoder, field, name, dns_subdomain_faults(name));
        if (dns_subdomain_faults(name).n == 0)
                pod->node = name;
}

static void decode_host_network(struct decoder *decoder, const struct field *field, void *target)
{
        field_flag(decoder, field, &((struct pod_target *)target)->pod->host_network);
}

static const struct member spec_members[] = {
    {"containers", decode_containers},
    {"initContainers", decode_init_containers},
    {"nodeName", decode_node_name},
    {"hostNetwork", decode_host_network},
};

static void decode_spec(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, spec_members, target);
}

/* The API server takes any phase; one that is not known here might mean that the pod has ended. As
 * long as nobody says so, it is taken to live. */
static void decode_phase(struct decoder *decoder, const struct field *field, void *target)
{
        struct pod *pod = ((struct pod_target *)target)->pod;
        const char *phase;

        if (!field_word(decoder, field, &phase) || !*phase)
                return;
        for (int i = 0; i < POD_PHASES; i++)
                if (strcmp(pod_phase_name((enum pod_phase)i), phase) == 0) {
                        pod->phase = (enum pod_phase)i;
                        return;
                }
        pod->phase = POD_UNKNOWN;
        field_unsupported(decoder, field, phase,
                          "\"Failed\", \"Pending\", \"Running\", \"Succeeded\", \"Unknown\"");
}

static void decode_pod_ip(struct decoder *decoder, const struct field *field, void *target)
{
        struct address *address = &((struct pod_target *)target)->ip;
        const char *text;

        if (field_word(decoder, field, &text) && *text)
                address->valid = field_ip(decoder, field, text, &address->ip);
}

static void decode_listed_address(struct decoder *decoder, const struct field *field, void *target)
{
        struct address *address = target;
        const char *text;

        if (field_word(decoder, field, &text))
                address->valid = field_ip(decoder, field, text, &address->ip);
        address->given = true;
}

static const struct member pod_ip_members[] = {{"ip", decode_listed_address}};

static void decode_listed_ip(struct decoder *decoder, const struct field *field, void *target)
{
        struct address *address = target;
        struct field ip = field_member(field, "ip");

        field_object(decoder, field, pod_ip_members, address);
        if (!address->given && field->value->kind == VALUE_MAP && field_may_be_text(&ip))
                field_problem(decoder, &ip, "Required value");
}

static void decode_pod_ips(struct decoder *decoder, const struct field *field, void *target)
{
        field_list(decoder, field, &((struct pod_target *)target)->ips, decode_listed_ip);
}

static const struct member status_members[] = {
    {"phase", decode_phase},
    {"podIP", decode_pod_ip},
    {"podIPs", decode_pod_ips},
};

static void decode_status(struct decoder *decoder, const struct field *field, void *target)
{
        field_object(decoder, field, status_members, target);
}

static const struct member pod_members[] = {{"spec", decode_spec}, {"status", decode_status}};

static size_t count_ports(const struct containers *containers, bool restartable_only)
{
        size_t n = 0;

        for (size_t i = 0; i < containers->n; i++)
                if (!restartable_only || containers->items[i].restarts)
                        n += containers->items[i].ports.n;
        return n;
}

static void add_ports(struct pod *pod, const struct containers *containers, bool restartable_only)
{
        for (size_t i = 0; i < containers->n; i++) {
                const struct container *container = &containers->items[i];

                if (restartable_only && !container->restarts)
                        continue;
                for (size_t j = 0; j < container->ports.n; j++)
                        pod->ports.items[pod->ports.n++] = container->ports.items[j];
        }
}

static void gather_ports(struct decoder *decoder, const struct pod_target *target)
{
        size_t n =
            count_ports(&target->containers, false) + count_ports(&target->init_containers, true);

        if (n == 0 || target->wrong_ports)
                return;
        target->pod->ports.items = arena_new_array(decoder->arena, struct container_port, n);
        add_ports(target->pod, &target->containers, false);
        add_ports(target->pod, &target->init_containers, true);
}

/* Semantics 29: a pod has one address of a family at most. What stands in podIP comes first in
 * podIPs; the API server sees to that, so that data in which they differ was made by hand. */
static void check_pod_ips(struct decoder *decoder, const struct field *object,
                          const struct pod_target *target)
{
        struct field status = field_member(object, "status");
        struct field list = field_member(&status, "podIPs");
        struct field first = field_member(&status, "podIP");
        const struct address *ips = target->ips.items;
        bool two = target->ips.n == 2 && ips[0].valid && ips[1].valid;

        if (target->ips.n > 2 || (two && ips[0].ip.family == ips[1].ip.family))
                field_invalid(decoder, &list, "may specify no more than one IP for each IP family");
        if (target->ip.valid && target->ips.n > 0 && ips[0].valid &&
            !ip_equal(&target->ip.ip, &ips[0].ip))
                field_invalid(decoder, &first, "must be the first of `podIPs`");
}

static void check_special_ip(struct decoder *decoder, const struct field *field,
                             struct address *address)
{
        if (address->valid)
                address->valid = !field_special_ip(decoder, field, &address->ip);
}

/* A pod on the node's own network has the node's addresses, whatever they are. */
static void check_special_ips(struct decoder *decoder, const struct field *object,
                              struct pod_target *target)
{
        struct field status = field_member(object, "status");
        struct field list = field_member(&status, "podIPs");
        struct field first = field_member(&status, "podIP");
        struct field item = {.parent = &list, .value = list.value->first};

        if (target->pod->host_network)
                return;
        if (target->ips.n == 0)
                check_special_ip(decoder, &first, &target->ip);
        for (; item.index < target->ips.n; item.value = item.value->next, item.index++) {
                struct field ip = field_member(&item, "ip");

                check_special_ip(decoder, &ip, &target->ips.items[item.index]);
        }
}

static void gather_ips(struct decoder *decoder, const struct pod_target *target)
{
        struct pod *pod = target->pod;
        const struct address *addresses = target->ips.n > 0 ? target->ips.items : &target->ip;
        size_t n = target->ips.n > 0 ? target->ips.n : target->ip.valid;

        if (n == 0)
                return;
        pod->ips.items = arena_new_array(decoder->arena, struct ip, n < FAMILIES ? n : FAMILIES);
        for (size_t i = 0; i < n; i++)
                if (addresses[i].valid && !pod_ip(pod, addresses[i].ip.family))
                        pod->ips.items[pod->ips.n++] = addresses[i].ip;
}

void decode_pod(struct decoder *decoder, const struct field *object, struct object *ret)
{
        static const struct meta_rules rules = {true, dns_subdomain_faults};
        struct pod_target target = {.pod = &ret->pod};

        ret->pod.node = intern_text(decoder->context->intern, "");
        decode_meta(decoder, object, &rules, &ret->meta);
        field_object(decoder, object, pod_members, &target);
        check_pod_ips(decoder, object, &target);
        check_special_ips(decoder, object, &target);
        gather_ports(decoder, &target);
        gather_ips(decoder, &target);
}
