#include <string.h>

#include "base/json_print.h"
#include "cmd/check.h"
#include "cmd/deciding.h"
#include "cmd/verdict_print.h"

static void json_flags(struct json_print *json, const struct sim_packet *packet)
{
        static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};

        json_open(json, "tcpFlags", '[');
        for (size_t i = 0; packet->protocol == PROTOCOL_TCP && i < ARRAY_SIZE(names); i++)
                if (packet->tcp_flags & (1u << i))
                        json_text(json, NULL, names[i]);
        json_close(json, ']');
}

static void json_packet(struct json_print *json, const struct check *check,
                        const struct sim_packet *packet)
{
        char text[IP_TEXT_SIZE];
        bool icmpv6 = packet->protocol == PROTOCOL_ICMPV6;
        const char *name = icmpv6 ? "ICMPv6" : protocol_name(packet->protocol);

        json_open(json, "packet", '{');
        json_text(json, "family", family_name(packet->source.family));
        json_text(json, "source", ip_format(&packet->source, text));
        json_text(json, "from", check_end_name(check, &packet->source));
        json_text(json, "destination", ip_format(&packet->destination, text));
        json_text(json, "to", check_end_name(check, &packet->destination));
        if (name)
                json_text(json, "protocol", name);
        else
                json_text(json, "protocol", arena_printf(check->arena, "%u", packet->protocol));
        json_number(json, "sourcePort", packet->source_port);
        json_number(json, "port", packet->destination_port);
        json_text(json, "state", packet_state_name(packet));
        json_flags(json, packet);
        json_number(json, "icmpType", packet->icmp_type);
        json_number(json, "icmpCode", packet->icmp_code);
        json_text(json, "inInterface", packet->in_interface);
        json_text(json, "outInterface", packet->out_interface);
        json_number(json, "mark", packet->mark);
        json_close(json, '}');
}

static void json_finding(struct json_print *json, const struct check *check,
                         const struct finding *finding)
{
        static const char *const rules[] = {
            [FINDING_OPEN] = "passes",
            [FINDING_SHUT] = "stopped",
            [FINDING_SHUT_BY_OTHERS] = "stopped",
            [FINDING_UNPROVEN] = "unknown",
        };
        struct deciding deciding = deciding_at(check_backend(check, finding->ruleset),
                                               finding->table, finding->chain, finding->rule);
        const struct pod *pod = finding->pod;

        json_open(json, NULL, '{');
        json_text(json, "kind", finding_kind_name(finding->kind));
        json_packet(json, check, &finding->packet);
        json_text(json, "hook", sim_hook_name(finding->hook));
        json_text(json, "pod",
                  pod ? arena_printf(check->arena, "%s/%s", pod->meta.namespace, pod->meta.name)
                      : NULL);
        json_text(json, "policies", verdict_name(finding->verdict.allowed));
        json_text(json, "expected", finding->expected);
        json_text(json, "rules", rules[finding->kind]);
        json_text(json, "doubt", finding->doubt);
        json_open(json, "verdict", '{');
        verdict_json(json, &finding->verdict);
        json_close(json, '}');
        deciding_json(json, "decidedBy", &deciding);
        json_number(json, "addressClasses", finding->classes);
        json_close(json, '}');
}

static void json_notes(struct json_print *json, const struct check *check)
{
        json_open(json, "notes", '[');
        vec_foreach (const char *, note, &check->reading.notes)
                json_text(json, NULL, *note);
        json_close(json, ']');
}

static void json_figures(struct json_print *json, const struct check *check)
{
        const struct proof *proof = &check->proof;

        json_number(json, "pods", proof->pods);
        json_open(json, "addressClasses", '{');
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                json_number(json, family_name(family), proof->classes[family]);
        json_close(json, '}');
        json_number(json, "cases", proof->checks);
        json_open(json, "counts", '{');
        for (enum finding_kind kind = FINDING_OPEN; kind <= FINDING_UNPROVEN; kind++)
                json_number(json, finding_kind_name(kind), proof->counts[kind]);
        json_close(json, '}');
}

static void json_seconds(struct json_print *json, const struct check *check)
{
        const struct {
                const char *name;
                double seconds;
        } rows[] = {
            {"manifests", check->seconds_manifests},
            {"reading", check->reading.seconds},
            {"classes", check->proof.seconds_classes},
            {"proof", check->proof.seconds_proof},
        };

        json_open(json, "seconds", '{');
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                json_digits(json, rows[i].name,
                            arena_printf(check->arena, "%.6f", rows[i].seconds));
        json_close(json, '}');
}

void check_json(const struct check *check, bool timings, const char *time, struct strbuf *out)
{
        struct json_print json = {.out = out};

        json_open(&json, NULL, '{');
        if (time)
                json_text(&json, "time", time);
        json_text(&json, "node", check->snapshot.node);
        json_text(&json, "result", answer_name(check->answer));
        json_text(&json, "source", check->live ? "kernel" : "files");
        json_open(&json, "backends", '[');
        for (size_t i = 0; check->live && i < check->reading.enforced.n; i++)
                json_text(&json, NULL, check_backend(check, i));
        json_close(&json, ']');
        json_figures(&json, check);
        json_open(&json, "findings", '[');
        vec_foreach (const struct finding, finding, &check->proof.findings)
                json_finding(&json, check, finding);
        json_close(&json, ']');
        json_text(&json, "bridge", check->bridge_fault);
        json_notes(&json, check);
        if (timings)
                json_seconds(&json, check);
        json_close(&json, '}');
}
