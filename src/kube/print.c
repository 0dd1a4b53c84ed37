#include "kube/print.h"

#include <stdio.h>
#include <time.h>

#include "kube/copy.h"

static void print_time(struct json_print *json, const char *key, int64_t seconds)
{
        char text[64];
        time_t time = seconds;
        struct tm tm;

        if (!gmtime_r(&time, &tm))
                return;
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        json_text(json, key, text);
}

static void print_text_given(struct json_print *json, const char *key, const char *text)
{
        if (*text)
                json_text(json, key, text);
}

static void print_meta(struct json_print *json, const struct meta *meta)
{
        json_open(json, "metadata", '{');
        json_text(json, "name", meta->name);
        print_text_given(json, "namespace", meta->namespace);
        print_text_given(json, "uid", meta->uid);
        if (meta->labels.n) {
                json_open(json, "labels", '{');
                for (size_t i = 0; i < meta->labels.n; i++)
                        json_text(json, meta->labels.items[i].key, meta->labels.items[i].value);
                json_close(json, '}');
        }
        if (meta->created)
                print_time(json, "creationTimestamp", meta->created);
        if (meta->terminating)
                print_time(json, "deletionTimestamp", 0);
        json_close(json, '}');
}

static void print_ip(struct json_print *json, const char *key, const struct ip *ip)
{
        char text[IP_TEXT_SIZE];

        json_text(json, key, ip_format(ip, text));
}

static void print_prefixes(struct json_print *json, const char *key, const struct prefix *items,
                           size_t n)
{
        char text[PREFIX_TEXT_SIZE];

        if (n == 0)
                return;
        json_open(json, key, '[');
        for (size_t i = 0; i < n; i++)
                json_text(json, NULL, prefix_format(&items[i], text));
        json_close(json, ']');
}

static void print_node(struct json_print *json, const struct object *object)
{
        const struct node *node = &object->node;

        json_open(json, "spec", '{');
        print_prefixes(json, "podCIDRs", node->pod_cidrs.items, node->pod_cidrs.n);
        json_close(json, '}');
        json_open(json, "status", '{');
        json_open(json, "addresses", '[');
        for (size_t i = 0; i < node->addresses.n; i++) {
                json_open(json, NULL, '{');
                json_text(json, "type", "InternalIP");
                print_ip(json, "address", &node->addresses.items[i]);
                json_close(json, '}');
        }
        json_close(json, ']');
        json_close(json, '}');
}

/* A container for each: two ports of one container may not have one name. */
static void print_container(struct json_print *json, const struct container_port *port)
{
        json_open(json, NULL, '{');
        json_open(json, "ports", '[');
        json_open(json, NULL, '{');
        if (port->name)
                json_text(json, "name", port->name);
        json_number(json, "containerPort", port->port);
        json_text(json, "protocol", protocol_name(port->protocol));
        json_close(json, '}');
        json_close(json, ']');
        json_close(json, '}');
}

static void print_pod_spec(struct json_print *json, const struct pod *pod)
{
        json_open(json, "spec", '{');
        print_text_given(json, "nodeName", pod->node);
        if (pod->host_network)
                json_bool(json, "hostNetwork", true);
        json_open(json, "containers", '[');
        for (size_t i = 0; i < pod->ports.n; i++)
                print_container(json, &pod->ports.items[i]);
        json_close(json, ']');
        json_close(json, '}');
}

static void print_pod(struct json_print *json, const struct object *object)
{
        const struct pod *pod = &object->pod;
        const struct pod_ips *ips = pod->given.n ? &pod->given : &pod->ips;

        print_pod_spec(json, pod);
        json_open(json, "status", '{');
        json_text(json, "phase", pod_phase_name(pod->phase));
        if (ips->n)
                json_open(json, "podIPs", '[');
        for (size_t i = 0; i < ips->n; i++) {
                json_open(json, NULL, '{');
                print_ip(json, "ip", &ips->items[i]);
                json_close(json, '}');
        }
        if (ips->n)
                json_close(json, ']');
        json_close(json, '}');
}

static void print_requirement(struct json_print *json, const struct requirement *requirement)
{
        json_open(json, NULL, '{');
        json_text(json, "key", requirement->key);
        json_text(json, "operator", selector_operator_name(requirement->operator));
        if (requirement->n_values) {
                json_open(json, "values", '[');
                for (size_t i = 0; i < requirement->n_values; i++)
                        json_text(json, NULL, requirement->values[i]);
                json_close(json, ']');
        }
        json_close(json, '}');
}

static void print_selector(struct json_print *json, const char *key,
                           const struct selector *selector)
{
        json_open(json, key, '{');
        if (selector->n) {
                json_open(json, "matchExpressions", '[');
                for (size_t i = 0; i < selector->n; i++)
                        print_requirement(json, &selector->items[i]);
                json_close(json, ']');
        }
        json_close(json, '}');
}

static void print_peer(struct json_print *json, const struct policy_peer *peer)
{
        char text[PREFIX_TEXT_SIZE];

        json_open(json, NULL, '{');
        if (peer->pod_selector)
                print_selector(json, "podSelector", peer->pod_selector);
        if (peer->namespace_selector)
                print_selector(json, "namespaceSelector", peer->namespace_selector);
        if (peer_is_ip_block(peer)) {
                json_open(json, "ipBlock", '{');
                json_text(json, "cidr", prefix_format(&peer->cidr, text));
                print_prefixes(json, "except", peer->except.items, peer->except.n);
                json_close(json, '}');
        }
        json_close(json, '}');
}

static bool is_all_ports(struct port_range range)
{
        return range.first == PORT_RANGE_ALL.first && range.last == PORT_RANGE_ALL.last;
}

static void print_port(struct json_print *json, const struct policy_port *port)
{
        json_open(json, NULL, '{');
        json_text(json, "protocol", protocol_name(port->protocol));
        if (port->name)
                json_text(json, "port", port->name);
        else if (!is_all_ports(port->range))
                json_number(json, "port", port->range.first);
        if (!port->name && !is_all_ports(port->range) && port->range.last != port->range.first)
                json_number(json, "endPort", port->range.last);
        json_close(json, '}');
}

static void print_rule(struct json_print *json, const char *peers, const struct policy_rule *rule)
{
        json_open(json, NULL, '{');
        if (rule->peers.n) {
                json_open(json, peers, '[');
                for (size_t i = 0; i < rule->peers.n; i++)
                        print_peer(json, &rule->peers.items[i]);
                json_close(json, ']');
        }
        if (rule->ports.n) {
                json_open(json, "ports", '[');
                for (size_t i = 0; i < rule->ports.n; i++)
                        print_port(json, &rule->ports.items[i]);
                json_close(json, ']');
        }
        json_close(json, '}');
}

static void print_policy(struct json_print *json, const struct object *object)
{
        static const char *const types[] = {"Ingress", "Egress"}, *const peers[] = {"from", "to"};
        const struct network_policy *policy = &object->policy;

        json_open(json, "spec", '{');
        print_selector(json, "podSelector", &policy->pod_selector);
        json_open(json, "policyTypes", '[');
        for (int i = 0; i < DIRECTIONS; i++)
                if (policy->rules[i].isolates)
                        json_text(json, NULL, types[i]);
        json_close(json, ']');
        for (int i = 0; i < DIRECTIONS; i++) {
                const struct policy_rules *rules = &policy->rules[i];

                if (!rules->n)
                        continue;
                json_open(json, direction_name((enum direction)i), '[');
                for (size_t j = 0; j < rules->n; j++)
                        print_rule(json, peers[i], &rules->items[j]);
                json_close(json, ']');
        }
        json_close(json, '}');
}

static void (*const printers[OBJECT_KINDS])(struct json_print *json,
                                            const struct object *object) = {
    [KIND_NODE] = print_node,
    [KIND_POD] = print_pod,
    [KIND_NETWORK_POLICY] = print_policy,
};

void object_print(struct json_print *json, const char *key, const struct object *object)
{
        const struct api_kind *kind = &api_kinds[object->kind];
        char version[64];

        snprintf(version, sizeof(version), "%s%s%s", kind->group, *kind->group ? "/" : "",
                 kind->version);
        json_open(json, key, '{');
        json_text(json, "apiVersion", version);
        json_text(json, "kind", kind->kind);
        print_meta(json, &object->meta);
        if (printers[object->kind])
                printers[object->kind](json, object);
        json_close(json, '}');
}

static void print_item(struct json_print *json, enum kind kind, const void *item)
{
        struct object object = object_of(kind, item);

        if (kind != KIND_NAMESPACE || !object.namespace.implied)
                object_print(json, NULL, &object);
}

void cluster_print(struct json_print *json, const char *key, const struct cluster *cluster)
{
        json_open(json, key, '[');
        vec_foreach (const struct namespace, namespace, &cluster->namespaces)
                print_item(json, KIND_NAMESPACE, namespace);
        vec_foreach (const struct node, node, &cluster->nodes)
                print_item(json, KIND_NODE, node);
        vec_foreach (const struct pod, pod, &cluster->pods)
                print_item(json, KIND_POD, pod);
        vec_foreach (const struct network_policy, policy, &cluster->policies)
                print_item(json, KIND_NETWORK_POLICY, policy);
        json_close(json, ']');
}
