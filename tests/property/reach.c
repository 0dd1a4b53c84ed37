#include "reach.h"

#include <string.h>

static const char *const names[FEATURES] = {
    [FEATURE_ANYONE] = "anyone",
    [FEATURE_POD_SELECTOR] = "podSelector",
    [FEATURE_NAMESPACE_SELECTOR] = "namespaceSelector",
    [FEATURE_BOTH_SELECTORS] = "both",
    [FEATURE_BLOCK] = "ipBlock",
    [FEATURE_EXCEPT] = "except",
    [FEATURE_ALL_PORTS] = "all ports",
    [FEATURE_PROTOCOL_ALONE] = "protocol",
    [FEATURE_NUMBER] = "port",
    [FEATURE_RANGE] = "range",
    [FEATURE_NAME_INGRESS] = "name ingress",
    [FEATURE_NAME_EGRESS] = "name egress",
};

static enum feature peer_feature(const struct policy_peer *peer)
{
        if (peer_is_ip_block(peer))
                return peer->except.n ? FEATURE_EXCEPT : FEATURE_BLOCK;
        if (peer->pod_selector && peer->namespace_selector)
                return FEATURE_BOTH_SELECTORS;
        return peer->pod_selector ? FEATURE_POD_SELECTOR : FEATURE_NAMESPACE_SELECTOR;
}

static enum feature port_feature(const struct policy_port *port, enum direction direction)
{
        if (port->name)
                return direction == DIRECTION_INGRESS ? FEATURE_NAME_INGRESS : FEATURE_NAME_EGRESS;
        if (port->range.first == 0)
                return FEATURE_PROTOCOL_ALONE;
        return port->range.first == port->range.last ? FEATURE_NUMBER : FEATURE_RANGE;
}

/* A rule speaks for a feature where it has nothing else of that kind. */
static void count_rule(size_t *counts, const struct policy_rule *rule, enum direction direction)
{
        if (rule->peers.n == 0)
                counts[FEATURE_ANYONE]++;
        else if (rule->peers.n == 1)
                counts[peer_feature(&rule->peers.items[0])]++;
        if (rule->ports.n == 0)
                counts[FEATURE_ALL_PORTS]++;
        else if (rule->ports.n == 1)
                counts[port_feature(&rule->ports.items[0], direction)]++;
}

static void count_side(struct reach *reach, const struct side *side, enum direction direction)
{
        if (side->allowed_by.n == 1) {
                const struct policy_rule_ref *ref = &side->allowed_by.items[0];
                count_rule(reach->allows, &ref->policy->rules[direction].items[ref->rule],
                           direction);
        }
        if (side->isolated && side->allowed_by.n == 0 && side->exempt)
                reach->exempt[strcmp(side->exempt, "itself") != 0]++;
        if (side->allowed)
                return;
        reach->denied[direction]++;
        vec_foreach (const struct network_policy *, policy, &side->policies)
                for (size_t i = 0; i < (*policy)->rules[direction].n; i++)
                        count_rule(reach->refuses, &(*policy)->rules[direction].items[i],
                                   direction);
}

void reach_count(struct reach *reach, const struct verdict *verdict)
{
        reach->packets++;
        reach->allowed += verdict->allowed;
        reach->open += !verdict->sides[0].isolated && !verdict->sides[1].isolated;
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                count_side(reach, &verdict->sides[d], d);
}

void reach_print(const struct reach *reach, struct strbuf *out)
{
        size_t all = reach->packets ? reach->packets : 1;

        strbuf_printf(out,
                      "%zu packets: %zu %% allowed, %zu %% where nothing is isolated; denied by "
                      "ingress %zu, by egress %zu; itself %zu, own node %zu; allowed/refused by",
                      reach->packets, reach->allowed * 100 / all, reach->open * 100 / all,
                      reach->denied[DIRECTION_INGRESS], reach->denied[DIRECTION_EGRESS],
                      reach->exempt[0], reach->exempt[1]);
        for (enum feature f = 0; f < FEATURES; f++)
                strbuf_printf(out, "%s %s %zu/%zu", f ? "," : "", names[f], reach->allows[f],
                              reach->refuses[f]);
}

const char *reach_lacking(const struct reach *reach)
{
        for (enum feature f = 0; f < FEATURES; f++)
                if (!reach->allows[f] || (!reach->refuses[f] && f != FEATURE_ANYONE))
                        return names[f];
        return reach->exempt[0] && reach->exempt[1] ? NULL : "exemptions";
}
