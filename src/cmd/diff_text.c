#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "cmd/colours.h"
#include "cmd/diff_report.h"

/* A change is one line where it fits, and else goes on below, indented: it breaks at spaces alone.
 */

#define WIDTH      100
#define INDENT     4
#define NAMES_MOST 12 /* of one end; -o json has them all */

/* Bytes that continue a character take no place of their own, nor do colours. */
static size_t width_of(const char *text, size_t n)
{
        bool colour = false;
        size_t width = 0;

        for (size_t i = 0; i < n; i++) {
                colour = colour || text[i] == '\033';
                width += !colour && ((unsigned char)text[i] & 0xc0) != 0x80;
                colour = colour && text[i] != 'm';
        }
        return width;
}

static void print_wrapped(const char *text)
{
        size_t column = 0;

        while (*text) {
                size_t n = strcspn(text, " "), width = width_of(text, n);
                if (column > INDENT && column + 1 + width > WIDTH) {
                        printf("\n%*s", INDENT, "");
                        column = INDENT;
                } else if (column > 0) {
                        putchar(' ');
                        column++;
                }
                fwrite(text, 1, n, stdout);
                column += width;
                text += n;
                text += *text == ' ';
        }
        putchar('\n');
}

static void add_group(struct strbuf *line, const struct group *group)
{
        size_t most = group->n_names <= NAMES_MOST ? group->n_names : NAMES_MOST - 1;

        for (size_t i = 0; i < most; i++)
                strbuf_printf(line, "%s%s", i ? ", " : "", group->names[i]);
        if (most < group->n_names)
                strbuf_printf(line, " and %zu more", group->n_names - most);
}

static bool is_whole(const struct traffic *traffic)
{
        return traffic->ports.first == 0 && traffic->ports.last == UINT16_MAX;
}

static void add_ports(struct strbuf *line, struct port_range ports)
{
        if (ports.first == ports.last)
                strbuf_printf(line, "%u", ports.first);
        else
                strbuf_printf(line, "%u-%u", ports.first, ports.last);
}

/* "TCP 80, 443, UDP, ICMP and others" */
static void add_traffic_list(struct strbuf *line, const struct traffic *traffic, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                bool same = i > 0 && traffic[i].protocol == traffic[i - 1].protocol;
                if (i > 0)
                        strbuf_add(line, ", ");
                if (traffic[i].protocol == PROTOCOL_ANY) {
                        strbuf_add(line, "ICMP and others");
                        continue;
                }
                if (!same)
                        strbuf_add(line, protocol_name(traffic[i].protocol));
                if (!is_whole(&traffic[i])) {
                        strbuf_add(line, same ? "" : " ");
                        add_ports(line, traffic[i].ports);
                }
        }
}

/* What is left of everything. */
static size_t complement(struct arena *arena, const struct traffic *traffic, size_t n,
                         const struct traffic **ret)
{
        static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
                                                  PROTOCOL_ANY};
        VEC(struct traffic) rest = {0};

        for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
                unsigned next = 0;
                for (size_t i = 0; i < n; i++) {
                        const struct port_range ports = traffic[i].ports;
                        if (traffic[i].protocol != protocols[p])
                                continue;
                        struct traffic gap = {protocols[p],
                                              {(uint16_t)next, (uint16_t)(ports.first - 1)}};
                        if (ports.first > next)
                                vec_push(arena, &rest, gap);
                        next = ports.last + 1u;
                }
                struct traffic gap = {protocols[p], {(uint16_t)next, UINT16_MAX}};
                if (next <= UINT16_MAX)
                        vec_push(arena, &rest, gap);
        }
        *ret = rest.items;
        return rest.n;
}

static void add_traffic(struct strbuf *line, struct arena *arena, const struct change *change)
{
        const struct traffic *rest;
        size_t n = complement(arena, change->traffic, change->n_traffic, &rest);

        if (n == 0) {
                strbuf_add(line, "every protocol");
        } else if (n < change->n_traffic) {
                strbuf_add(line, "every protocol except ");
                add_traffic_list(line, rest, n);
        } else {
                add_traffic_list(line, change->traffic, change->n_traffic);
        }
        if (change->one_family)
                strbuf_printf(
                    line, " over %s",
                    family_name(change->families[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6));
}

static void add_policy(struct strbuf *line, const struct reason *reason)
{
        strbuf_printf(line, "%s/%s %s", reason->policy->meta.namespace, reason->policy->meta.name,
                      direction_name(reason->direction));
        if (reason->kind == REASON_RULE)
                strbuf_printf(line, "[%zu]", reason->rule);
}

/* How each kind of reason is put, before its policies. */
static const char *const phrases[][3] = {
    [CHANGE_OPENED] = {[REASON_RULE] = "by ",
                       [REASON_ISOLATION] = "no longer isolated by ",
                       [REASON_OWN_NODE] = "now a pod and its own node"},
    [CHANGE_CLOSED] = {[REASON_RULE] = "no longer allowed by ",
                       [REASON_ISOLATION] = "now isolated by ",
                       [REASON_OWN_NODE] = "no longer a pod and its own node"},
};

static void add_reasons(struct strbuf *line, const struct change *change)
{
        const char *phrase = phrases[change->kind][change->reasons->kind];

        strbuf_printf(line, "%s %s", phrase[0] == 'b' ? "" : ",", phrase);
        for (size_t i = 0; i < change->n_reasons; i++) {
                const struct reason *reason = &change->reasons[i];
                if (i > 0 && reason->kind != reason[-1].kind)
                        strbuf_printf(line, " or %s", phrases[change->kind][reason->kind]);
                else if (i > 0)
                        strbuf_add(line, ", ");
                if (reason->policy)
                        add_policy(line, reason);
        }
}

static void print_change(struct arena *arena, const struct change *change,
                         const struct colours *colours)
{
        _cleanup_strbuf_ struct strbuf line = {0};
        bool opened = change->kind == CHANGE_OPENED;

        add_group(&line, &change->from);
        strbuf_add(&line, " → ");
        add_group(&line, &change->to);
        strbuf_add_char(&line, ' ');
        add_traffic(&line, arena, change);
        strbuf_printf(&line, ": %s%s%s%s", change->undecided ? "undecided, may be " : "",
                      opened ? colours->good : colours->bad, opened ? "opened" : "closed",
                      colours->plain);
        add_reasons(&line, change);
        print_wrapped(strbuf_text(&line));
}

static void print_link(const struct link_change *link, const struct colours *colours)
{
        bool opened = link->kind == CHANGE_OPENED;

        if (!link->node)
                printf("link-local addresses of IPv6: ");
        else if (!*link->node)
                printf("pods of no node → multicast, broadcast: ");
        else
                printf("pods of node/%s → multicast, broadcast: ", link->node);
        printf("%s%s%s, %s\n", opened ? colours->good : colours->bad, opened ? "opened" : "closed",
               colours->plain,
               opened ? "no pod is isolated there any more" : "some pod is isolated there now");
}

static void print_pods(const char *what, const struct pod *const *pods, size_t n)
{
        for (size_t i = 0; i < n; i++)
                printf("%s %s/%s: its connections are not compared\n", what,
                       pods[i]->meta.namespace, pods[i]->meta.name);
}

/* How many of each there are: nobody counts thousands of lines. */
static void print_totals(const struct diff_report *report)
{
        const struct difference *difference = report->difference;
        size_t totals[2] = {0}, undecided = 0;

        vec_foreach (const struct change, change, &difference->changes) {
                totals[change->kind] += !change->undecided;
                undecided += change->undecided;
        }
        vec_foreach (const struct link_change, link, &difference->links)
                totals[link->kind]++;
        printf("%zu opened, %zu closed", totals[CHANGE_OPENED], totals[CHANGE_CLOSED]);
        if (undecided)
                printf(", %zu undecided", undecided);
        if (difference->gone.n || difference->appeared.n)
                printf("; %zu gone and %zu new pods", difference->gone.n, difference->appeared.n);
        putchar('\n');
}

static void print_changes(const struct diff_report *report, const struct colours *colours)
{
        size_t n = report->difference->changes.n;
        size_t most = report->limit && report->limit < n ? report->limit : n;

        for (size_t i = 0; i < most; i++)
                print_change(report->arena, &report->difference->changes.items[i], colours);
        if (most < n)
                printf("and %zu more changes\n", n - most);
}

static void print_end(const char *pod, const struct ip *ip, uint16_t port)
{
        char text[IP_TEXT_SIZE];

        ip_format(ip, text);
        if (pod)
                printf("%s (%s)", pod, text);
        else
                fputs(text, stdout);
        if (port)
                printf(" port %u", port);
}

static void print_cut(const struct diff_report *report, const struct colours *colours)
{
        if (!report->node)
                return;
        printf("%snode %s: %zu %s of now would be %scut%s%s\n",
               difference_is_none(report->difference) ? "" : "\n", report->node, report->cut.n,
               report->cut.n == 1 ? "connection" : "connections", report->cut.n ? colours->bad : "",
               report->cut.n ? colours->plain : "", report->cut.n ? ":" : "");
        vec_foreach (const struct cut_connection, cut, &report->cut) {
                const char *protocol = protocol_name(cut->packet.protocol);
                printf("%*s%s", INDENT, "", protocol ? protocol : "protocol ");
                if (!protocol)
                        printf("%u", cut->packet.protocol);
                putchar(' ');
                print_end(cut->source, &cut->packet.source, cut->source_port);
                fputs(" → ", stdout);
                print_end(cut->destination, &cut->packet.destination, cut->packet.port);
                putchar('\n');
        }
}

void diff_print_text(const struct diff_report *report)
{
        const struct colours *colours = colours_of_output();
        const struct difference *difference = report->difference;

        print_changes(report, colours);
        vec_foreach (const struct link_change, link, &difference->links)
                print_link(link, colours);
        print_pods("gone pod", difference->gone.items, difference->gone.n);
        print_pods("new pod", difference->appeared.items, difference->appeared.n);
        if (difference_is_none(difference))
                puts("no difference");
        else
                print_totals(report);
        print_cut(report, colours);
}
