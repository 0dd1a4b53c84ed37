#include <stdio.h>

#include "base/json_print.h"
#include "cmd/lab_report.h"

static void json_ends(struct json_print *json, const struct lab_plan *plan)
{
        static const char *const kinds[] = {
            [LAB_POD] = "pod", [LAB_NODE] = "node", [LAB_OUTSIDE] = "outside"};
        char text[IP_TEXT_SIZE];

        json_open(json, "ends", '[');
        vec_foreach (const struct lab_end, end, &plan->ends) {
                json_open(json, NULL, '{');
                json_text(json, "label", end->label);
                json_text(json, "kind", kinds[end->kind]);
                if (end->kind == LAB_POD)
                        json_text(json, "node", plan->ends.items[end->node].name);
                json_open(json, "addresses", '[');
                vec_foreach (const struct ip, ip, &end->ips)
                        json_text(json, NULL, ip_format(ip, text));
                json_close(json, ']');
                json_close(json, '}');
        }
        json_close(json, ']');
}

static void json_probe(struct json_print *json, const struct lab_plan *plan,
                       const struct probe *probe)
{
        char text[IP_TEXT_SIZE];

        json_open(json, NULL, '{');
        json_text(json, "from", plan->ends.items[probe->from].label);
        json_text(json, "to", plan->ends.items[probe->to].label);
        json_text(json, "source", ip_format(&probe->source, text));
        json_text(json, "destination", ip_format(&probe->destination, text));
        json_text(json, "family", family_name(probe->source.family));
        json_text(json, "protocol", protocol_name(probe->protocol));
        json_number(json, "port", probe->port);
        json_text(json, "expected", verdict_name(probe->expected));
        json_text(json, "actual", verdict_name(probe->passed));
        json_text(json, "reason", probe->reason);
        json_close(json, '}');
}

void lab_report_json(const struct lab_plan *plan, const struct probes *probes)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct json_print json = {.out = &out};

        json_open(&json, NULL, '{');
        json_text(&json, "lab", plan->lab);
        json_number(&json, "probes", probes->list.n);
        json_number(&json, "differences", probes->n_differences);
        json_open(&json, "notes", '[');
        vec_foreach (const char *, note, &plan->notes)
                json_text(&json, NULL, *note);
        json_close(&json, ']');
        json_ends(&json, plan);
        json_open(&json, "ports", '[');
        vec_foreach (const uint16_t, port, &plan->ports.list)
                json_number(&json, NULL, *port);
        json_close(&json, ']');
        json_number(&json, "unnamedPort", plan->ports.unnamed);
        json_open(&json, "results", '[');
        vec_foreach (const struct probe, probe, &probes->list)
                json_probe(&json, plan, probe);
        json_close(&json, ']');
        json_close(&json, '}');
        fputs(strbuf_text(&out), stdout);
}
