#include "iptables/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "iptables/options.h"
#include "iptables/words.h"

bool chain_is_builtin(const char *name)
{
        static const char *const names[] = {"INPUT", "FORWARD", "OUTPUT", "PREROUTING",
                                            "POSTROUTING"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

void iptables_print_rule(enum family family, const struct rule *rule, struct strbuf *out)
{
        struct options_context context = {.family = family};

        options_print_rule(&context, rule, out);
}

static void print_counters(const struct counters *counters, struct strbuf *out)
{
        strbuf_printf(out, "[%" PRIu64 ":%" PRIu64 "]", counters->packets, counters->bytes);
}

static bool is_inserted_to(const struct chain *chain)
{
        return !chain->policy && chain_is_builtin(chain->name);
}

static void print_chain_rules(const struct table *table, const struct chain *chain, bool counters,
                              struct strbuf *out)
{
        for (size_t i = 0; i < chain->rules.n; i++) {
                const struct rule *rule = &chain->rules.items[i];
                if (counters) {
                        print_counters(&rule->counters, out);
                        strbuf_add_char(out, ' ');
                }
                strbuf_add(out, is_inserted_to(chain) ? "-I " : "-A ");
                strbuf_add(out, chain->name);
                if (is_inserted_to(chain))
                        strbuf_printf(out, " %zu", i + 1);
                iptables_print_rule(table->family, rule, out);
                strbuf_add_char(out, '\n');
        }
}

static void print_table(const struct table *table, bool counters, struct strbuf *out)
{
        strbuf_printf(out, "*%s\n", table->name);
        vec_foreach (const struct chain, chain, &table->chains) {
                if (is_inserted_to(chain))
                        continue;
                strbuf_printf(out, ":%s %s ", chain->name, chain->policy ? chain->policy : "-");
                print_counters(&chain->counters, out);
                strbuf_add_char(out, '\n');
        }
        vec_foreach (const struct chain, chain, &table->chains)
                print_chain_rules(table, chain, counters, out);
        strbuf_add(out, "COMMIT\n");
}

void iptables_print(const struct ruleset *ruleset, enum family family, bool counters,
                    struct strbuf *out)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                if (table->family == family)
                        print_table(table, counters, out);
}

struct parser {
        struct ruleset *ruleset;
        enum family family;
        struct table *table; /* NULL between COMMIT and the next "*table" */
        struct words words;
        struct err *err;
};

#define LINE_SHOWN 60 /* bytes of a line that an error repeats */

static int refuse(struct parser *parser, const char *why)
{
        const char *line = words_raw(&parser->words, 0, parser->words.list.n);

        return err_set(parser->err, "line %u: %s: %.*s", parser->words.line, why, LINE_SHOWN, line);
}

/* A number and the byte that ends it, both taken. */
static bool parse_count(const char **text, char end, uint64_t *ret)
{
        char *rest;

        if (**text < '0' || **text > '9')
                return false;
        uint64_t number = strtoull(*text, &rest, 10);
        if (*rest != end)
                return false;
        *text = rest + (end != '\0');
        *ret = number;
        return true;
}

/* "[packets:bytes]" */
static bool parse_counters(const char *text, struct counters *ret)
{
        struct counters counters;

        if (*text++ != '[' || !parse_count(&text, ':', &counters.packets) ||
            !parse_count(&text, ']', &counters.bytes) || *text)
                return false;
        *ret = counters;
        return true;
}

/* ":NAME POLICY [packets:bytes]" */
static int parse_chain(struct parser *parser)
{
        const struct word *items = parser->words.list.items;
        const char *name = items[0].text + 1;
        size_t n = parser->words.list.n;
        struct counters counters = {0};

        if (n < 2 || n > 3 || !*name || word_is_quoted(&items[1]) ||
            (n == 3 && !parse_counters(items[2].text, &counters)))
                return refuse(parser, "not a chain");
        if (table_chain(parser->table, name))
                return refuse(parser, "a chain that is there already");
        struct chain *chain = table_add_chain(parser->ruleset, parser->table, name);
        chain->policy = strcmp(items[1].text, "-") == 0 ? NULL : items[1].text;
        chain->counters = counters;
        return 0;
}

static void insert_rule(struct arena *arena, struct chain *chain, size_t position, struct rule rule)
{
        vec_push(arena, &chain->rules, rule);
        for (size_t i = chain->rules.n - 1; i > position; i--) {
                chain->rules.items[i] = chain->rules.items[i - 1];
                chain->rules.items[i - 1] = rule;
        }
}

/* "[packets:bytes] -A CHAIN …", the counters may be missing; "-I CHAIN POSITION …" */
static int parse_rule(struct parser *parser)
{
        const struct options_context context = {parser->family, parser->table};
        const struct word *items = parser->words.list.items;
        size_t n = parser->words.list.n, at = items[0].text[0] == '[';
        struct rule rule = {0};
        uint64_t position = 0;

        if (at == 1 && !parse_counters(items[0].text, &rule.counters))
                return refuse(parser, "not counters");
        if (n < at + 2)
                return refuse(parser, "not a rule");
        bool insert = word_is(&items[at], "-I");
        if (!insert && !word_is(&items[at], "-A"))
                return refuse(parser, "not iptables-save's");
        struct chain *chain = table_chain(parser->table, items[at + 1].text);
        if (!chain && insert && chain_is_builtin(items[at + 1].text))
                chain = table_add_chain(parser->ruleset, parser->table, items[at + 1].text);
        if (!chain)
                return refuse(parser, "a rule of a chain that was not declared");
        size_t body = at + 2 + insert;
        const char *number = insert && n >= body ? items[at + 2].text : "";
        if (insert && (!parse_count(&number, '\0', &position) || position == 0 ||
                       position > chain->rules.n + 1))
                return refuse(parser, "no such position");
        options_parse_rule(&context, parser->ruleset, &parser->words, body, &rule);
        insert_rule(parser->ruleset->arena, chain, insert ? position - 1 : chain->rules.n, rule);
        return 0;
}

static int parse_line(struct parser *parser)
{
        const char *first = parser->words.list.items[0].text;

        if (first[0] == '#')
                return 0;
        if (word_is_quoted(&parser->words.list.items[0]))
                return refuse(parser, "not iptables-save's");
        if (!parser->table) {
                if (first[0] != '*' || !first[1] || parser->words.list.n != 1)
                        return refuse(parser, "not iptables-save's");
                if (ruleset_table(parser->ruleset, parser->family, first + 1))
                        return refuse(parser, "a table that is there already");
                parser->table = ruleset_add_table(parser->ruleset, parser->family, first + 1);
                return 0;
        }
        if (strcmp(first, "COMMIT") == 0) {
                parser->table = NULL;
                return 0;
        }
        return first[0] == ':' ? parse_chain(parser) : parse_rule(parser);
}

/* nf_tables rules that iptables-nft cannot show at all leave this instead of a table. */
static bool line_is_unreadable(const char *line)
{
        const char *sign = strstr(line, "is incompatible, use 'nft' tool");

        return line[0] == '#' && sign && sign < line + strcspn(line, "\n");
}

bool iptables_is_unreadable(const char *save)
{
        for (const char *line = save; *line; line += *line == '\n') {
                if (line_is_unreadable(line))
                        return true;
                line += strcspn(line, "\n");
        }
        return false;
}

int iptables_parse(struct ruleset *ruleset, enum family family, const char *text, struct err *err)
{
        struct parser parser = {
            .ruleset = ruleset,
            .family = family,
            .words = words_of(ruleset->arena, text),
            .err = err,
        };

        while (words_next(&parser.words)) {
                if (line_is_unreadable(words_raw(&parser.words, 0, parser.words.list.n)))
                        return refuse(&parser, "a table that iptables cannot read");
                if (parse_line(&parser) < 0)
                        return -1;
        }
        if (parser.table)
                return err_set(err, "line %u: the text ends before the COMMIT of table %s",
                               parser.words.newlines, parser.table->name);
        return 0;
}
