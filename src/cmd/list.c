#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_print.h"
#include "base/map.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/source.h"
#include "compile/shortcut.h"
#include "compile/story.h"
#include "iptables/apply.h"

/* A view is a list of lines, gathered by walking the rules and what they tell (compile/story.h);
 * text and json print the same lines. */

static const struct usage usage = {
    .synopsis = "list [policies|pods|chains|sets]",
    .description =
        "Shows what is installed in this network namespace, with packets and bytes. Counters\n"
        "count the first packet of each connection: later ones leave at the first rule. Where an\n"
        "agent runs, the first line of text says whether it enforces.",
    .options = OPTION_OUTPUT | OPTION_BACKEND | OPTION_SOCKET,
    .max_arguments = 1,
};

#define MAX_FIELDS 7

/* One line of a view; numbers are kept beside their texts for json. */
struct line {
        const char *cells[MAX_FIELDS];
        struct counters counters;
};

struct field {
        const char *header; /* as columns_new() takes it */
        const char *key;    /* in json */
};

struct listing {
        struct arena *arena;
        struct ruleset *ruleset;
        VEC(struct line *) lines;
        struct map *known; /* key → line, where rules add up to one */
        const char *agent; /* what it says of itself; NULL: there is none */
};

struct view {
        const char *name;
        struct field fields[MAX_FIELDS];
        size_t n;
        void (*gather)(struct listing *listing);
};

static struct line *line_of(struct listing *listing, const char *key)
{
        struct line *line = map_get(listing->known, key);

        if (line)
                return line;
        line = arena_new_object(listing->arena, struct line);
        map_put(listing->known, key, line);
        vec_push(listing->arena, &listing->lines, line);
        return line;
}

static const char *number_text(struct listing *listing, uint64_t number)
{
        return arena_printf(listing->arena, "%" PRIu64, number);
}

static void set_counters(struct listing *listing, size_t at)
{
        vec_foreach (struct line *, line, &listing->lines) {
                (*line)->cells[at] = number_text(listing, (*line)->counters.packets);
                (*line)->cells[at + 1] = number_text(listing, (*line)->counters.bytes);
        }
}

static void gather_policy_rule(struct listing *listing, const struct rule *rule)
{
        struct policy_story story;

        if (!story_of_policy(rule, &story))
                return;
        const char *detail = story.text + story.name + 1;
        struct line *line = line_of(listing, story.text);
        line->cells[0] = arena_strndup(listing->arena, story.text, story.name);
        line->cells[1] =
            story.allows ? detail : arena_printf(listing->arena, "%s (allows nothing)", detail);
        counters_add(&line->counters, &rule->counters);
}

static int line_compare(const void *a, const void *b)
{
        const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
        int order = strcmp(x->cells[0], y->cells[0]);

        return order ? order : strcmp(x->cells[1], y->cells[1]);
}

/* Is it the "ingress (allows nothing)" of a policy whose next line is "ingress[0]"? */
static bool is_silent_half(const struct line *line, const struct line *next)
{
        size_t word = strcspn(line->cells[1], " [");

        return line->cells[1][word] == ' ' && strcmp(next->cells[0], line->cells[0]) == 0 &&
               strncmp(next->cells[1], line->cells[1], word) == 0 && next->cells[1][word] == '[';
}

/* Lines are sorted. A policy that allows something in one family only is no policy that allows
 * nothing. */
static void drop_silent_halves(struct listing *listing)
{
        size_t n = 0;

        for (size_t i = 0; i < listing->lines.n; i++) {
                if (i + 1 < listing->lines.n &&
                    is_silent_half(listing->lines.items[i], listing->lines.items[i + 1]))
                        continue;
                listing->lines.items[n++] = listing->lines.items[i];
        }
        listing->lines.n = n;
}

static void gather_policies(struct listing *listing)
{
        enum direction direction;

        vec_foreach (const struct table, table, &listing->ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        if (story_is_class(chain, &direction))
                                vec_foreach (const struct rule, rule, &chain->rules)
                                        gather_policy_rule(listing, rule);
        vec_sort(&listing->lines, line_compare);
        drop_silent_halves(listing);
        set_counters(listing, 2);
}

static void gather_pod(struct listing *listing, const struct table *table, const struct rule *rule)
{
        const char *story = story_of(rule);
        const struct chain *class = table_chain(table, rule->target.text);
        char address[IP_TEXT_SIZE] = "";

        if (strncmp(story, "pod ", 4) != 0 || !class)
                return;
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_SOURCE || match->kind == MATCH_DESTINATION)
                        ip_format(&match->prefix.ip, address);
        const struct rule *denied = story_of_denied(class);
        enum direction of;
        const char *direction = story_is_class(class, &of) ? direction_name(of) : "";
        struct line *line =
            line_of(listing, arena_printf(listing->arena, "%s %s %s", story, address, direction));
        line->cells[0] = story + 4;
        line->cells[1] = arena_strdup(listing->arena, address);
        line->cells[2] = direction;
        line->cells[3] = class->name;
        line->cells[6] = number_text(listing, denied ? denied->counters.packets : 0);
        counters_add(&line->counters, &rule->counters);
}

static void gather_pods(struct listing *listing)
{
        vec_foreach (const struct table, table, &listing->ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                if (rule->target.kind == TARGET_GOTO)
                                        gather_pod(listing, table, rule);
        vec_sort(&listing->lines, line_compare);
        set_counters(listing, 4);
}

static void gather_chains(struct listing *listing)
{
        vec_foreach (const struct table, table, &listing->ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains) {
                        const char *family = family_name(table->family);
                        struct line *line = line_of(
                            listing, arena_printf(listing->arena, "%s %s", chain->name, family));
                        line->cells[0] = chain->name;
                        line->cells[1] = family;
                        line->cells[2] = number_text(listing, chain->rules.n);
                        vec_foreach (const struct rule, rule, &chain->rules)
                                counters_add(&line->counters, &rule->counters);
                }
        set_counters(listing, 3);
}

static size_t references(const struct ruleset *ruleset, const char *set)
{
        size_t n = 0;

        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                vec_foreach (const struct match, match, &rule->matches)
                                        n += match->kind == MATCH_SET &&
                                             strcmp(match->set.name, set) == 0;
        return n;
}

static void gather_sets(struct listing *listing)
{
        vec_foreach (const struct set, set, &listing->ruleset->sets) {
                struct line *line = line_of(listing, set->name);
                line->cells[0] = set->name;
                line->cells[1] = set_type_name(set->type);
                line->cells[2] = family_name(set->family);
                line->cells[3] = number_text(listing, set->elements.n);
                line->cells[4] = number_text(listing, references(listing->ruleset, set->name));
        }
}

static const struct view views[] = {
    {"policies",
     {{"POLICY", "policy"}, {"RULE", "rule"}, {">PACKETS", "packets"}, {">BYTES", "bytes"}},
     4,
     gather_policies},
    {"pods",
     {{"POD", "pod"},
      {"ADDRESS", "address"},
      {"ISOLATED", "direction"},
      {"CHAIN", "chain"},
      {">PACKETS", "packets"},
      {">BYTES", "bytes"},
      {">DENIED", "deniedByChain"}},
     7,
     gather_pods},
    {"chains",
     {{"CHAIN", "chain"},
      {"FAMILY", "family"},
      {">RULES", "rules"},
      {">PACKETS", "packets"},
      {">BYTES", "bytes"}},
     5,
     gather_chains},
    {"sets",
     {{"SET", "set"},
      {"TYPE", "type"},
      {"FAMILY", "family"},
      {">ENTRIES", "entries"},
      {">RULES", "rules"}},
     5,
     gather_sets},
};

static void print_text(const struct view *view, const struct listing *listing)
{
        const char *headers[MAX_FIELDS];

        if (listing->agent)
                puts(listing->agent);
        for (size_t i = 0; i < view->n; i++)
                headers[i] = view->fields[i].header;
        struct columns columns = columns_new(listing->arena, headers, view->n);
        vec_foreach (struct line *, line, &listing->lines)
                columns_add(&columns, (*line)->cells);
        columns_print(&columns, view->name, stdout);
}

static void print_json(const struct view *view, const struct listing *listing)
{
        _cleanup_strbuf_ struct strbuf out = {0};
        struct json_print json = {.out = &out};

        json_open(&json, NULL, '[');
        vec_foreach (struct line *, line, &listing->lines) {
                json_open(&json, NULL, '{');
                for (size_t i = 0; i < view->n; i++) {
                        const struct field *field = &view->fields[i];
                        if (field->header[0] == '>')
                                json_digits(&json, field->key, (*line)->cells[i]);
                        else
                                json_text(&json, field->key, (*line)->cells[i]);
                }
                json_close(&json, '}');
        }
        json_close(&json, ']');
        fputs(out.text, stdout);
}

static const struct view *view_named(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(views); i++)
                if (strcmp(views[i].name, name) == 0)
                        return &views[i];
        return NULL;
}

int cmd_list(int argc, char **argv)
{
        struct options options;
        int status = options_parse(argc, argv, &usage, &options);

        if (status != PARSED)
                return status;
        const char *name = options.n_arguments ? options.arguments[0] : views[0].name;
        const struct view *view = view_named(name);
        if (!view)
                return fail(argv[0], EXIT_USAGE, "%s: not policies, pods, chains or sets", name);
        enum flavour flavour;
        status = options_flavour(argv[0], &options, &flavour);
        if (status != EXIT_YES)
                return status;
        _cleanup_arena_ struct arena *arena = arena_new();
        struct err err;
        struct listing listing = {
            .arena = arena,
            .ruleset = iptables_read(arena, flavour, &err),
            .known = map_new(arena),
            .agent = options.output == OUTPUT_TEXT ? source_agent_line(arena, &options) : NULL,
        };
        if (!listing.ruleset)
                return fail(argv[0], EXIT_TROUBLE, "%s", err.text);
        shortcut_spread(listing.ruleset);
        view->gather(&listing);
        (options.output == OUTPUT_JSON ? print_json : print_text)(view, &listing);
        return EXIT_YES;
}
