#include "verify/isolation.h"

#include <string.h>

#include "verify/named_ports.h"

/* Policies are found once for all pods of a namespace with equal labels. Pods are then sorted by
 * their lists of policies and by what they mean by the names these use; equal ones are a group. */

struct policy_list {
        VEC(size_t) items;
};

/* A pod of the node. */
struct local {
        const struct pod *pod;
        const struct ip *ip;                /* NULL where it has none of the family */
        const struct policy_list *policies; /* by direction */
        size_t label_set;
        struct port_names names; /* that its ingress policies use; for each, a port or NO_PORT */
        const uint32_t *ports;
        size_t group[DIRECTIONS];
};
#define NO_PORT UINT32_MAX

struct work {
        struct arena *arena;
        const struct cluster *cluster;
        const char *node; /* the pods' own text for it */
        VEC(struct local) locals;
};

/* Texts are interned: what one pod of the node calls it, all do. NULL where it has no pods. */
static const char *text_of_node(const struct cluster *cluster, const char *node)
{
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (strcmp(pod->node, node) == 0)
                        return pod->node;
        return NULL;
}

static bool is_local(const struct work *work, const struct pod *pod)
{
        return pod->node == work->node && pod_takes_part(pod);
}

static const struct policy_list *find_policies(struct work *work, const struct pod *pod)
{
        struct policy_list *lists = arena_new_array(work->arena, struct policy_list, DIRECTIONS);
        struct span span = cluster_policies_of(work->cluster, pod->meta.namespace);

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &work->cluster->policies.items[i];
                if (!selector_matches(&policy->pod_selector, &pod->meta.labels))
                        continue;
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        if (policy->rules[d].isolates)
                                vec_push(work->arena, &lists[d].items, i);
        }
        return lists;
}

static struct port_names names_used(struct work *work, const struct policy_list *list)
{
        struct port_names names = {0};

        vec_foreach (const size_t, i, &list->items)
                port_names_add_rules(work->arena, &names,
                                     &work->cluster->policies.items[*i].rules[DIRECTION_INGRESS]);
        port_names_settle(&names);
        return names;
}

static const uint32_t *resolve(struct work *work, const struct port_names *names,
                               const struct pod *pod)
{
        uint32_t *ports = arena_new_array(work->arena, uint32_t, names->items.n);
        uint16_t number;

        for (size_t i = 0; i < names->items.n; i++) {
                const struct port_name *name = &names->items.items[i];
                ports[i] =
                    pod_named_port(pod, name->name, name->protocol, &number) ? number : NO_PORT;
        }
        return ports;
}

/* Pods of its namespace have just been added: one with the same labels, or NULL. */
static const struct local *find_alike(const struct work *work, const struct local *local)
{
        for (size_t i = work->locals.n; i-- > 0;) {
                const struct local *known = &work->locals.items[i];
                if (known->pod->meta.namespace != local->pod->meta.namespace)
                        return NULL;
                if (known->label_set == local->label_set)
                        return known;
        }
        return NULL;
}

static void add_local(struct work *work, const struct pods_by_labels *pods, size_t pod)
{
        struct local local = {
            .pod = &work->cluster->pods.items[pod],
            .ip = pods_ip(pods, pod),
            .label_set = pods_label_set(pods, pod),
            .group = {SIZE_MAX, SIZE_MAX},
        };
        const struct local *alike = find_alike(work, &local);

        if (alike) {
                local.policies = alike->policies;
                local.names = alike->names;
        } else {
                local.policies = find_policies(work, local.pod);
                local.names = names_used(work, &local.policies[DIRECTION_INGRESS]);
        }
        local.ports = resolve(work, &local.names, local.pod);
        vec_push(work->arena, &work->locals, local);
}

/* By where they stand among the cluster's. */
static int order_of(const struct local *a, const struct local *b)
{
        return (a->pod > b->pod) - (a->pod < b->pod);
}

static int lists_compare(const struct policy_list *a, const struct policy_list *b)
{
        if (a->items.n != b->items.n)
                return a->items.n < b->items.n ? -1 : 1;
        return memcmp(a->items.items, b->items.items, a->items.n * sizeof(*a->items.items));
}

/* Equal lists use the same names. */
static int ingress_compare(const struct local *a, const struct local *b)
{
        int order = lists_compare(&a->policies[DIRECTION_INGRESS], &b->policies[DIRECTION_INGRESS]);

        return order ? order : memcmp(a->ports, b->ports, a->names.items.n * sizeof(*a->ports));
}

/* The names of egress are the other end's. */
static int egress_compare(const struct local *a, const struct local *b)
{
        return lists_compare(&a->policies[DIRECTION_EGRESS], &b->policies[DIRECTION_EGRESS]);
}

static int compare_ingress(const void *a, const void *b)
{
        const struct local *const *left = a, *const *right = b;
        int order = ingress_compare(*left, *right);

        return order ? order : order_of(*left, *right);
}

static int compare_egress(const void *a, const void *b)
{
        const struct local *const *left = a, *const *right = b;
        int order = egress_compare(*left, *right);

        return order ? order : order_of(*left, *right);
}

static const struct {
        int (*are_apart)(const struct local *, const struct local *);
        int (*sort)(const void *, const void *);
} ways[DIRECTIONS] = {
    [DIRECTION_INGRESS] = {ingress_compare, compare_ingress},
    [DIRECTION_EGRESS] = {egress_compare, compare_egress},
};

static void group_locals(struct work *work, enum direction direction, struct isolation *isolation)
{
        struct local **order = arena_new_array(work->arena, struct local *, work->locals.n);
        size_t n = 0;

        vec_foreach (struct local, local, &work->locals) {
                bool isolated = local->policies[direction].items.n > 0;
                isolation->any = isolation->any || isolated;
                if (isolated && local->ip)
                        order[n++] = local;
        }
        sort_items(order, n, sizeof(*order), ways[direction].sort);
        for (size_t i = 0; i < n; i++) {
                const struct policy_list *list = &order[i]->policies[direction];
                struct subject_group group = {order[i]->pod, list->items.items, list->items.n};
                if (i == 0 || ways[direction].are_apart(order[i - 1], order[i]) != 0)
                        vec_push(work->arena, &isolation->groups[direction], group);
                order[i]->group[direction] = isolation->groups[direction].n - 1;
        }
}

struct isolation isolation_of(struct arena *arena, const struct cluster *cluster,
                              const struct pods_by_labels *pods, const char *node)
{
        struct work work = {
            .arena = arena, .cluster = cluster, .node = text_of_node(cluster, node)};
        struct isolation isolation = {0};

        for (size_t i = 0; work.node && i < cluster->pods.n; i++)
                if (is_local(&work, &cluster->pods.items[i]))
                        add_local(&work, pods, i);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                group_locals(&work, d, &isolation);
        vec_foreach (const struct local, local, &work.locals) {
                if (!local->ip)
                        continue;
                struct subject subject = {.pod = local->pod, .ip = *local->ip};
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                        subject.isolated[d] = local->policies[d].items.n > 0;
                        subject.group[d] = local->group[d];
                }
                vec_push(arena, &isolation.subjects, subject);
        }
        return isolation;
}
