#include "verify/named_ports.h"

#include <string.h>

/* Names are few, pods are many: each port of a pod is looked up among the names. */

static int compare_names(const void *a, const void *b)
{
        const struct port_name *left = a, *right = b;
        int order = left->name == right->name ? 0 : strcmp(left->name, right->name);

        return order ? order
                     : (left->protocol > right->protocol) - (left->protocol < right->protocol);
}

void port_names_add(struct arena *arena, struct port_names *names, const struct policy_port *port)
{
        struct port_name name = {port->name, port->protocol};

        vec_push(arena, &names->items, name);
}

void port_names_add_rules(struct arena *arena, struct port_names *names,
                          const struct policy_rules *rules)
{
        for (size_t i = 0; i < rules->n; i++) {
                const struct policy_rule *rule = &rules->items[i];
                for (size_t j = 0; j < rule->ports.n; j++)
                        if (rule->ports.items[j].name)
                                port_names_add(arena, names, &rule->ports.items[j]);
        }
}

void port_names_settle(struct port_names *names)
{
        size_t kept = 0;

        vec_sort(&names->items, compare_names);
        vec_foreach (const struct port_name, name, &names->items)
                if (kept == 0 || compare_names(&names->items.items[kept - 1], name) != 0)
                        names->items.items[kept++] = *name;
        names->items.n = kept;
}

struct named_port {
        struct port_name name; /* first: sorted by it */
        VEC(struct named_number) numbers;
};

struct named_ports {
        struct arena *arena;
        struct splitter *splitter;
        struct named_port *items;
        size_t n;
};

static struct named_port *find_port(const struct named_ports *ports, const char *name,
                                    enum protocol protocol)
{
        struct port_name wanted = {name, protocol};

        return find_sorted(&wanted, ports->items, ports->n, sizeof(*ports->items), compare_names);
}

/* Where the number is, or belongs. */
static size_t place_of(const struct named_port *port, uint16_t number)
{
        size_t low = 0, high = port->numbers.n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (port->numbers.items[middle].number < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static size_t feature_of(struct named_ports *ports, struct named_port *port, uint16_t number)
{
        size_t at = place_of(port, number);

        if (at < port->numbers.n && port->numbers.items[at].number == number)
                return port->numbers.items[at].feature;
        struct named_number added = {number, splitter_add_feature(ports->splitter)};
        vec_push(ports->arena, &port->numbers, added);
        for (size_t i = port->numbers.n - 1; i > at; i--)
                port->numbers.items[i] = port->numbers.items[i - 1];
        port->numbers.items[at] = added;
        return added.feature;
}

/* A pod may give a name twice: the first counts. */
static void add_pod(struct named_ports *ports, const struct pod *pod, const struct ip *ip)
{
        for (size_t i = 0; i < pod->ports.n; i++) {
                const struct container_port *own = &pod->ports.items[i];
                struct named_port *port =
                    own->name ? find_port(ports, own->name, own->protocol) : NULL;
                uint16_t number;
                if (port && pod_named_port(pod, own->name, own->protocol, &number))
                        splitter_add_range(ports->splitter, feature_of(ports, port, number), ip,
                                           ip);
        }
}

struct named_ports *named_ports_new(struct arena *arena, const struct port_names *names,
                                    const struct cluster *cluster, enum family family,
                                    struct splitter *splitter)
{
        struct named_ports *ports = arena_new_object(arena, struct named_ports);

        ports->arena = arena;
        ports->splitter = splitter;
        ports->n = names->items.n;
        ports->items = arena_new_array(arena, struct named_port, ports->n);
        for (size_t i = 0; i < ports->n; i++)
                ports->items[i].name = names->items.items[i];
        vec_foreach (const struct pod, pod, &cluster->pods) {
                const struct ip *ip =
                    ports->n > 0 && pod_takes_part(pod) ? pod_ip(pod, family) : NULL;
                if (ip)
                        add_pod(ports, pod, ip);
        }
        return ports;
}

struct named_numbers named_ports_of(const struct named_ports *ports, const struct policy_port *port)
{
        const struct named_port *found = find_port(ports, port->name, port->protocol);

        return (struct named_numbers){found->numbers.items, found->numbers.n};
}
