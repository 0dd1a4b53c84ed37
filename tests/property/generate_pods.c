#include "generator.h"

static const char *const names[] = {"http", "dns", "web"};

const char *const *port_names(size_t *ret_n)
{
        *ret_n = ARRAY_SIZE(names);
        return names;
}

/* The same name has other numbers in other pods, sometimes two in one pod, by protocol. */
static void add_ports(struct generator *generator, struct value *container)
{
        static const unsigned numbers[] = {53, 80, 443, 8080, 9090, 65535};
        struct arena *arena = generator->arena;
        struct value *ports = add_list(arena, container, "ports");

        for (unsigned i = 0, n = bytes_below(generator->bytes, 4),
                      first = bytes_below(generator->bytes, 2);
             i < n; i++) {
                struct value *port = add_map(arena, ports, NULL);
                if (bytes_chance(generator->bytes, 85))
                        add_text(arena, port, "name", names[(first + i) % ARRAY_SIZE(names)]);
                add_number(arena, port, "containerPort", pick(generator, numbers));
                add_protocol(generator, port);
        }
}

static void add_containers(struct generator *generator, struct value *spec)
{
        struct arena *arena = generator->arena;
        struct value *containers, *container;

        if (bytes_chance(generator->bytes, 15)) {
                containers = add_list(arena, spec, "initContainers");
                container = add_map(arena, containers, NULL);
                add_text(arena, container, "name", "first");
                if (bytes_chance(generator->bytes, 50))
                        add_text(arena, container, "restartPolicy", "Always");
                add_ports(generator, container);
        }
        containers = add_list(arena, spec, "containers");
        for (unsigned i = 0, n = 1 + bytes_below(generator->bytes, 2); i < n; i++) {
                container = add_map(arena, containers, NULL);
                add_text(arena, container, "name", i ? "side" : "main");
                add_ports(generator, container);
        }
}

/* Pod i of its node; sometimes another pod's number, so that two claim one address. */
static void add_addresses(struct generator *generator, struct value *status, unsigned node,
                          unsigned i, bool host)
{
        struct arena *arena = generator->arena;
        struct bytes *bytes = generator->bytes;
        bool lab = generator->shape.lab;
        unsigned number = !lab && bytes_chance(bytes, 6) ? 2 + bytes_below(bytes, i + 1) : 2 + i;
        unsigned families = bytes_below(bytes, 6); /* 0 IPv4 alone, 1 IPv6 alone, else both */
        bool v4 = families != 1, v6 = families != 0;
        const char *texts[2];
        unsigned n = 0;

        if (host) {
                if (v4)
                        texts[n++] = arena_printf(arena, "192.168.7.%u", node + 1);
                if (v6)
                        texts[n++] = arena_printf(arena, "fd00:192:168::%u", node + 1);
        } else {
                if (v4)
                        texts[n++] = arena_printf(arena, "10.244.%u.%u", node + 1, number);
                if (v6)
                        texts[n++] = arena_printf(arena, "fd00:10:244:%u::%x", node + 1, number);
        }
        for (unsigned j = 0; j < n; j++) {
                struct ip ip;
                if (ip_parse(texts[j], &ip))
                        vec_push(arena, &generator->addresses, ip);
        }
        if (n == 1 || bytes_chance(bytes, 70))
                add_text(arena, status, "podIP", texts[0]);
        if (n == 1 && bytes_chance(bytes, 50))
                return;
        struct value *list = add_list(arena, status, "podIPs");
        for (unsigned j = 0; j < n; j++)
                add_text(arena, add_map(arena, list, NULL), "ip", texts[j]);
}

static void add_pod(struct generator *generator, unsigned i)
{
        static const char *const phases[] = {"Running", "Running", "Running",   "Running",
                                             "Pending", "Unknown", "Succeeded", "Failed"};
        struct arena *arena = generator->arena;
        struct bytes *bytes = generator->bytes;
        bool lab = generator->shape.lab;
        unsigned node = bytes_below(bytes, generator->shape.nodes);
        const char *namespace =
            namespace_text(generator, bytes_below(bytes, generator->shape.namespaces));
        struct value *metadata, *spec, *status;
        struct value *pod = manifest_add(arena, &generator->manifest, "v1", "Pod", namespace,
                                         object_text(generator, "pod", i), &metadata);
        bool host = !lab && bytes_chance(bytes, 7);

        add_labels(generator, metadata, LABELS_OF_PODS);
        if (!lab && bytes_chance(bytes, 70))
                add_text(arena, metadata, "creationTimestamp",
                         arena_printf(arena, "2026-01-%02uT00:00:00Z", 1 + bytes_below(bytes, 9)));
        if (!lab && bytes_chance(bytes, 7))
                add_text(arena, metadata, "deletionTimestamp", "2026-02-01T00:00:00Z");
        spec = add_map(arena, pod, "spec");
        if (lab || !bytes_chance(bytes, 4))
                add_text(arena, spec, "nodeName", node_text(generator, node));
        else
                host = false;
        if (host)
                add_true(arena, spec, "hostNetwork");
        add_containers(generator, spec);
        status = add_map(arena, pod, "status");
        add_text(arena, status, "phase", lab ? "Running" : pick(generator, phases));
        if (lab || !bytes_chance(bytes, 7))
                add_addresses(generator, status, node, i, host);
}

void add_pods(struct generator *generator)
{
        for (unsigned i = 0; i < generator->shape.pods; i++)
                add_pod(generator, i);
}
