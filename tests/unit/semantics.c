#include "semantics.h"

#include <stdio.h>
#include <stdlib.h>

#include "every_meaning.h"
#include "every_node.h"
#include "kube/load.h"

static struct cluster *load(const char *manifests, struct arena *arena, struct problems *problems)
{
        struct cluster *cluster = cluster_new();
        struct load_stats stats = {0};

        *problems = problems_in(arena);
        load_text(cluster, manifests, strlen(manifests), "test.yaml", "default", problems, &stats);
        return cluster;
}

struct cluster *cluster_of(const char *manifests)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems;
        struct cluster *cluster = load(manifests, arena, &problems);

        if (problems.list.n > 0)
                fail_msg("test.yaml:%u: %s", problems.list.items[0].place.line,
                         problems.list.items[0].text);
        cluster_seal(cluster);
        return cluster;
}

void expect_refused(const char *manifests, const char *where)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems;

        cluster_free(load(manifests, arena, &problems));
        vec_foreach (struct problem, problem, &problems.list)
                if (strstr(problem->text, where))
                        return;
        fail_msg("nothing is wrong at %s, but: %s", where,
                 problems.list.n ? problems.list.items[0].text : "accepted");
}

static bool end_address(const struct cluster *cluster, const char *text, enum family family,
                        struct ip *ret)
{
        const char *slash = strchr(text, '/');
        char namespace[64] = "default";
        const struct ip *found;

        if (ip_parse(text, ret))
                return ret->family == family;
        if (strncmp(text, "node/", 5) == 0) {
                const struct node *node = cluster_node(cluster, text + 5);
                assert_non_null(node);
                found = ip_of_family(node->addresses.items, node->addresses.n, family);
        } else {
                if (slash)
                        snprintf(namespace, sizeof(namespace), "%.*s", (int)(slash - text), text);
                const struct pod *pod = cluster_pod(cluster, namespace, slash ? slash + 1 : text);
                assert_non_null(pod);
                found = pod_ip(pod, family);
        }
        if (found)
                *ret = *found;
        return found;
}

static void parse_traffic(const char *text, struct packet *packet)
{
        char name[16];
        unsigned port = 0;

        assert_true(sscanf(text, "%15[^:]:%u", name, &port) >= 1);
        if (!protocol_parse(name, &packet->protocol))
                packet->protocol = (enum protocol)atoi(name);
        packet->port = (uint16_t)port;
}

bool packet_of(const struct cluster *cluster, const char *text, enum family family,
               struct packet *ret)
{
        struct packet packet = {0};
        char from[64], to[64], traffic[32];

        assert_int_equal(sscanf(text, "%63s > %63s %31s", from, to, traffic), 3);
        parse_traffic(traffic, &packet);
        if (!end_address(cluster, from, family, &packet.source) ||
            !end_address(cluster, to, family, &packet.destination))
                return false;
        *ret = packet;
        return true;
}

struct place_in_test {
        const char *file;
        int line;
};

static void hold(struct place_in_test place, const char *who, const char *text, enum family family,
                 bool said)
{
        bool allowed = strstr(text, " allowed");

        assert_true(allowed || strstr(text, " denied"));
        if (said != allowed)
                fail_msg("%s:%d: \"%s\": %s says %s (%s)", place.file, place.line, text, who,
                         said ? "allowed" : "denied", family_name(family));
}

static bool ask(struct place_in_test place, const struct cluster *cluster,
                const struct policy_options *options, const struct every_node *const every[2],
                const char *text, enum family family)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct packet packet;

        if (!packet_of(cluster, text, family, &packet))
                return false;
        hold(place, "policy_verdict", text, family,
             policy_verdict(arena, cluster, options, &packet).allowed);
        hold(place, "policy_allows", text, family, policy_allows(cluster, options, &packet));
        struct every_meaning meanings = every_meaning_of(arena, cluster, family);
        hold(place, "the meaning", text, family,
             every_meaning_allows(&meanings, options->own_node_egress, &packet));
        for (enum deny_action deny = DENY_DROP; deny <= DENY_REJECT; deny++) {
                enum outcome outcome = every_node_judge(every[deny], &packet);
                assert_int_not_equal(outcome, OUTCOME_UNKNOWN);
                hold(place, deny == DENY_DROP ? "the ruleset" : "the ruleset that rejects", text,
                     family, outcome == OUTCOME_PASS);
        }
        return true;
}

void expect(const char *file, int line, struct policy_options options, const char *manifests,
            const char *const *packets)
{
        _cleanup_cluster_ struct cluster *cluster = cluster_of(manifests);
        _cleanup_arena_ struct arena *arena = arena_new();
        struct place_in_test place = {file, line};
        const struct every_node *every[2];
        struct err err;

        for (enum deny_action deny = DENY_DROP; deny <= DENY_REJECT; deny++) {
                every[deny] =
                    every_node_compile(arena, cluster, options.own_node_egress, deny, &err);
                assert_non_null(every[deny]);
        }
        for (; *packets; packets++) {
                bool v4 = ask(place, cluster, &options, every, *packets, FAMILY_IPV4);
                bool v6 = ask(place, cluster, &options, every, *packets, FAMILY_IPV6);
                if (!v4 && !v6)
                        fail_msg("%s:%d: \"%s\": the ends share no family", file, line, *packets);
        }
}
