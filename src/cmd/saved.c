#include "cmd/saved.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json_print.h"
#include "cmd/command.h"
#include "iptables/text.h"

static int read_stream(FILE *file, struct strbuf *text, struct err *err)
{
        char piece[65536];
        size_t n;

        while ((n = fread(piece, 1, sizeof(piece), file)) > 0) {
                if (text->length + n > SAVED_MAX_BYTES)
                        return err_set(err, "more than %u bytes", SAVED_MAX_BYTES);
                strbuf_add_bytes(text, piece, n);
        }
        if (ferror(file))
                return err_errno(err, "reading");
        if (memchr(strbuf_text(text), '\0', text->length))
                return err_set(err, "not a text: it holds a zero byte");
        return 0;
}

static int read_file(const struct saved_file *saved, struct strbuf *text, struct err *err)
{
        const bool is_stdin = strcmp(saved->path, "-") == 0;
        FILE *file = is_stdin ? stdin : fopen(saved->path, "re");
        int r = file ? read_stream(file, text, err) : err_errno(err, "opening");

        if (file && !is_stdin)
                fclose(file);
        return r;
}

static int parse(struct ruleset *ruleset, const struct saved_file *saved, const char *text,
                 struct err *err)
{
        return saved->is_sets ? ipset_parse(ruleset, text, err)
                              : iptables_parse_saves(ruleset, text, err);
}

static int report(const char *command, const struct saved_file *saved, const struct err *err)
{
        return fail(command, EXIT_USAGE, "%s: %s", saved->path, err->text);
}

int saved_read(const char *command, const struct options *options, struct ruleset *ruleset)
{
        for (size_t i = 0; i < options->n_saved; i++) {
                _cleanup_strbuf_ struct strbuf text = {0};
                const struct saved_file *saved = &options->saved[i];
                struct err err = {0};
                if (read_file(saved, &text, &err) < 0 ||
                    parse(ruleset, saved, strbuf_text(&text), &err) < 0)
                        return report(command, saved, &err);
        }
        return EXIT_YES;
}

/* The first line in which two texts differ, from 1; 0 where they are the same. */
static size_t first_difference(const char *a, const char *b)
{
        size_t line = 1;

        for (; *a && *a == *b; a++, b++)
                line += *a == '\n';
        return *a == *b ? 0 : line;
}

/* all: what every file before said, too, so that one table is not there twice. */
static int print_file(const char *command, const struct saved_file *saved, struct ruleset *all,
                      struct strbuf *out)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *ruleset = ruleset_new(arena);
        const size_t start = out->length;
        struct err err = {0};

        if (read_file(saved, &text, &err) < 0 ||
            parse(ruleset, saved, strbuf_text(&text), &err) < 0 ||
            parse(all, saved, strbuf_text(&text), &err) < 0)
                return report(command, saved, &err);
        if (saved->is_sets)
                ipset_print(ruleset, out);
        else
                iptables_print_as_read(ruleset, out);
        size_t line = first_difference(strbuf_text(&text), strbuf_text(out) + start);
        if (line > 0)
                fprintf(stderr, "note: %s: not as %s writes it, from line %zu on\n", saved->path,
                        saved->is_sets ? "ipset save" : "iptables-save", line);
        return EXIT_YES;
}

int saved_print(const char *command, const struct options *options, struct strbuf *out)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *all = ruleset_new(arena);
        int status = EXIT_YES;

        for (size_t i = 0; i < options->n_saved && status == EXIT_YES; i++)
                status = print_file(command, &options->saved[i], all, out);
        return status;
}

static void print_counters(struct json_print *json, const struct counters *counters)
{
        json_number(json, "packets", counters->packets);
        json_number(json, "bytes", counters->bytes);
}

static void print_rule(struct json_print *json, const struct table *table, const struct rule *rule)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        iptables_print_rule(table->family, rule, &text);
        json_open(json, NULL, '{');
        if (table->counted)
                print_counters(json, &rule->counters);
        json_text(json, "rule", text.length ? strbuf_text(&text) + 1 : "");
        json_open(json, "unknown", '[');
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_UNKNOWN)
                        json_text(json, NULL, match->text);
        if (rule->target.kind == TARGET_UNKNOWN)
                json_text(json, NULL, rule->target.text);
        json_close(json, ']');
        json_close(json, '}');
}

static void print_chain(struct json_print *json, const struct table *table,
                        const struct chain *chain)
{
        json_open(json, NULL, '{');
        json_text(json, "name", chain->name);
        json_text(json, "policy", chain->policy);
        print_counters(json, &chain->counters);
        json_open(json, "rules", '[');
        vec_foreach (const struct rule, rule, &chain->rules)
                print_rule(json, table, rule);
        json_close(json, ']');
        json_close(json, '}');
}

static void print_tables(struct json_print *json, const struct ruleset *ruleset)
{
        json_open(json, "tables", '[');
        vec_foreach (const struct table, table, &ruleset->tables) {
                json_open(json, NULL, '{');
                json_text(json, "family", family_name(table->family));
                json_text(json, "name", table->name);
                json_open(json, "chains", '[');
                vec_foreach (const struct chain, chain, &table->chains)
                        print_chain(json, table, chain);
                json_close(json, ']');
                json_close(json, '}');
        }
        json_close(json, ']');
}

static void print_sets(struct json_print *json, const struct ruleset *ruleset)
{
        json_open(json, "sets", '[');
        vec_foreach (const struct set, set, &ruleset->sets) {
                json_open(json, NULL, '{');
                json_text(json, "name", set->name);
                json_text(json, "type", set->type_text ? set->type_text : set_type_name(set->type));
                json_bool(json, "known", set->type != SET_UNKNOWN);
                json_number(json, "elements", set->elements.n);
                json_close(json, '}');
        }
        json_close(json, ']');
}

int saved_print_json(const char *command, const struct options *options, struct strbuf *out)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *ruleset = ruleset_new(arena);
        struct json_print json = {.out = out};
        int status = saved_read(command, options, ruleset);

        if (status != EXIT_YES)
                return status;
        json_open(&json, NULL, '{');
        print_tables(&json, ruleset);
        print_sets(&json, ruleset);
        json_close(&json, '}');
        return EXIT_YES;
}
