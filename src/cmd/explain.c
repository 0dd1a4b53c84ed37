#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_print.h"
#include "cmd/colours.h"
#include "cmd/command.h"
#include "cmd/endpoint.h"
#include "cmd/explain.h"
#include "cmd/live.h"
#include "cmd/options.h"
#include "cmd/source.h"
#include "cmd/verdict_print.h"
#include "policy/verdict.h"

/* One question has an answer for each family that both ends have. Where the answers are told apart
 * by nothing but addresses, which is nearly always, both are printed all the same: an ipBlock may
 * allow one and not the other, and a person must see that. The verdict of the whole is Allowed only
 * where all are. */

static const struct usage usage = {
    .synopsis = "explain [-f PATH…] FROM TO [--port PORT] [--protocol TCP|UDP|SCTP|ICMP] [--live]",
    .description = "Says whether a new connection is allowed, and which rule of which policy "
                   "decides, on each\n"
                   "side. FROM and TO are NAMESPACE/POD, POD, an address, `node` (the one that the "
                   "other side\n"
                   "runs on) or node/NAME. The port is that of the pod, not of a Service; where it "
                   "is left out\n"
                   "and TO is a pod with one port of the protocol, it is that one.\n"
                   "Without -f the agent that runs here is asked instead of manifests.\n"
                   "With --live the rules in this node's kernel are asked as well: which of them "
                   "decides, and\n"
                   "whether that is what the policies say.\n"
                   "Exit status: 0 allowed, 1 denied, 3 where the kernel does otherwise.",
    .options = OPTION_LIVE | OPTION_NODE | OPTION_WAIT | OPTION_FILES | OPTION_NAMESPACE |
               OPTION_OUTPUT | OPTION_PORT | OPTION_PROTOCOL | OPTION_OWN_NODE_EGRESS |
               OPTION_SOCKET | OPTION_VERBOSE,
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments = "FROM and TO",
};

struct answer {
        const struct ip *source, *destination; /* NULL where a node gives no address */
        struct verdict verdict;
        struct live_answer live;
};

struct question {
        struct arena *arena;
        struct cluster *cluster;
        struct policy_options policy;
        struct endpoint from, to;
        enum protocol protocol;
        uint16_t port;
        struct answer answers[FAMILIES];
        size_t n_answers;
        const struct live *live; /* NULL: the kernel is not asked */
        bool of_agent;           /* the cluster is as the agent has it, not as manifests do */
};

static int ask_number(const char *text, uint16_t *ret, struct err *err)
{
        char *end;
        unsigned long number = strtoul(text, &end, 10);

        if (*end || number < 1 || number > UINT16_MAX)
                return err_set(err, "--port %s: not 1 to 65535", text);
        *ret = (uint16_t)number;
        return 0;
}

static int ask_name(struct question *question, const char *name, struct err *err)
{
        const char *interned = intern_text(question->cluster->intern, name);
        const char *protocol = protocol_name(question->protocol);

        if (!question->to.pod)
                return err_set(err, "--port %s: only pods have named ports, and %s is none", name,
                               question->to.name);
        if (!pod_named_port(question->to.pod, interned, question->protocol, &question->port))
                return err_set(err, "--port %s: pod %s has no %s port of that name", name,
                               question->to.name, protocol);
        return 0;
}

/* The one port that the destination opens, or what to say instead. */
static int guess_port(struct question *question, struct err *err)
{
        const struct pod *pod = question->to.pod;
        const char *protocol = protocol_name(question->protocol);
        size_t n = 0;

        for (size_t i = 0; pod && i < pod->ports.n; i++)
                if (pod->ports.items[i].protocol == question->protocol) {
                        question->port = pod->ports.items[i].port;
                        n++;
                }
        if (n == 1)
                return 0;
        return err_set(err, "--port PORT is needed: %s names %s %s ports", question->to.name,
                       n ? "several" : "no", protocol);
}

static int ask_port(struct question *question, const char *port, struct err *err)
{
        if (question->protocol == PROTOCOL_ICMP)
                return port ? err_set(err, "--port %s: ICMP has no ports", port) : 0;
        if (!port)
                return guess_port(question, err);
        return *port >= '0' && *port <= '9' && strspn(port, "0123456789") == strlen(port)
                   ? ask_number(port, &question->port, err)
                   : ask_name(question, port, err);
}

/* FROM may be "node", which asks for TO. */
static int ask_ends(struct question *question, const struct options *options, struct err *err)
{
        const char *from = options->arguments[0], *to = options->arguments[1];
        bool from_is_node = strcmp(from, "node") == 0;

        if (!from_is_node && endpoint_resolve(question->cluster, from, options->namespace, NULL,
                                              &question->from, err) < 0)
                return -1;
        if (endpoint_resolve(question->cluster, to, options->namespace,
                             from_is_node ? NULL : &question->from, &question->to, err) < 0)
                return -1;
        return from_is_node ? endpoint_resolve(question->cluster, from, options->namespace,
                                               &question->to, &question->from, err)
                            : 0;
}

/* A pod and its own node need no address to be told: always allowed, whatever addresses they use.
 */
static bool is_own_node(const struct question *question)
{
        const struct endpoint *node = question->from.is_node ? &question->from : &question->to;
        const struct endpoint *pod = question->from.is_node ? &question->to : &question->from;

        return node->is_node && pod->pod && strcmp(node->node_name, pod->node_name) == 0;
}

static int answer_without_address(struct question *question, struct err *err)
{
        const struct endpoint *end = question->from.ips.n == 0 ? &question->from : &question->to;
        struct answer answer = {.verdict = {.allowed = true}};

        if (!is_own_node(question) || (question->policy.own_node_egress && question->to.is_node))
                return err_set(err, "%s: has no address %s (%s)", end->name,
                               question->of_agent ? "that the agent knows" : "in the manifests",
                               end->is_node ? ".status.addresses" : ".status.podIPs");
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                answer.verdict.sides[d].allowed = true;
                answer.verdict.sides[d].exempt = "own node";
        }
        question->answers[question->n_answers++] = answer;
        return 0;
}

static int answer_all(struct question *question, struct err *err)
{
        if (question->from.ips.n == 0 || question->to.ips.n == 0)
                return answer_without_address(question, err);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                const struct ip *source = endpoint_ip(&question->from, family);
                const struct ip *destination = endpoint_ip(&question->to, family);
                if (!source || !destination)
                        continue;
                struct packet packet = {*source, *destination, question->protocol, question->port};
                struct answer *answer = &question->answers[question->n_answers++];
                *answer = (struct answer){
                    .source = source,
                    .destination = destination,
                    .verdict = policy_verdict(question->arena, question->cluster, &question->policy,
                                              &packet),
                };
                if (question->live)
                        answer->live = live_ask(question->live, &packet);
        }
        if (question->n_answers == 0)
                return err_set(err, "%s and %s have no address of one family", question->from.name,
                               question->to.name);
        return 0;
}

static bool all_allowed(const struct question *question)
{
        for (size_t i = 0; i < question->n_answers; i++)
                if (!question->answers[i].verdict.allowed)
                        return false;
        return true;
}

static bool any_differs(const struct question *question)
{
        for (size_t i = 0; i < question->n_answers; i++)
                if (question->answers[i].live.differs ||
                    (question->live && !question->answers[i].source))
                        return true;
        return false;
}

/* Of a Service's address policies say nothing; of where the node sends it they may. */
static bool translated_to_denied(const struct question *question)
{
        for (size_t i = 0; i < question->n_answers; i++)
                if (question->answers[i].live.translated && !question->answers[i].live.allowed)
                        return true;
        return false;
}

static void print_end(const struct endpoint *endpoint, const struct ip *ip)
{
        char text[IP_TEXT_SIZE];

        fputs(endpoint->name, stdout);
        if (ip && strcmp(endpoint->name, ip_format(ip, text)) != 0)
                printf(" (%s)", text);
}

static void print_answer(const struct question *question, const struct answer *answer, bool verbose,
                         const struct colours *colours)
{
        bool allowed = answer->verdict.allowed;

        print_end(&question->from, answer->source);
        fputs(" → ", stdout);
        print_end(&question->to, answer->destination);
        printf(", %s", protocol_name(question->protocol));
        if (question->protocol != PROTOCOL_ICMP)
                printf(" %u", question->port);
        printf(": %s%s%s\n", allowed ? colours->good : colours->bad, verdict_name(allowed),
               colours->plain);
        verdict_print_side(&answer->verdict.sides[DIRECTION_EGRESS], DIRECTION_EGRESS,
                           question->from.name);
        verdict_print_side(&answer->verdict.sides[DIRECTION_INGRESS], DIRECTION_INGRESS,
                           question->to.name);
        if (answer->verdict.of_link)
                puts("  denied: an address of a link, where isolated pods may be");
        if (question->live && answer->source)
                live_print(question->live, &answer->live, verbose);
        else if (question->live)
                puts("  the kernel: a node without an address cannot be asked about; give one");
}

static void json_end(struct json_print *json, const char *key, const struct ip *ip)
{
        char text[IP_TEXT_SIZE];

        json_text(json, key, ip ? ip_format(ip, text) : NULL);
}

/* The answer that stands for all: one that denies where there is one. */
static const struct answer *deciding_answer(const struct question *question)
{
        for (size_t i = 0; i < question->n_answers; i++)
                if (!question->answers[i].verdict.allowed)
                        return &question->answers[i];
        return &question->answers[0];
}

static void print_json(const struct question *question)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct json_print json = {.out = &out};

        json_open(&json, NULL, '{');
        json_text(&json, "verdict", verdict_name(all_allowed(question)));
        json_text(&json, "from", question->from.name);
        json_text(&json, "to", question->to.name);
        json_text(&json, "protocol", protocol_name(question->protocol));
        json_number(&json, "port", question->port);
        verdict_json(&json, &deciding_answer(question)->verdict);
        json_open(&json, "addresses", '[');
        for (size_t i = 0; i < question->n_answers; i++) {
                const struct answer *answer = &question->answers[i];
                json_open(&json, NULL, '{');
                json_text(&json, "verdict", verdict_name(answer->verdict.allowed));
                json_end(&json, "source", answer->source);
                json_end(&json, "destination", answer->destination);
                if (question->live && answer->source)
                        live_json(&json, question->live, &answer->live);
                verdict_json(&json, &answer->verdict);
                json_close(&json, '}');
        }
        json_close(&json, ']');
        json_close(&json, '}');
        fputs(strbuf_text(&out), stdout);
}

static int answer(const char *command, struct question *question, const struct options *options)
{
        const struct colours *colours = colours_of_output();
        struct err err;

        if (ask_ends(question, options, &err) < 0 || ask_port(question, options->port, &err) < 0)
                return fail(command, EXIT_USAGE, "%s", err.text);
        if (answer_all(question, &err) < 0)
                return fail(command, EXIT_TROUBLE, "%s", err.text);
        if (options->output == OUTPUT_JSON)
                print_json(question);
        else
                for (size_t i = 0; i < question->n_answers; i++)
                        print_answer(question, &question->answers[i], options->verbose, colours);
        if (any_differs(question))
                return EXIT_TROUBLE;
        return all_allowed(question) && !translated_to_denied(question) ? EXIT_YES : EXIT_NO;
}

int explain(const char *command, const struct options *options, struct cluster *cluster)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct question question = {
            .of_agent = options->n_files == 0,
            .arena = arena,
            .cluster = cluster,
            .policy = {.own_node_egress = options->own_node_egress},
            .protocol = options->protocol,
        };
        struct live live;

        if (options->live) {
                int status = live_read(command, options, arena, cluster, &live);
                if (status != EXIT_YES)
                        return status;
                question.live = &live;
        }
        return answer(command, &question, options);
}

int cmd_explain(int argc, char **argv)
{
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        _cleanup_cluster_ struct cluster *cluster = NULL;
        status = source_load(argv[0], &options, options.live, &cluster);
        if (status != EXIT_YES)
                return status;
        options_seal(cluster);
        return explain(argv[0], &options, cluster);
}
