#include "cmd/lab_report.h"

#include <stdio.h>
#include <string.h>

#include "cmd/colours.h"
#include "cmd/columns.h"

#define PARTIAL_LINES    100 /* of what passes in part; JSON has all */
#define DIFFERENCE_LINES 100
#define LABEL_MAX        36

/* The matrix. */

struct cell {
        size_t sent, passed, differences;
};

struct report {
        const struct lab_plan *plan;
        const struct probes *probes;
        size_t n;           /* ends */
        struct cell *cells; /* n × n, by from and to */
        const char **names; /* of ends, short */
        const struct colours *colours;
};

static struct cell *cell_at(const struct report *report, size_t from, size_t to)
{
        return &report->cells[from * report->n + to];
}

/* Labels without a namespace that all pods share. */
static const char **short_names(const struct lab_plan *plan)
{
        const char **names = arena_new_array(plan->arena, const char *, plan->ends.n);
        const char *first = plan->n_pods ? plan->ends.items[0].label : "";
        size_t shared = plan->n_pods ? (size_t)(strchr(first, '/') - first) + 1 : 0;

        for (size_t i = 1; i < plan->n_pods; i++)
                if (strncmp(first, plan->ends.items[i].label, shared) != 0)
                        shared = 0;
        for (size_t i = 0; i < plan->ends.n; i++)
                names[i] = plan->ends.items[i].label + (i < plan->n_pods ? shared : 0);
        return names;
}

static struct report report_of(const struct lab_plan *plan, const struct probes *probes)
{
        struct report report = {
            .plan = plan,
            .probes = probes,
            .n = plan->ends.n,
            .cells = arena_new_array(plan->arena, struct cell, plan->ends.n * plan->ends.n),
            .names = short_names(plan),
            .colours = colours_of_output(),
        };

        vec_foreach (const struct probe, probe, &probes->list) {
                struct cell *cell = cell_at(&report, probe->from, probe->to);
                cell->sent++;
                cell->passed += probe->passed;
                cell->differences += probe->passed != probe->expected;
        }
        return report;
}

static void cell_text(const struct cell *cell, char *ret, size_t size)
{
        if (cell->sent == 0)
                snprintf(ret, size, "-");
        else if (cell->passed == cell->sent)
                snprintf(ret, size, "all");
        else if (cell->passed == 0)
                snprintf(ret, size, "none");
        else
                snprintf(ret, size, "%zu/%zu", cell->passed, cell->sent);
        if (cell->differences)
                strncat(ret, "!", size - strlen(ret) - 1);
}

static void print_cell(const struct report *report, const struct cell *cell, size_t width)
{
        char text[64];
        const struct colours *colours = report->colours;

        cell_text(cell, text, sizeof(text));
        if (cell->sent)
                printf("%*s%s%*s%s", COLUMNS_GAP, "",
                       cell->differences ? colours->bad : colours->good, (int)width, text,
                       colours->plain);
        else
                printf("%*s%*s", COLUMNS_GAP, "", (int)width, text);
}

static size_t cell_width(const struct report *report)
{
        size_t width = strlen("none");
        char text[64];

        for (size_t i = 0; i < report->n * report->n; i++) {
                cell_text(&report->cells[i], text, sizeof(text));
                if (strlen(text) > width)
                        width = strlen(text);
        }
        return width;
}

/* How columns are headed: by name where all fit, else by the numbers that stand before the rows. */
struct layout {
        bool numbered;
        size_t label;   /* width of the rows' labels */
        size_t *widths; /* of columns */
        size_t at_once; /* columns side by side */
};

static struct layout layout_of(const struct report *report)
{
        struct layout layout = {
            .widths = arena_new_array(report->plan->arena, size_t, report->n),
            .at_once = report->n,
        };
        size_t cell = cell_width(report), total = 0;

        for (size_t i = 0; i < report->n; i++) {
                size_t length = strlen(report->names[i]);

                layout.label = length > layout.label ? length : layout.label;
                layout.widths[i] = length > cell ? length : cell;
                total += layout.widths[i] + COLUMNS_GAP;
        }
        layout.label = layout.label < LABEL_MAX ? layout.label : LABEL_MAX;
        if (layout.label + total <= COLUMNS_WIDTH)
                return layout;
        layout.numbered = true;
        for (size_t i = 0; i < report->n; i++)
                layout.widths[i] = cell;
        layout.at_once = (COLUMNS_WIDTH - layout.label - 5) / (cell + COLUMNS_GAP);
        return layout;
}

static void print_label(const struct report *report, const struct layout *layout, size_t at)
{
        if (layout->numbered)
                printf("%4zu ", at + 1);
        columns_print_text(report->names[at], layout->label, stdout);
}

static void print_block(const struct report *report, const struct layout *layout, size_t first,
                        size_t end)
{
        printf("%*s%-*s", layout->numbered ? 5 : 0, "", (int)layout->label, "from \\ to");
        for (size_t to = first; to < end; to++) {
                if (layout->numbered)
                        printf("%*s%*zu", COLUMNS_GAP, "", (int)layout->widths[to], to + 1);
                else
                        printf("%*s%*s", COLUMNS_GAP, "", (int)layout->widths[to],
                               report->names[to]);
        }
        putchar('\n');
        for (size_t from = 0; from < report->n; from++) {
                print_label(report, layout, from);
                for (size_t to = first; to < end; to++)
                        print_cell(report, cell_at(report, from, to), layout->widths[to]);
                putchar('\n');
        }
}

static void print_matrix(const struct report *report)
{
        struct layout layout = layout_of(report);

        for (size_t first = 0; first < report->n; first += layout.at_once) {
                size_t end =
                    first + layout.at_once < report->n ? first + layout.at_once : report->n;

                if (first)
                        putchar('\n');
                print_block(report, &layout, first, end);
        }
}

/* What passes where only a part does. */

static const char *wish_text(struct arena *arena, const struct probe *probe)
{
        if (probe->protocol == PROTOCOL_ICMP)
                return "ICMP";
        return arena_printf(arena, "%s %u", protocol_name(probe->protocol), probe->port);
}

/* What of one pair and family passes or does not: "TCP 80 443, ICMP"; "" where nothing. */
static const char *wishes_text(const struct report *report, struct span pair, enum family family,
                               bool passed)
{
        struct arena *arena = report->plan->arena;
        enum protocol previous = PROTOCOL_ANY;
        const char *all = "";

        for (size_t i = pair.first; i < pair.first + pair.n; i++) {
                const struct probe *probe = &report->probes->list.items[i];

                if (probe->to != report->probes->list.items[pair.first].to ||
                    probe->source.family != family || probe->passed != passed)
                        continue;
                if (probe->protocol == previous)
                        all = arena_printf(arena, "%s %u", all, probe->port);
                else
                        all = arena_printf(arena, "%s%s%s", all, *all ? ", " : "",
                                           wish_text(arena, probe));
                previous = probe->protocol;
        }
        return all;
}

/* Whichever is shorter: what passes, or what does not. NULL where the family was not tried. */
static const char *summary(const struct report *report, struct span pair, enum family family)
{
        const char *passed = wishes_text(report, pair, family, true);
        const char *rest = wishes_text(report, pair, family, false);

        if (!*passed && !*rest)
                return NULL;
        if (!*passed || !*rest)
                return *passed ? "all" : "nothing";
        if (strlen(passed) <= strlen("all but ") + strlen(rest))
                return passed;
        return arena_printf(report->plan->arena, "all but %s", rest);
}

static void print_partial(const struct report *report, struct span pair)
{
        const struct probe *first = &report->probes->list.items[pair.first];
        const char *four = summary(report, pair, FAMILY_IPV4);
        const char *six = summary(report, pair, FAMILY_IPV6);

        printf("%s → %s: ", report->names[first->from], report->names[first->to]);
        if (four && six && strcmp(four, six) != 0)
                printf("%s over IPv4, %s over IPv6\n", four, six);
        else
                puts(four ? four : six);
}

/* The probes of one source end lie together; of one pair, only those of one address do. */
static struct span span_from(const struct report *report, size_t first)
{
        const struct probe *probes = report->probes->list.items;
        struct span span = {.first = first};

        while (first + span.n < report->probes->list.n &&
               probes[first + span.n].from == probes[first].from)
                span.n++;
        return span;
}

static void print_partials(const struct report *report)
{
        uint8_t *seen = arena_new_array(report->plan->arena, uint8_t, report->n * report->n);
        size_t n = 0;

        for (size_t i = 0; i < report->probes->list.n; i++) {
                const struct probe *probe = &report->probes->list.items[i];
                const struct cell *cell = cell_at(report, probe->from, probe->to);
                uint8_t *mark = &seen[probe->from * report->n + probe->to];

                if (*mark || cell->passed == 0 || cell->passed == cell->sent)
                        continue;
                *mark = 1;
                if (n++ == 0)
                        puts("\nWhat passes where only a part does:");
                if (n <= PARTIAL_LINES)
                        print_partial(report, span_from(report, i));
        }
        if (n > PARTIAL_LINES)
                printf("… and %zu pairs more; -o json has all\n", n - PARTIAL_LINES);
}

/* Differences. */

/* Who allows, or whose isolation denies, on the side that decides. */
static const char *why(const struct report *report, const struct policy_options *policy,
                       const struct probe *probe)
{
        struct arena *arena = report->plan->arena;
        struct packet packet = {probe->source, probe->destination, probe->protocol, probe->port};
        struct verdict verdict = policy_verdict(arena, report->plan->cluster, policy, &packet);

        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                const struct side *side = &verdict.sides[d];

                if (!side->allowed && side->policies.n)
                        return arena_printf(arena, "%s/%s isolates for %s",
                                            side->policies.items[0]->meta.namespace,
                                            side->policies.items[0]->meta.name, direction_name(d));
        }
        for (enum direction d = DIRECTION_INGRESS; d <= DIRECTION_EGRESS; d++) {
                const struct side *side = &verdict.sides[d];

                if (side->isolated && side->allowed_by.n)
                        return arena_printf(arena, "%s/%s %s[%zu] allows it",
                                            side->allowed_by.items[0].policy->meta.namespace,
                                            side->allowed_by.items[0].policy->meta.name,
                                            direction_name(d), side->allowed_by.items[0].rule);
                if (side->exempt)
                        return side->exempt;
        }
        return "no policy isolates";
}

static void print_difference(const struct report *report, const struct policy_options *policy,
                             const struct probe *probe)
{
        const struct lab_plan *plan = report->plan;
        char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];

        printf("%s → %s %s (%s → %s): ", plan->ends.items[probe->from].label,
               plan->ends.items[probe->to].label, wish_text(plan->arena, probe),
               ip_format(&probe->source, source), ip_format(&probe->destination, destination));
        if (probe->passed)
                printf("passes, must be denied (%s)\n", why(report, policy, probe));
        else
                printf("does not pass (%s), must be allowed (%s)\n", probe->reason,
                       why(report, policy, probe));
}

static void print_differences(const struct report *report, const struct policy_options *policy)
{
        size_t n = 0;

        if (report->probes->n_differences)
                printf("\n%sDifferences:%s\n", report->colours->bad, report->colours->plain);
        vec_foreach (const struct probe, probe, &report->probes->list)
                if (probe->passed != probe->expected && n++ < DIFFERENCE_LINES)
                        print_difference(report, policy, probe);
        if (n > DIFFERENCE_LINES)
                printf("… and %zu more; -o json has all\n", n - DIFFERENCE_LINES);
}

/* What a lab looks like before its policies are applied. */
static bool all_pass(const struct probes *probes)
{
        vec_foreach (const struct probe, probe, &probes->list)
                if (!probe->passed)
                        return false;
        return true;
}

void lab_report_text(const struct lab_plan *plan, const struct probes *probes,
                     const struct policy_options *policy)
{
        struct report report = report_of(plan, probes);

        print_matrix(&report);
        print_partials(&report);
        print_differences(&report, policy);
        printf("\n%zu probes, %zu differences\n", probes->list.n, probes->n_differences);
        if (probes->n_differences && all_pass(probes))
                puts("Everything passed: were the policies applied (penstock lab apply)?");
}
