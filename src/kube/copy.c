#include "kube/copy.h"

#include <string.h>

#include "base/vec.h"

static const size_t sizes[OBJECT_KINDS] = {
    [KIND_NAMESPACE] = sizeof(struct namespace),
    [KIND_NODE] = sizeof(struct node),
    [KIND_POD] = sizeof(struct pod),
    [KIND_NETWORK_POLICY] = sizeof(struct network_policy),
};

struct object object_of(enum kind kind, const void *item)
{
        struct object object = {.kind = kind};

        memcpy(&object.meta, item, sizes[kind]);
        return object;
}

/* Where copies go. */
struct home {
        struct arena *arena;
        struct intern *intern;
};

static const char *copy_text(const struct home *home, const char *text)
{
        return text ? intern_text(home->intern, text) : NULL;
}

static void *copy_items(const struct home *home, const void *items, size_t n, size_t size)
{
        return n ? arena_copy(home->arena, items, n * size) : NULL;
}

#define copy_list(home, list)                                                                      \
        ((list)->items = copy_items((home), (list)->items, (list)->n, sizeof(*(list)->items)))

static void copy_meta(const struct home *home, struct meta *meta)
{
        meta->namespace = copy_text(home, meta->namespace);
        meta->name = copy_text(home, meta->name);
        if (*meta->uid)
                meta->uid = arena_strdup(home->arena, meta->uid);
        else
                meta->uid = copy_text(home, "");
        meta->place.file = copy_text(home, meta->place.file);
        copy_list(home, &meta->labels);
        for (size_t i = 0; i < meta->labels.n; i++) {
                struct label *label = &meta->labels.items[i];

                *label = (struct label){copy_text(home, label->key), copy_text(home, label->value)};
        }
}

static void copy_pod(const struct home *home, struct pod *pod)
{
        bool same = pod->ips.items == pod->given.items;

        pod->node = copy_text(home, pod->node);
        copy_list(home, &pod->ips);
        if (same)
                pod->given.items = pod->ips.items;
        else
                copy_list(home, &pod->given);
        copy_list(home, &pod->ports);
        for (size_t i = 0; i < pod->ports.n; i++)
                pod->ports.items[i].name = copy_text(home, pod->ports.items[i].name);
}

static void copy_selector(const struct home *home, struct selector *selector)
{
        copy_list(home, selector);
        for (size_t i = 0; i < selector->n; i++) {
                struct requirement *requirement = &selector->items[i];

                requirement->key = copy_text(home, requirement->key);
                requirement->values = copy_items(home, requirement->values, requirement->n_values,
                                                 sizeof(*requirement->values));
                for (size_t j = 0; j < requirement->n_values; j++)
                        requirement->values[j] = copy_text(home, requirement->values[j]);
        }
}

static const struct selector *selector_copy(const struct home *home,
                                            const struct selector *selector)
{
        if (!selector)
                return NULL;
        struct selector *copy = arena_copy(home->arena, selector, sizeof(*selector));
        copy_selector(home, copy);
        return copy;
}

static void copy_rule(const struct home *home, struct policy_rule *rule)
{
        copy_list(home, &rule->peers);
        for (size_t i = 0; i < rule->peers.n; i++) {
                struct policy_peer *peer = &rule->peers.items[i];

                peer->pod_selector = selector_copy(home, peer->pod_selector);
                peer->namespace_selector = selector_copy(home, peer->namespace_selector);
                copy_list(home, &peer->except);
        }
        copy_list(home, &rule->ports);
        for (size_t i = 0; i < rule->ports.n; i++)
                rule->ports.items[i].name = copy_text(home, rule->ports.items[i].name);
}

static void copy_policy(const struct home *home, struct network_policy *policy)
{
        copy_selector(home, &policy->pod_selector);
        for (int direction = 0; direction < DIRECTIONS; direction++) {
                struct policy_rules *rules = &policy->rules[direction];

                copy_list(home, rules);
                for (size_t i = 0; i < rules->n; i++)
                        copy_rule(home, &rules->items[i]);
        }
}

struct object object_copy(struct arena *arena, struct intern *intern, const struct object *object)
{
        const struct home home = {arena, intern};
        struct object copy = *object;

        copy_meta(&home, &copy.meta);
        switch (copy.kind) {
        case KIND_NAMESPACE:
                break;
        case KIND_NODE:
                copy_list(&home, &copy.node.pod_cidrs);
                copy_list(&home, &copy.node.addresses);
                break;
        case KIND_POD:
                copy_pod(&home, &copy.pod);
                break;
        case KIND_NETWORK_POLICY:
                copy_policy(&home, &copy.policy);
                break;
        }
        return copy;
}
