#include <inttypes.h>
#include <string.h>

#include "cmd/check.h"
#include "cmd/colours.h"
#include "cmd/deciding.h"

/* A finding takes a few lines: the packet, what the policies say of it and which of them, what the
 * rules do with it and which of them. A rule that is to blame for many packets is shown with a few
 * of them; json has them all. */

#define SHOWN_OF_ONE_RULE 3

static const char *plural(size_t n, const char *one, const char *many)
{
        return n == 1 ? one : many;
}

static void add_head(const struct check *check, struct strbuf *out)
{
        const struct proof *proof = &check->proof;
        const struct colours *colours = colours_of_output();
        bool good = check->answer == ANSWER_EQUAL;

        strbuf_printf(out, "node %s: %s%s%s: ", check->snapshot.node,
                      good ? colours->good : colours->bad, answer_name(check->answer),
                      colours->plain);
        if (!good)
                strbuf_printf(out, "%zu open, %zu shut, %zu unproven; ",
                              proof->counts[FINDING_OPEN], proof->counts[FINDING_SHUT],
                              proof->counts[FINDING_UNPROVEN]);
        strbuf_printf(out, "%zu %s, %zu classes of addresses, %zu cases\n", proof->pods,
                      plural(proof->pods, "pod", "pods"),
                      proof->classes[FAMILY_IPV4] + proof->classes[FAMILY_IPV6], proof->checks);
}

static void add_protocol(const struct sim_packet *packet, struct strbuf *out)
{
        enum protocol protocol =
            packet->protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : packet->protocol;
        const char *name = protocol_name(protocol);

        if (!name)
                strbuf_printf(out, "protocol %u", packet->protocol);
        else if (protocol == PROTOCOL_ICMP)
                strbuf_printf(out, "ICMP%s type %u",
                              packet->protocol == PROTOCOL_ICMPV6 ? "v6" : "", packet->icmp_type);
        else
                strbuf_printf(out, "%s %u", name, packet->destination_port);
        if (protocol == PROTOCOL_TCP && (packet->state & CT_NEW) && packet->tcp_flags != TCP_SYN)
                strbuf_add(out, " (no SYN)");
        if (protocol == PROTOCOL_SCTP && (packet->state & CT_NEW) && !packet->sctp_init)
                strbuf_add(out, " (no INIT)");
}

static void add_packet(const struct check *check, const struct finding *finding, struct strbuf *out)
{
        const struct sim_packet *packet = &finding->packet;

        strbuf_printf(out, "%s → %s, ", check_end_name(check, &packet->source),
                      check_end_name(check, &packet->destination));
        add_protocol(packet, out);
        strbuf_printf(out, ", %s, %s\n", packet_state_name(packet),
                      family_name(packet->source.family));
}

static void add_policies(const struct side *side, struct strbuf *out)
{
        const char *comma = "";

        vec_foreach (const struct network_policy *, policy, &side->policies) {
                strbuf_printf(out, "%s%s/%s", comma, (*policy)->meta.namespace,
                              (*policy)->meta.name);
                comma = ", ";
        }
}

static void add_rules(const struct side *side, struct strbuf *out)
{
        const char *comma = "";

        vec_foreach (const struct policy_rule_ref, ref, &side->allowed_by) {
                strbuf_printf(out, "%s%s/%s %s[%zu]", comma, ref->policy->meta.namespace,
                              ref->policy->meta.name, direction_name(ref->direction), ref->rule);
                comma = ", ";
        }
}

/* Whose word it is: of a denial the sides that deny, of a permission those that have something to
 * say. */
static void add_side(const struct side *side, enum direction direction, bool allowed,
                     struct strbuf *out)
{
        if (allowed && side->isolated && !side->exempt) {
                strbuf_printf(out, "           %s: ", direction_name(direction));
                add_rules(side, out);
                strbuf_add_char(out, '\n');
        } else if (!allowed && !side->allowed) {
                strbuf_printf(out, "           %s: no policy allows it; isolated by ",
                              direction_name(direction));
                add_policies(side, out);
                strbuf_add_char(out, '\n');
        }
}

static void add_meaning(const struct finding *finding, struct strbuf *out)
{
        const struct verdict *verdict = &finding->verdict;

        if (finding->expected) {
                strbuf_printf(out, "  expected %s\n", finding->expected);
                return;
        }
        strbuf_printf(out, "  policies %s\n", verdict->allowed ? "allow it" : "deny it");
        if (verdict->of_link)
                strbuf_add(out, "           an address of a link, where isolated pods may be\n");
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++)
                add_side(&verdict->sides[DIRECTIONS - 1 - d], DIRECTIONS - 1 - d, verdict->allowed,
                         out);
}

static const char *does(const struct finding *finding)
{
        static const char *const words[] = {
            [FINDING_OPEN] = "let it pass",
            [FINDING_SHUT] = "stop it",
            [FINDING_SHUT_BY_OTHERS] = "stop it, by a rule that is not penstock's",
            [FINDING_UNPROVEN] = "are not understood",
        };

        return words[finding->kind];
}

static const char *with_chance(const struct finding *finding)
{
        static const char *const words[] = {
            [CHANCE_UNKNOWN] = "",
            [CHANCE_MATCHES] = " (where limits and chance match)",
            [CHANCE_FAILS] = " (where limits and chance do not match)",
            [CHANCE_MIXED] = " (where some limits and chance match, and others do not)",
        };

        return words[finding->chance];
}

static void add_finding(const struct check *check, const struct finding *finding,
                        struct strbuf *out)
{
        static const char *const labels[] = {
            [FINDING_OPEN] = "OPEN     ",
            [FINDING_SHUT] = "SHUT     ",
            [FINDING_SHUT_BY_OTHERS] = "others   ",
            [FINDING_UNPROVEN] = "UNPROVEN ",
        };
        struct deciding deciding = deciding_at(check_backend(check, finding->ruleset),
                                               finding->table, finding->chain, finding->rule);

        strbuf_printf(out, "%s", labels[finding->kind]);
        add_packet(check, finding, out);
        add_meaning(finding, out);
        strbuf_printf(out, "  rules    %s in %s%s\n           %s\n", does(finding),
                      sim_hook_name(finding->hook), with_chance(finding),
                      deciding.chain ? deciding_text(check->arena, &deciding)
                                     : "no rule stops it: it comes to the end of every chain");
        if (finding->doubt)
                strbuf_printf(out, "           %s\n", finding->doubt);
        if (finding->classes > 1)
                strbuf_printf(out, "           and so for %zu more class%s of addresses\n",
                              finding->classes - 1, finding->classes == 2 ? "" : "es");
}

static size_t counted(const struct proof *proof)
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(proof->counts); i++)
                n += proof->counts[i];
        return n;
}

static void add_notes(const struct check *check, struct strbuf *out)
{
        vec_foreach (const char *, note, &check->reading.notes)
                strbuf_printf(out, "note: %s\n", *note);
}

static bool is_shown(const struct proof *proof, const struct finding *finding)
{
        size_t before = 0;

        for (const struct finding *it = proof->findings.items; it < finding; it++)
                before += it->kind == finding->kind && it->chain == finding->chain &&
                          it->rule == finding->rule;
        return before < SHOWN_OF_ONE_RULE;
}

static void add_findings(const struct check *check, struct strbuf *out)
{
        const struct proof *proof = &check->proof;
        size_t n = 0;

        vec_foreach (const struct finding, finding, &proof->findings)
                if (is_shown(proof, finding)) {
                        add_finding(check, finding, out);
                        n++;
                }
        if (counted(proof) > n)
                strbuf_printf(out, "and %zu more\n", counted(proof) - n);
}

void check_print(const struct check *check, bool timings, struct strbuf *out)
{
        const struct proof *proof = &check->proof;

        add_head(check, out);
        if (check->bridge_fault)
                strbuf_printf(out, "OPEN     %s\n", check->bridge_fault);
        add_findings(check, out);
        add_notes(check, out);
        if (timings)
                strbuf_printf(out, "seconds: %s %.3f, reading %.3f, classes %.3f, proof %.3f\n",
                              check->of_agent ? "the agent's answer" : "manifests",
                              check->seconds_manifests, check->reading.seconds,
                              proof->seconds_classes, proof->seconds_proof);
}
