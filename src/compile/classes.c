#include "compile/classes.h"

#include <string.h>

typedef VEC(const struct network_policy *) policy_list;

static policy_list policies_selecting(struct compiler *compiler, const struct pod *pod,
                                      enum direction direction)
{
        struct span span = cluster_policies_of(compiler->cluster, pod->meta.namespace);
        policy_list list = {0};

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &compiler->cluster->policies.items[i];
                if (policy->rules[direction].isolates &&
                    selector_matches(&policy->pod_selector, &pod->meta.labels))
                        vec_push(compiler->arena, &list, policy);
        }
        return list;
}

/* The numbers that the pod gives to the ports its policies name. Only ingress asks the subject. */
static void key_add_named_ports(struct strbuf *key, const struct pod *pod,
                                const policy_list *policies)
{
        for (size_t i = 0; i < policies->n; i++) {
                const struct policy_rules *rules = &policies->items[i]->rules[DIRECTION_INGRESS];
                for (size_t j = 0; j < rules->n; j++)
                        for (size_t k = 0; k < rules->items[j].ports.n; k++) {
                                const struct policy_port *port = &rules->items[j].ports.items[k];
                                uint16_t number = 0;
                                if (!port->name)
                                        continue;
                                pod_named_port(pod, port->name, port->protocol, &number);
                                strbuf_printf(key, "%s/%s=%u", port->name,
                                              protocol_name(port->protocol), number);
                                key_add(key, "");
                        }
        }
}

const char *class_prefix(enum direction direction)
{
        return direction == DIRECTION_INGRESS ? CHAIN_PREFIX "I-" : CHAIN_PREFIX "E-";
}

static const char *class_chain(struct compiler *compiler, const struct pod *pod,
                               enum direction direction, const policy_list *policies)
{
        _cleanup_strbuf_ struct strbuf key = {0};

        key_add(&key, "class");
        key_add(&key, direction_name(direction));
        key_add(&key, pod->meta.namespace);
        for (size_t i = 0; i < policies->n; i++)
                key_add(&key, policies->items[i]->meta.name);
        if (direction == DIRECTION_INGRESS) {
                key_add(&key, "ports");
                key_add_named_ports(&key, pod, policies);
        }
        return compiler_name(compiler, class_prefix(direction), &key);
}

static struct class *class_of(struct compiler *compiler, struct classes *classes, struct map *known,
                              const struct pod *pod, enum direction direction)
{
        policy_list policies = policies_selecting(compiler, pod, direction);

        if (policies.n == 0)
                return NULL;
        const char *chain = class_chain(compiler, pod, direction, &policies);
        struct class *class = map_get(known, chain);
        if (class)
                return class;
        class = arena_new_object(compiler->arena, struct class);
        *class = (struct class){
            .chain = chain,
            .direction = direction,
            .policies = policies.items,
            .n_policies = policies.n,
            .example = pod,
        };
        map_put(known, chain, class);
        vec_push(compiler->arena, &classes->list, class);
        return class;
}

struct classes classes_of(struct compiler *compiler, enum direction direction)
{
        struct classes classes = {0};
        struct map *known = map_new(compiler->arena);

        vec_foreach (const struct pod, pod, &compiler->cluster->pods) {
                if (!pod_takes_part(pod) || strcmp(pod->node, compiler->options->node) != 0)
                        continue;
                struct class *class = class_of(compiler, &classes, known, pod, direction);
                if (!class)
                        continue;
                class->n_pods++;
                struct member member = {pod, class};
                vec_push(compiler->arena, &classes.members, member);
        }
        return classes;
}
