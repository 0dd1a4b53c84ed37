#include "cmd/live.h"

#include <stdio.h>
#include <string.h>

#include "cmd/colours.h"
#include "cmd/command.h"
#include "cmd/deciding.h"
#include "cmd/node_facts.h"
#include "cmd/progress.h"
#include "cmd/snapshot.h"
#include "iptables/installed.h"
#include "netlink/route.h"

int live_read(const char *command, const struct options *options, struct arena *arena,
              struct cluster *cluster, struct live *ret)
{
        struct live live = {
            .arena = arena,
            .cluster = cluster,
            .node = snapshot_node(command, options, cluster),
            .own_node_egress = options->own_node_egress,
        };
        struct err err;

        if (!live.node)
                return EXIT_USAGE;
        progress_begin("reading what is enforced");
        int r = enforced_read(arena, options->wait_seconds, &live.reading, &err);
        progress_end();
        if (r < 0 || node_facts_read(arena, &live.facts, &err) < 0)
                return fail(command, EXIT_TROUBLE, "node %s: %s", live.node, err.text);
        vec_foreach (const char *, note, &live.reading.notes)
                fprintf(stderr, "note: %s\n", *note);
        *ret = live;
        return EXIT_YES;
}

struct asking {
        const struct live *live;
        struct live_answer *answer;
};

static void trace(const struct table *table, const struct chain *chain, const struct rule *rule,
                  enum truth truth, void *data)
{
        struct asking *asking = data;
        struct live_step step = {table, chain, rule, truth};

        vec_push(asking->live->arena, &asking->answer->steps, step);
}

static bool is_own_address(const struct live *live, const struct ip *ip)
{
        for (size_t i = 0; i < live->facts.n_locals; i++)
                if (ip_equal(&live->facts.locals[i], ip))
                        return true;
        return false;
}

static void run(const struct live *live, const struct sim_packet *packet, enum chance chance,
                struct live_answer *ret)
{
        struct asking asking = {live, ret};
        const struct sim_options options = {
            .node = &live->facts,
            .chance = chance,
            .trace = trace,
            .trace_data = &asking,
        };

        ret->steps.n = 0;
        ret->result = simulate_path(&live->reading.enforced, is_own_address(live, &packet->source),
                                    packet, &options);
}

static struct sim_packet packet_between(const struct live *live, const struct packet *packet)
{
        struct sim_packet made =
            sim_packet_new(&packet->source, &packet->destination, packet->protocol, packet->port);

        made.in_interface =
            is_own_address(live, &packet->source) ? "" : route_link(live->arena, &packet->source);
        made.out_interface = is_own_address(live, &packet->destination)
                                 ? ""
                                 : route_link(live->arena, &packet->destination);
        return made;
}

/* A limit that may match or not often changes nothing that matters. */
static void settle_chance(const struct live *live, const struct sim_packet *packet,
                          struct live_answer *answer)
{
        struct live_answer matching = {0}, failing = {0};

        if (answer->result.outcome != OUTCOME_UNKNOWN)
                return;
        run(live, packet, CHANCE_MATCHES, &matching);
        run(live, packet, CHANCE_FAILS, &failing);
        if (matching.result.outcome == failing.result.outcome)
                *answer = failing;
}

struct live_answer live_ask(const struct live *live, const struct packet *packet)
{
        const struct policy_options policy = {live->own_node_egress, live->node};
        struct sim_packet made = packet_between(live, packet);
        struct live_answer answer = {0};

        run(live, &made, CHANCE_UNKNOWN, &answer);
        if (answer.result.rerouted) { /* it leaves by the way to where it goes now */
                made.out_interface = route_link(live->arena, &answer.result.packet.destination);
                run(live, &made, CHANCE_UNKNOWN, &answer);
        }
        settle_chance(live, &made, &answer);
        answer.judged = *packet;
        answer.judged.destination = answer.result.packet.destination;
        answer.judged.port = answer.result.packet.destination_port;
        answer.translated = !ip_equal(&answer.judged.destination, &packet->destination) ||
                            (packet->port && answer.judged.port != packet->port);
        if (!packet->port)
                answer.judged.port = 0;
        answer.allowed = policy_allows(live->cluster, &policy, &answer.judged);
        answer.differs = answer.result.outcome != (answer.allowed ? OUTCOME_PASS : OUTCOME_DROP);
        return answer;
}

static const char *backend_of(const struct live *live, const struct table *table)
{
        const struct enforced *enforced = &live->reading.enforced;

        for (size_t i = 0; i < enforced->n; i++)
                vec_foreach (const struct table, it, &enforced->rules[i]->tables)
                        if (it == table)
                                return flavour_name(live->reading.flavours[i]);
        return NULL;
}

static struct deciding deciding_of(const struct live *live, const struct table *table,
                                   const struct chain *chain, const struct rule *rule)
{
        struct deciding deciding = deciding_at(backend_of(live, table), table, chain, rule);

        deciding.counted = true;
        return deciding;
}

static const char *outcome_name(enum outcome outcome)
{
        static const char *const names[] = {
            [OUTCOME_PASS] = "passes",
            [OUTCOME_DROP] = "stopped",
            [OUTCOME_UNKNOWN] = "unknown",
        };

        return names[outcome];
}

/* Whoever passes in the end does so because these let it: returns from penstock's chains of a
 * pod's policies. Who is stopped in a chain of denials was sent there by a rule that tells more. */
static bool tells_why(const struct live_step *step, const struct sim_result *result)
{
        const struct target *target = &step->rule->target;

        if (step->truth != YES || !is_own_chain(step->chain->name))
                return false;
        if (result->outcome == OUTCOME_PASS)
                return target->kind == TARGET_RETURN;
        return result->chain && (target->kind == TARGET_JUMP || target->kind == TARGET_GOTO) &&
               strcmp(target->text, result->chain->name) == 0;
}

static void print_step(const struct live *live, const struct live_step *step)
{
        struct deciding deciding = deciding_of(live, step->table, step->chain, step->rule);

        printf("      %s%s\n", step->truth == UNKNOWN ? "perhaps " : "",
               deciding_text(live->arena, &deciding));
}

void live_print(const struct live *live, const struct live_answer *answer, bool all)
{
        const struct colours *colours = colours_of_output();
        const struct sim_result *result = &answer->result;
        struct deciding deciding = deciding_of(live, result->table, result->chain, result->rule);
        bool good = result->outcome == OUTCOME_PASS;
        char text[IP_TEXT_SIZE];

        printf("  the kernel of %s: %s%s%s\n", live->node, good ? colours->good : colours->bad,
               outcome_name(result->outcome), colours->plain);
        if (answer->translated)
                printf("    sent on to %s port %u, of which policies are asked\n",
                       ip_format(&answer->judged.destination, text), answer->judged.port);
        vec_foreach (const struct live_step, step, &answer->steps)
                if (all || tells_why(step, result))
                        print_step(live, step);
        printf("    %s\n", result->chain ? deciding_text(live->arena, &deciding)
                                         : "no rule stops it: it comes to the end of every chain");
        if (answer->differs)
                printf("  %sDIFFERENT%s: the policies %s it as far as this node judges, and its "
                       "rules %s\n",
                       colours->bad, colours->plain, answer->allowed ? "allow" : "deny",
                       result->outcome == OUTCOME_UNKNOWN
                           ? "cannot be told: that one is not understood"
                       : good ? "let it pass"
                              : "stop it");
}

void live_json(struct json_print *json, const struct live *live, const struct live_answer *answer)
{
        const struct sim_result *result = &answer->result;
        struct deciding deciding = deciding_of(live, result->table, result->chain, result->rule);
        char text[IP_TEXT_SIZE];

        json_open(json, "live", '{');
        json_text(json, "node", live->node);
        json_text(json, "outcome", outcome_name(result->outcome));
        json_text(json, "policies", verdict_name(answer->allowed));
        json_bool(json, "differs", answer->differs);
        deciding_json(json, "decidedBy", &deciding);
        json_open(json, "matched", '[');
        vec_foreach (const struct live_step, step, &answer->steps) {
                deciding = deciding_of(live, step->table, step->chain, step->rule);
                json_open(json, NULL, '{');
                json_bool(json, "certain", step->truth == YES);
                deciding_json(json, "rule", &deciding);
                json_close(json, '}');
        }
        json_close(json, ']');
        json_text(json, "destination", ip_format(&answer->judged.destination, text));
        json_number(json, "port", answer->judged.port);
        json_close(json, '}');
}
