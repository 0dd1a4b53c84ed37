#include <stdio.h>

#include "base/json_print.h"
#include "cmd/diff_report.h"

/* Of all pods of all changes: in no arena. */
static void json_pod(struct json_print *json, const struct pod *pod)
{
        _cleanup_strbuf_ struct strbuf name = {0};

        strbuf_printf(&name, "%s/%s", pod->meta.namespace, pod->meta.name);
        json_text(json, NULL, strbuf_text(&name));
}

static void json_blocks(struct json_print *json, const struct diff_report *report,
                        const struct group *group, enum family family)
{
        char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];

        for (size_t i = 0; i < report->difference->blocks[family].n; i++) {
                const struct address_block *block = &report->difference->blocks[family].items[i];
                if (!bits_get(group->blocks[family], i))
                        continue;
                json_open(json, NULL, '{');
                json_text(json, "first", ip_format(&block->first, first));
                json_text(json, "last", ip_format(&block->last, last));
                json_close(json, '}');
        }
}

static void json_group(struct json_print *json, const char *key, const struct diff_report *report,
                       const struct group *group)
{
        json_open(json, key, '{');
        json_open(json, "names", '[');
        for (size_t i = 0; i < group->n_names; i++)
                json_text(json, NULL, group->names[i]);
        json_close(json, ']');
        json_open(json, "pods", '[');
        for (size_t i = 0; i < report->difference->pods.n; i++)
                if (bits_get(group->pods, i))
                        json_pod(json, report->difference->pods.items[i]);
        json_close(json, ']');
        json_open(json, "addresses", '[');
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                json_blocks(json, report, group, family);
        json_close(json, ']');
        json_close(json, '}');
}

static void json_traffic(struct json_print *json, const struct change *change)
{
        json_open(json, "traffic", '[');
        for (size_t i = 0; i < change->n_traffic; i++) {
                const struct traffic *traffic = &change->traffic[i];
                json_open(json, NULL, '{');
                if (traffic->protocol == PROTOCOL_ANY) {
                        json_text(json, "protocol", "others");
                } else {
                        json_text(json, "protocol", protocol_name(traffic->protocol));
                        json_number(json, "port", traffic->ports.first);
                        json_number(json, "endPort", traffic->ports.last);
                }
                json_close(json, '}');
        }
        json_close(json, ']');
}

static void json_reasons(struct json_print *json, const struct diff_report *report,
                         const struct change *change)
{
        static const char *const names[] = {[REASON_RULE] = "rule",
                                            [REASON_ISOLATION] = "isolation",
                                            [REASON_OWN_NODE] = "own node"};

        json_open(json, "reasons", '[');
        for (size_t i = 0; i < change->n_reasons; i++) {
                const struct reason *reason = &change->reasons[i];
                json_open(json, NULL, '{');
                json_text(json, "kind", names[reason->kind]);
                json_text(json, "direction", direction_name(reason->direction));
                if (reason->policy)
                        json_text(json, "policy",
                                  arena_printf(report->arena, "%s/%s",
                                               reason->policy->meta.namespace,
                                               reason->policy->meta.name));
                if (reason->kind == REASON_RULE)
                        json_number(json, "rule", reason->rule);
                json_close(json, '}');
        }
        json_close(json, ']');
}

static const char *kind_name(enum change_kind kind)
{
        return kind == CHANGE_OPENED ? "opened" : "closed";
}

static void json_change(struct json_print *json, const struct diff_report *report,
                        const struct change *change)
{
        json_open(json, NULL, '{');
        json_text(json, "change", kind_name(change->kind));
        json_bool(json, "undecided", change->undecided);
        json_group(json, "from", report, &change->from);
        json_group(json, "to", report, &change->to);
        json_traffic(json, change);
        json_open(json, "families", '[');
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++)
                if (change->families[family])
                        json_text(json, NULL, family_name(family));
        json_close(json, ']');
        json_reasons(json, report, change);
        json_close(json, '}');
}

static void json_links(struct json_print *json, const struct difference *difference)
{
        json_open(json, "links", '[');
        vec_foreach (const struct link_change, link, &difference->links) {
                json_open(json, NULL, '{');
                json_text(json, "change", kind_name(link->kind));
                json_text(json, "what", link->node ? "to many" : "link-local");
                json_text(json, "node", link->node);
                json_close(json, '}');
        }
        json_close(json, ']');
}

static void json_pods(struct json_print *json, const char *key, const struct pod *const *pods,
                      size_t n)
{
        json_open(json, key, '[');
        for (size_t i = 0; i < n; i++)
                json_pod(json, pods[i]);
        json_close(json, ']');
}

static void json_end(struct json_print *json, const char *key, const char *pod, const struct ip *ip,
                     uint16_t port)
{
        char text[IP_TEXT_SIZE];

        json_open(json, key, '{');
        json_text(json, "pod", pod);
        json_text(json, "address", ip_format(ip, text));
        json_number(json, "port", port);
        json_close(json, '}');
}

static void json_cut(struct json_print *json, const struct diff_report *report)
{
        if (!report->node)
                return;
        json_text(json, "node", report->node);
        json_open(json, "cut", '[');
        vec_foreach (const struct cut_connection, cut, &report->cut) {
                json_open(json, NULL, '{');
                json_text(json, "protocol", protocol_name(cut->packet.protocol));
                json_number(json, "protocolNumber", cut->packet.protocol);
                json_end(json, "from", cut->source, &cut->packet.source, cut->source_port);
                json_end(json, "to", cut->destination, &cut->packet.destination, cut->packet.port);
                json_close(json, '}');
        }
        json_close(json, ']');
}

/* What is there so far: all of a large difference can be a gigabyte. */
static void flush(struct strbuf *out)
{
        fwrite(strbuf_text(out), 1, out->length, stdout);
        out->length = 0;
}

void diff_print_json(const struct diff_report *report)
{
        const struct difference *difference = report->difference;
        _cleanup_strbuf_ struct strbuf out = {0};
        struct json_print json = {.out = &out};

        json_open(&json, NULL, '{');
        json_bool(&json, "differs", !difference_is_none(difference));
        json_open(&json, "changes", '[');
        vec_foreach (const struct change, change, &difference->changes) {
                json_change(&json, report, change);
                flush(&out);
        }
        json_close(&json, ']');
        json_links(&json, difference);
        json_pods(&json, "gone", difference->gone.items, difference->gone.n);
        json_pods(&json, "new", difference->appeared.items, difference->appeared.n);
        json_number(&json, "withoutAddress", difference->without_address);
        json_cut(&json, report);
        json_close(&json, '}');
        flush(&out);
}
