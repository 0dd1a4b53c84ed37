#include "iptables/text.h"

#include <inttypes.h>
#include <string.h>

#include "iptables/options.h"

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

static void print_notes(const char *notes, struct strbuf *out)
{
        if (notes)
                strbuf_add(out, notes);
}

static void print_table(const struct table *table, bool counters, struct strbuf *out)
{
        print_notes(table->preamble, out);
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
        print_notes(table->postscript, out);
}

void iptables_print(const struct ruleset *ruleset, enum family family, bool counters,
                    struct strbuf *out)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                if (table->family == family)
                        print_table(table, counters, out);
}

void iptables_print_as_read(const struct ruleset *ruleset, struct strbuf *out)
{
        vec_foreach (const struct table, table, &ruleset->tables)
                print_table(table, table->counted, out);
        print_notes(ruleset->postscript, out);
}
