#include "verify/meaning.h"

#include <string.h>

#include "verify/isolation.h"
#include "verify/named_ports.h"
#include "verify/peer_features.h"

/* Only policies that isolate a pod of the node are looked at. Their peers become features, each
 * distinct one once, and so does every number that a named port of an egress rule has in the
 * cluster: which pods' addresses mean it. Once the classes are known, a rule is a list of grants:
 * these classes, at these ports. What a group is allowed is the union over its policies' rules. */

/* A policy can name ports of three protocols; of all others it says the same. */
enum traffic { TRAFFIC_TCP, TRAFFIC_UDP, TRAFFIC_SCTP, TRAFFIC_OTHER, TRAFFICS };

struct grant {
        const bits_word *classes;
        enum traffic traffic; /* TRAFFICS: all of them, and all ports */
        struct port_range range;
        /* Of ingress: a name, and the port is what the subject means by it; else NULL. */
        const struct policy_port *named;
};

struct rule_meaning {
        const struct policy_rule *rule;
        size_t *peers; /* features; of the family, so none may be left where the rule has some */
        size_t n_peers;
};

/* In one direction. */
struct policy_meaning {
        struct rule_meaning *rules;
        size_t n_rules;
        VEC(struct grant) grants; /* of all rules */
};

struct traffic_answers {
        struct port_starts starts;
        const bits_word **by_interval; /* NULL where not asked yet */
};

struct group {
        struct subject_group subjects;
        struct traffic_answers traffic[TRAFFICS];
};

struct meaning {
        struct arena *arena;
        const struct cluster *cluster;
        const struct address_classes *classes;
        struct isolation isolation;
        /* By index in the cluster; NULL where it isolates none of the node's pods so. */
        struct policy_meaning **policies[DIRECTIONS];
        struct group *groups[DIRECTIONS];
        struct named_ports *names; /* of egress */
        const bits_word *anyone;
        size_t own_node, link_local, many;
};

/* Until it is settled, a subject's class is its feature. */
static void add_subjects(struct meaning *meaning, struct splitter *splitter)
{
        vec_foreach (struct subject, subject, &meaning->isolation.subjects) {
                subject->class = splitter_add_feature(splitter);
                splitter_add_range(splitter, subject->class, &subject->ip, &subject->ip);
        }
}

static void add_rule(struct meaning *meaning, struct rule_meaning *to,
                     const struct policy_rule *rule, const char *namespace, enum family family,
                     struct peers *peers)
{
        to->rule = rule;
        to->peers = arena_new_array(meaning->arena, size_t, rule->peers.n);
        for (size_t i = 0; i < rule->peers.n; i++) {
                const struct policy_peer *peer = &rule->peers.items[i];
                if (!peer_is_ip_block(peer) || peer->cidr.ip.family == family)
                        peers_add(meaning->arena, peers, peer, namespace,
                                  &to->peers[to->n_peers++]);
        }
}

static struct policy_meaning *add_policy(struct meaning *meaning,
                                         const struct network_policy *policy,
                                         enum direction direction, enum family family,
                                         struct peers *peers)
{
        const struct policy_rules *rules = &policy->rules[direction];
        struct policy_meaning *added = arena_new_object(meaning->arena, struct policy_meaning);

        added->n_rules = rules->n;
        added->rules = arena_new_array(meaning->arena, struct rule_meaning, rules->n);
        for (size_t i = 0; i < rules->n; i++)
                add_rule(meaning, &added->rules[i], &rules->items[i], policy->meta.namespace,
                         family, peers);
        return added;
}

/* names: those that egress rules use. */
static void add_group(struct meaning *meaning, const struct subject_group *subjects,
                      enum direction direction, enum family family, struct peers *peers,
                      struct port_names *names)
{
        for (size_t i = 0; i < subjects->n_policies; i++) {
                size_t at = subjects->policies[i];
                const struct network_policy *policy = &meaning->cluster->policies.items[at];
                struct policy_meaning **known = &meaning->policies[direction][at];
                if (*known)
                        continue;
                *known = add_policy(meaning, policy, direction, family, peers);
                if (direction == DIRECTION_EGRESS)
                        port_names_add_rules(meaning->arena, names, &policy->rules[direction]);
        }
}

static void add_groups(struct meaning *meaning, enum direction direction, enum family family,
                       struct peers *peers, struct port_names *names)
{
        size_t n = meaning->isolation.groups[direction].n;
        struct group *groups = arena_new_array(meaning->arena, struct group, n);

        meaning->policies[direction] =
            arena_new_array(meaning->arena, struct policy_meaning *, meaning->cluster->policies.n);
        for (size_t i = 0; i < n; i++) {
                groups[i].subjects = meaning->isolation.groups[direction].items[i];
                add_group(meaning, &groups[i].subjects, direction, family, peers, names);
        }
        meaning->groups[direction] = groups;
}

static void add_ips(struct splitter *splitter, size_t feature, enum family family,
                    const struct ip *ips, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (ips[i].family == family)
                        splitter_add_range(splitter, feature, &ips[i], &ips[i]);
}

/* The node's addresses, and those of its pods that are of its network. A node without a name is
 * none. */
static size_t add_own_node(const struct cluster *cluster, const char *name, enum family family,
                           struct splitter *splitter)
{
        size_t feature = splitter_add_feature(splitter);
        const struct node *node = *name ? cluster_node(cluster, name) : NULL;

        if (node)
                add_ips(splitter, feature, family, node->addresses.items, node->addresses.n);
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (*name && pod->host_network && !pod_finished(pod) &&
                    strcmp(pod->node, name) == 0)
                        add_ips(splitter, feature, family, pod->ips.items, pod->ips.n);
        return feature;
}

static size_t prefixes_feature(struct splitter *splitter, const char *const *texts, size_t n)
{
        size_t feature = splitter_add_feature(splitter);

        splitter_add_prefixes(splitter, feature, texts, n);
        return feature;
}

/* What these mean, no policy can say: see policy/verdict.h. */
static const char *const link_local[] = {"fe80::/10"};
static const char *const many[] = {"224.0.0.0/4", "255.255.255.255/32", "ff00::/8"};

struct meaning *meaning_new(struct arena *arena, const struct cluster *cluster,
                            const struct policy_options *options, enum family family,
                            struct splitter *splitter)
{
        struct meaning *meaning = arena_new_object(arena, struct meaning);
        struct pods_by_labels *pods = pods_by_labels_new(arena, cluster, family);
        struct peers peers = {0};
        struct port_names names = {0};

        meaning->arena = arena;
        meaning->cluster = cluster;
        meaning->isolation = isolation_of(arena, cluster, pods, options->node);
        add_subjects(meaning, splitter);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                add_groups(meaning, d, family, &peers, &names);
        peers_become_features(arena, &peers, cluster, pods, family, splitter);
        port_names_settle(&names);
        meaning->names = named_ports_new(arena, &names, cluster, family, splitter);
        meaning->own_node = add_own_node(cluster, options->node, family, splitter);
        meaning->link_local = prefixes_feature(splitter, link_local, ARRAY_SIZE(link_local));
        meaning->many = prefixes_feature(splitter, many, ARRAY_SIZE(many));
        return meaning;
}

static const bits_word *peers_together(struct meaning *meaning, const struct rule_meaning *rule)
{
        const struct address_classes *classes = meaning->classes;

        if (rule->rule->peers.n == 0)
                return meaning->anyone;
        if (rule->n_peers == 1)
                return classes->features[rule->peers[0]];
        bits_word *all = bits_new(meaning->arena, classes->n);
        for (size_t i = 0; i < rule->n_peers; i++)
                bits_or(all, classes->features[rule->peers[i]], classes->n);
        return all;
}

static enum traffic traffic_of(enum protocol protocol)
{
        switch (protocol) {
        case PROTOCOL_TCP:
                return TRAFFIC_TCP;
        case PROTOCOL_UDP:
                return TRAFFIC_UDP;
        case PROTOCOL_SCTP:
                return TRAFFIC_SCTP;
        default:
                return TRAFFIC_OTHER;
        }
}

/* A name of an egress rule: for each of its numbers, the pods among the peers that mean it. */
static void grant_name(struct meaning *meaning, struct policy_meaning *policy, struct grant grant,
                       const struct policy_port *port)
{
        const struct address_classes *classes = meaning->classes;
        struct named_numbers numbers = named_ports_of(meaning->names, port);
        const bits_word *peers = grant.classes;

        for (size_t i = 0; i < numbers.n; i++) {
                uint16_t number = numbers.items[i].number;
                bits_word *both = bits_new(meaning->arena, classes->n);
                bits_copy(both, classes->features[numbers.items[i].feature], classes->n);
                bits_and(both, peers, classes->n);
                grant.classes = both;
                grant.range = (struct port_range){number, number};
                if (!bits_are_none(both, classes->n))
                        vec_push(meaning->arena, &policy->grants, grant);
        }
}

static void settle_rule(struct meaning *meaning, struct policy_meaning *policy,
                        const struct rule_meaning *rule, enum direction direction)
{
        struct grant grant = {.classes = peers_together(meaning, rule), .traffic = TRAFFICS};

        if (rule->rule->ports.n == 0)
                vec_push(meaning->arena, &policy->grants, grant);
        for (size_t i = 0; i < rule->rule->ports.n; i++) {
                const struct policy_port *port = &rule->rule->ports.items[i];
                grant.traffic = traffic_of(port->protocol);
                grant.range = port->range;
                grant.named = port->name && direction == DIRECTION_INGRESS ? port : NULL;
                if (port->name && direction == DIRECTION_EGRESS)
                        grant_name(meaning, policy, grant, port);
                else
                        vec_push(meaning->arena, &policy->grants, grant);
        }
}

static void settle_policies(struct meaning *meaning, enum direction direction)
{
        for (size_t i = 0; i < meaning->cluster->policies.n; i++) {
                struct policy_meaning *policy = meaning->policies[direction][i];
                for (size_t j = 0; policy && j < policy->n_rules; j++)
                        settle_rule(meaning, policy, &policy->rules[j], direction);
        }
}

/* False where the name means nothing to the group. */
static bool grant_range(const struct group *group, const struct grant *grant,
                        struct port_range *ret)
{
        struct port_range range = grant->range;

        if (grant->named) {
                if (!pod_named_port(group->subjects.example, grant->named->name,
                                    grant->named->protocol, &range.first))
                        return false;
                range.last = range.first;
        }
        *ret = range;
        return true;
}

static int compare_ports(const void *a, const void *b)
{
        return *(const uint16_t *)a - *(const uint16_t *)b;
}

struct starts {
        VEC(uint16_t) ports;
};

static void add_starts(struct arena *arena, struct starts *starts, struct port_range range)
{
        vec_push(arena, &starts->ports, range.first);
        if (range.last < UINT16_MAX)
                vec_push(arena, &starts->ports, (uint16_t)(range.last + 1));
}

static void settle_traffic(struct meaning *meaning, struct traffic_answers *answers,
                           struct starts *starts)
{
        size_t kept = 0;

        vec_push(meaning->arena, &starts->ports, 0);
        vec_sort(&starts->ports, compare_ports);
        vec_foreach (const uint16_t, port, &starts->ports)
                if (kept == 0 || starts->ports.items[kept - 1] != *port)
                        starts->ports.items[kept++] = *port;
        answers->starts = (struct port_starts){starts->ports.items, kept};
        answers->by_interval = arena_new_array(meaning->arena, const bits_word *, kept);
}

static void settle_group(struct meaning *meaning, enum direction direction, struct group *group)
{
        struct starts starts[TRAFFICS] = {0};
        struct port_range range;

        for (size_t i = 0; i < group->subjects.n_policies; i++)
                vec_foreach (const struct grant, grant,
                             &meaning->policies[direction][group->subjects.policies[i]]->grants)
                        if (grant->traffic != TRAFFICS && grant_range(group, grant, &range))
                                add_starts(meaning->arena, &starts[grant->traffic], range);
        for (enum traffic i = 0; i < TRAFFICS; i++)
                settle_traffic(meaning, &group->traffic[i], &starts[i]);
}

void meaning_settle(struct meaning *meaning, const struct address_classes *classes)
{
        meaning->classes = classes;
        meaning->anyone = bits_full(meaning->arena, classes->n);
        vec_foreach (struct subject, subject, &meaning->isolation.subjects)
                subject->class = bits_first(classes->features[subject->class], classes->n);
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                settle_policies(meaning, d);
                for (size_t i = 0; i < meaning->isolation.groups[d].n; i++)
                        settle_group(meaning, d, &meaning->groups[d][i]);
        }
}

struct subjects meaning_subjects(const struct meaning *meaning)
{
        const struct isolation *isolation = &meaning->isolation;

        return (struct subjects){
            .items = isolation->subjects.items,
            .n = isolation->subjects.n,
            .n_groups = {isolation->groups[DIRECTION_INGRESS].n,
                         isolation->groups[DIRECTION_EGRESS].n},
        };
}

struct port_starts meaning_ports(const struct meaning *meaning, enum direction direction,
                                 size_t group, enum protocol protocol)
{
        return meaning->groups[direction][group].traffic[traffic_of(protocol)].starts;
}

static const bits_word *allow(struct meaning *meaning, enum direction direction,
                              const struct group *group, enum traffic traffic, uint16_t port)
{
        bits_word *allowed = bits_new(meaning->arena, meaning->classes->n);
        struct port_range range;

        for (size_t i = 0; i < group->subjects.n_policies; i++)
                vec_foreach (const struct grant, grant,
                             &meaning->policies[direction][group->subjects.policies[i]]->grants)
                        if (grant->traffic == TRAFFICS ||
                            (grant->traffic == traffic && grant_range(group, grant, &range) &&
                             port_range_contains(range, port)))
                                bits_or(allowed, grant->classes, meaning->classes->n);
        return allowed;
}

/* The interval that holds the port. */
static size_t interval_of(const struct port_starts *starts, uint16_t port)
{
        size_t low = 0, high = starts->n;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;
                if (starts->items[middle] <= port)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

const bits_word *meaning_allows(struct meaning *meaning, enum direction direction, size_t group,
                                enum protocol protocol, uint16_t port)
{
        enum traffic traffic = traffic_of(protocol);
        struct group *of = &meaning->groups[direction][group];
        struct traffic_answers *answers = &of->traffic[traffic];
        const bits_word **answer = &answers->by_interval[interval_of(&answers->starts, port)];

        if (!*answer)
                *answer = allow(meaning, direction, of, traffic, port);
        return *answer;
}

const bits_word *meaning_own_node(const struct meaning *meaning)
{
        return meaning->classes->features[meaning->own_node];
}

const bits_word *meaning_link_local(const struct meaning *meaning)
{
        return meaning->classes->features[meaning->link_local];
}

const bits_word *meaning_many(const struct meaning *meaning)
{
        return meaning->classes->features[meaning->many];
}

bool meaning_any_isolated(const struct meaning *meaning)
{
        return meaning->isolation.any;
}
