#include "kube/equal.h"

#include <string.h>

/* Member by member. Texts may be of two clusters. */

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* Of lists of one type: as many items, each the same as its counterpart. */
#define same_items(a, b, same)                                                                     \
        ({                                                                                         \
                bool same_ = (a)->n == (b)->n;                                                     \
                for (size_t i_ = 0; same_ && i_ < (a)->n; i_++)                                    \
                        same_ = same(&(a)->items[i_], &(b)->items[i_]);                            \
                same_;                                                                             \
        })

static bool same_label(const struct label *a, const struct label *b)
{
        return same_text(a->key, b->key) && same_text(a->value, b->value);
}

static bool same_meta(const struct meta *a, const struct meta *b)
{
        return same_text(a->namespace, b->namespace) && same_text(a->name, b->name) &&
               same_text(a->uid, b->uid) && same_items(&a->labels, &b->labels, same_label) &&
               a->created == b->created && a->terminating == b->terminating;
}

static bool same_node(const struct node *a, const struct node *b)
{
        return same_items(&a->pod_cidrs, &b->pod_cidrs, prefix_equal) &&
               same_items(&a->addresses, &b->addresses, ip_equal);
}

static bool same_container_port(const struct container_port *a, const struct container_port *b)
{
        return same_text(a->name, b->name) && a->protocol == b->protocol && a->port == b->port;
}

static bool same_pod(const struct pod *a, const struct pod *b)
{
        return same_text(a->node, b->node) && a->host_network == b->host_network &&
               a->phase == b->phase && same_items(&a->ips, &b->ips, ip_equal) &&
               same_items(&a->given, &b->given, ip_equal) &&
               same_items(&a->ports, &b->ports, same_container_port);
}

/* Absent and empty are not the same. */
static bool same_selector(const struct selector *a, const struct selector *b)
{
        return a == b || (a && b && selector_compare(a, b) == 0);
}

static bool same_peer(const struct policy_peer *a, const struct policy_peer *b)
{
        return same_selector(a->pod_selector, b->pod_selector) &&
               same_selector(a->namespace_selector, b->namespace_selector) &&
               ip_block_compare(a, b) == 0;
}

static bool same_port(const struct policy_port *a, const struct policy_port *b)
{
        return a->protocol == b->protocol && same_text(a->name, b->name) &&
               a->range.first == b->range.first && a->range.last == b->range.last;
}

static bool same_rule(const struct policy_rule *a, const struct policy_rule *b)
{
        return same_items(&a->peers, &b->peers, same_peer) &&
               same_items(&a->ports, &b->ports, same_port);
}

static bool same_policy(const struct network_policy *a, const struct network_policy *b)
{
        bool same = same_selector(&a->pod_selector, &b->pod_selector);

        for (int direction = 0; same && direction < DIRECTIONS; direction++) {
                const struct policy_rules *x = &a->rules[direction], *y = &b->rules[direction];

                same = x->isolates == y->isolates && same_items(x, y, same_rule);
        }
        return same;
}

bool object_equal(const struct object *a, const struct object *b)
{
        if (a->kind != b->kind || !same_meta(&a->meta, &b->meta))
                return false;
        switch (a->kind) {
        case KIND_NAMESPACE:
                return a->namespace.implied == b->namespace.implied;
        case KIND_NODE:
                return same_node(&a->node, &b->node);
        case KIND_POD:
                return same_pod(&a->pod, &b->pod);
        case KIND_NETWORK_POLICY:
                return same_policy(&a->policy, &b->policy);
        }
        return false;
}
