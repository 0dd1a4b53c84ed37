#include "cmd/check.h"

#include <string.h>

#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/node_facts.h"
#include "cmd/progress.h"
#include "cmd/saved.h"
#include "netlink/pod_bridges.h"
#include "netlink/route.h"

static const struct {
        const char *name;
        int status;
} answers[] = {
    [ANSWER_EQUAL] = {"equal", EXIT_YES},
    [ANSWER_DIFFERENT] = {"different", EXIT_NO},
    [ANSWER_UNPROVEN] = {"unproven", EXIT_TROUBLE},
};

const char *answer_name(enum answer answer)
{
        return answers[answer].name;
}

int answer_status(enum answer answer)
{
        return answers[answer].status;
}

const char *finding_kind_name(enum finding_kind kind)
{
        static const char *const names[] = {
            [FINDING_OPEN] = "open",
            [FINDING_SHUT] = "shut",
            [FINDING_SHUT_BY_OTHERS] = "shutByOthers",
            [FINDING_UNPROVEN] = "unproven",
        };

        return names[kind];
}

const char *packet_state_name(const struct sim_packet *packet)
{
        static const struct {
                enum ct_state state;
                const char *name;
        } states[] = {
            {CT_NEW, "NEW"},         {CT_ESTABLISHED, "ESTABLISHED"}, {CT_RELATED, "RELATED"},
            {CT_INVALID, "INVALID"}, {CT_UNTRACKED, "UNTRACKED"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                if (packet->state & states[i].state)
                        return states[i].name;
        return "in no state";
}

const char *check_backend(const struct check *check, size_t ruleset)
{
        return check->live ? flavour_name(check->reading.flavours[ruleset]) : NULL;
}

const char *check_end_name(const struct check *check, const struct ip *ip)
{
        const struct pod *pod = cluster_pod_at(check->snapshot.cluster, ip);
        const struct node *node = pod ? NULL : cluster_node_at(check->snapshot.cluster, ip);
        char text[IP_TEXT_SIZE];

        ip_format(ip, text);
        if (pod)
                return arena_printf(check->arena, "%s/%s (%s)", pod->meta.namespace, pod->meta.name,
                                    text);
        if (node)
                return arena_printf(check->arena, "node/%s (%s)", node->meta.name, text);
        return arena_strdup(check->arena, text);
}

/* Before what is enforced is read: rules that are compared with it were asked for before. */
static int read_manifests(const char *command, struct options *options, struct check *check)
{
        double began = clock_seconds();

        check->of_agent = options->n_files == 0;
        progress_begin(!check->of_agent ? "reading the manifests" : "asking the agent");
        int status = snapshot_load(command, options, &check->snapshot);
        progress_end();
        check->seconds_manifests = clock_seconds() - began;
        return status;
}

static int read_kernel(const char *command, const struct options *options, struct check *check,
                       struct sim_node *facts)
{
        struct err err;

        check->live = true;
        if (enforced_read(check->arena, options->wait_seconds, &check->reading, &err) < 0 ||
            node_facts_read(check->arena, facts, &err) < 0)
                return fail(command, EXIT_TROUBLE, "node %s: %s", check->snapshot.node, err.text);
        return EXIT_YES;
}

static const char *missing_set(const struct ruleset *ruleset)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                vec_foreach (const struct match, match, &rule->matches)
                                        if (match->kind == MATCH_SET &&
                                            !ruleset_set(ruleset, match->set.name))
                                                return match->set.name;
        return NULL;
}

/* A file that was forgotten looks like a firewall that is empty. */
static void note_missing(struct check *check, const struct ruleset *ruleset)
{
        const char *set = missing_set(ruleset);
        bool has[FAMILIES] = {0};

        vec_foreach (const struct table, table, &ruleset->tables)
                has[table->family] = true;
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                if (!has[family])
                        vec_push(check->arena, &check->reading.notes,
                                 arena_printf(check->arena,
                                              "--rules have no table of %s: the node is taken "
                                              "to have no rules there",
                                              family_name(family)));
        if (set)
                vec_push(check->arena, &check->reading.notes,
                         arena_printf(check->arena,
                                      "set %s, which rules name, is in none of --sets: what "
                                      "matches it is not known",
                                      set));
}

/* The first rule that takes packets out of connection tracking; false where there is none. */
static bool find_notrack(const struct ruleset *ruleset, const struct table **ret_table,
                         const struct chain **ret_chain, size_t *ret_number)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        for (size_t i = 0; i < chain->rules.n; i++)
                                if (chain->rules.items[i].target.kind == TARGET_NOTRACK) {
                                        *ret_table = table;
                                        *ret_chain = chain;
                                        *ret_number = i + 1;
                                        return true;
                                }
        return false;
}

/* Such packets are compared as untracked ones, of which no connection is asked. */
static void note_notrack(struct check *check)
{
        const struct table *table;
        const struct chain *chain;
        size_t number;

        for (size_t i = 0; i < check->reading.enforced.n; i++)
                if (find_notrack(check->reading.enforced.rules[i], &table, &chain, &number))
                        vec_push(check->arena, &check->reading.notes,
                                 arena_printf(check->arena,
                                              "%s %s %s %zu takes packets out of connection "
                                              "tracking: replies to them pass only where policies "
                                              "allow them as connections of their own",
                                              family_name(table->family), table->name, chain->name,
                                              number));
}

/* What a save does not say: the links. The Node object's addresses are the node's; none of the
 * others is local to it, or a broadcast address of its links. */
static int read_files(const char *command, const struct options *options, struct check *check,
                      struct sim_node *facts)
{
        struct ruleset *ruleset = ruleset_new(check->arena);
        const struct node *node = cluster_node(check->snapshot.cluster, check->snapshot.node);
        int status = saved_read(command, options, ruleset);

        if (status != EXIT_YES)
                return status;
        ruleset_finish(ruleset);
        note_missing(check, ruleset);
        check->reading.enforced = enforced_of(ruleset);
        facts->known = true;
        if (node) {
                struct ip *locals = arena_copy(check->arena, node->addresses.items,
                                               node->addresses.n * sizeof(*locals));
                sort_items(locals, node->addresses.n, sizeof(*locals), ip_compare_items);
                facts->locals = locals;
                facts->n_locals = node->addresses.n;
        }
        return EXIT_YES;
}

/* What no rule sees is no better than what a rule lets pass. */
static void look_at_bridges(struct check *check)
{
        struct bridge_report report = {0};
        struct err err;

        if (pod_bridges_filter(check->snapshot.cluster, check->snapshot.node, true, &report, &err) <
            0)
                check->bridge_fault = arena_strdup(check->arena, err.text);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                if (report.wanted[family])
                        check->bridge_fault = arena_printf(
                            check->arena,
                            "pods behind bridge %s reach each other past all rules: %s is 0",
                            report.bridge, bridge_setting(family));
}

static enum answer answer_of(const struct check *check)
{
        const size_t *counts = check->proof.counts;

        if (counts[FINDING_OPEN] || counts[FINDING_SHUT] || check->bridge_fault)
                return ANSWER_DIFFERENT;
        return check->proof.equal ? ANSWER_EQUAL : ANSWER_UNPROVEN;
}

/* As prove_options.link_of: data is the arena. */
static const char *link_of(const struct ip *pod, void *data)
{
        return route_link(data, pod);
}

static int compare(const char *command, const struct options *options, struct check *check)
{
        struct prove_options prove_options = {
            .node = check->snapshot.node,
            .own_node_egress = options->own_node_egress,
        };
        struct err err;

        progress_begin("reading what is enforced");
        int status = options->n_saved > 0
                         ? read_files(command, options, check, &prove_options.node_facts)
                         : read_kernel(command, options, check, &prove_options.node_facts);
        progress_end();
        if (status != EXIT_YES)
                return status;
        note_notrack(check);
        if (check->live) {
                prove_options.link_of = link_of;
                prove_options.link_data = check->arena;
        }
        progress_begin("comparing");
        int r = prove(check->arena, check->snapshot.cluster, &check->reading.enforced,
                      &prove_options, &check->proof, &err);
        progress_end();
        if (r < 0)
                return fail(command, EXIT_TROUBLE, "node %s: %s", check->snapshot.node, err.text);
        if (check->live)
                look_at_bridges(check);
        check->answer = answer_of(check);
        return EXIT_YES;
}

int check_again(const char *command, const struct options *options, struct check *check)
{
        struct snapshot snapshot = check->snapshot;

        arena_free(check->arena);
        *check = (struct check){
            .arena = arena_new(),
            .snapshot = snapshot,
            .seconds_manifests = check->seconds_manifests,
            .of_agent = check->of_agent,
        };
        return compare(command, options, check);
}

int check_make(const char *command, struct options *options, struct check *ret)
{
        struct check check = {0};
        int status = read_manifests(command, options, &check);

        if (status != EXIT_YES)
                return status;
        status = check_again(command, options, &check);
        if (status == EXIT_YES)
                *ret = check;
        else
                check_done(&check);
        return status;
}

void check_done(struct check *check)
{
        arena_free(check->arena);
        snapshot_done(&check->snapshot);
}
