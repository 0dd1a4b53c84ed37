#include "compile/classes.h"

#include <string.h>

typedef VEC(const struct network_policy *) policy_list;

/* Of the pod's namespace, whose policies are span. */
static policy_list policies_selecting(struct compiler *compiler, const struct pod *pod,
                                      struct span span, enum direction direction)
{
        policy_list list = {0};

        for (size_t i = span.first; i < span.first + span.n; i++) {
                const struct network_policy *policy = &compiler->cluster->policies.items[i];
                if (policy->rules[direction].isolates &&
                    selector_matches(&policy->pod_selector, &pod->meta.labels))
                        vec_push(compiler->scratch, &list, policy);
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

static struct known_name *class_name(struct compiler *compiler, const struct pod *pod,
                                     enum direction direction, const policy_list *policies)
{
        struct strbuf *key = key_begin(compiler, "class");

        key_add(key, direction_name(direction));
        key_add(key, pod->meta.namespace);
        for (size_t i = 0; i < policies->n; i++)
                key_add(key, policies->items[i]->meta.name);
        if (direction == DIRECTION_INGRESS) {
                key_add(key, "ports");
                key_add_named_ports(key, pod, policies);
        }
        return compiler_name(compiler, class_prefix(direction));
}

static struct class *class_of(struct compiler *compiler, struct classes *classes,
                              const struct pod *pod, struct span span, enum direction direction)
{
        policy_list policies = policies_selecting(compiler, pod, span, direction);

        if (policies.n == 0)
                return NULL;
        struct known_name *chain = class_name(compiler, pod, direction, &policies);
        if (chain->place > 0)
                return classes->list.items[chain->place - 1];
        struct class *class = arena_new_object(compiler->scratch, struct class);
        *class = (struct class){
            .chain = chain->text,
            .direction = direction,
            .policies = policies.items,
            .n_policies = policies.n,
            .example = pod,
        };
        vec_push(compiler->scratch, &classes->list, class);
        chain->place = classes->list.n;
        return class;
}

/* Is it isolated in this direction? */
static bool add_member(struct compiler *compiler, struct classes *classes, const struct pod *pod,
                       struct span span, enum direction direction)
{
        struct class *class = class_of(compiler, classes, pod, span, direction);

        if (!class)
                return false;
        class->n_pods++;
        struct member member = {pod, class};
        vec_push(compiler->scratch, &classes->members, member);
        return true;
}

void classes_find(struct compiler *compiler, struct classes ret[static DIRECTIONS])
{
        const char *namespace = NULL;
        struct span span = {0};

        memset(ret, 0, DIRECTIONS * sizeof(*ret));
        vec_foreach (const struct pod *const, pod, &compiler->locals) {
                bool isolated = false;

                if ((*pod)->meta.namespace != namespace) {
                        namespace = (*pod)->meta.namespace;
                        span = cluster_policies_of(compiler->cluster, namespace);
                }
                for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                        isolated |= add_member(compiler, &ret[d], *pod, span, d);
                compiler->isolated_pods += isolated;
        }
}
