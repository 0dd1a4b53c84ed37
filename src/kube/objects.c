#include "kube/objects.h"

const char *direction_name(enum direction direction)
{
        return direction == DIRECTION_INGRESS ? "ingress" : "egress";
}

const char *pod_phase_name(enum pod_phase phase)
{
        static const char *const names[POD_PHASES] = {
            [POD_PENDING] = "Pending", [POD_RUNNING] = "Running", [POD_SUCCEEDED] = "Succeeded",
            [POD_FAILED] = "Failed",   [POD_UNKNOWN] = "Unknown",
        };

        return names[phase];
}

bool peer_is_ip_block(const struct policy_peer *peer)
{
        return !peer->pod_selector && !peer->namespace_selector;
}

bool ip_block_holds(const struct policy_peer *block, const struct ip *ip)
{
        if (!prefix_contains(&block->cidr, ip))
                return false;
        for (size_t i = 0; i < block->except.n; i++)
                if (prefix_contains(&block->except.items[i], ip))
                        return false;
        return true;
}

int ip_block_compare(const struct policy_peer *a, const struct policy_peer *b)
{
        int order = prefix_compare(&a->cidr, &b->cidr);

        if (!order)
                order = (a->except.n > b->except.n) - (a->except.n < b->except.n);
        for (size_t i = 0; !order && i < a->except.n; i++)
                order = prefix_compare(&a->except.items[i], &b->except.items[i]);
        return order;
}

bool pod_finished(const struct pod *pod)
{
        return pod->phase == POD_SUCCEEDED || pod->phase == POD_FAILED;
}

bool pod_takes_part(const struct pod *pod)
{
        return !pod_finished(pod) && !pod->host_network;
}

bool pod_named_port(const struct pod *pod, const char *name, enum protocol protocol, uint16_t *ret)
{
        for (size_t i = 0; i < pod->ports.n; i++) {
                const struct container_port *port = &pod->ports.items[i];

                if (port->name == name && port->protocol == protocol) {
                        *ret = port->port;
                        return true;
                }
        }
        return false;
}

const struct ip *pod_ip(const struct pod *pod, enum family family)
{
        return ip_of_family(pod->ips.items, pod->ips.n, family);
}

const struct api_kind api_kinds[OBJECT_KINDS] = {
    [KIND_NAMESPACE] = {"Namespace", "", "v1", "namespaces", false},
    [KIND_NODE] = {"Node", "", "v1", "nodes", false},
    [KIND_POD] = {"Pod", "", "v1", "pods", true},
    [KIND_NETWORK_POLICY] = {"NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies", true},
};
