#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iptables/text.h"

/* Is the last rule of the save on standard input what the command of the arguments says? For tests
 * that have run that command. 0: yes. 1: no. 2: the command is not understood. */

/* A rule that is read from a text is rounded like a command: only one that is printed again as it
 * was written says what the kernel has. conntrack's old name is printed as its new one. */
static bool is_as_saved(const struct rule *rule)
{
        return !rule->written || strstr(rule->written, "-m state ");
}

static const struct rule *last_rule(const struct ruleset *ruleset, enum family family,
                                    const char *table_name, const char *chain_name)
{
        const struct table *table = ruleset_table(ruleset, family, table_name);
        const struct chain *chain = table ? table_chain(table, chain_name) : NULL;

        return chain && chain->rules.n > 0 ? &chain->rules.items[chain->rules.n - 1] : NULL;
}

int main(int argc, char **argv)
{
        static char text[1 << 20];
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf mine = {0};
        struct ruleset *ruleset = ruleset_new(arena);
        struct iptables_command command;
        struct err err = {0};

        text[fread(text, 1, sizeof(text) - 1, stdin)] = '\0';
        if (iptables_parse_saves(ruleset, text, &err) < 0 ||
            iptables_command_parse(ruleset_new(arena), FAMILY_IPV4, (const char *const *)(argv + 1),
                                   (size_t)argc - 1, &command, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 2;
        }
        const struct rule *rule = last_rule(ruleset, command.family, command.table, command.chain);
        iptables_print_rule(command.family, &command.rule, &mine);
        if (rule && is_as_saved(rule) && rule_equal(rule, &command.rule))
                return 0;
        fprintf(stderr, "read as%s\n", strbuf_text(&mine));
        return 1;
}
