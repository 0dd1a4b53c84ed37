#include "fuzz.h"

#include <string.h>

#include "iptables/text.h"

/* A command that iptables_command_parse() takes, a word a line, becomes a rule that is printed and
 * parsed to one that means the same. */

#define MAX_WORDS 64

static size_t split(char *text, const char **words)
{
        size_t n = 0;

        for (char *word = strtok(text, "\n"); word && n < MAX_WORDS; word = strtok(NULL, "\n"))
                words[n++] = word;
        return n;
}

static void parse_again(struct arena *arena, const struct iptables_command *command)
{
        _cleanup_strbuf_ struct strbuf text = {0};
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {""};
        const struct target *target = &command->rule.target;

        strbuf_add(&text, "*filter\n:A - [0:0]\n");
        if ((target->kind == TARGET_JUMP || target->kind == TARGET_GOTO) &&
            strcmp(target->text, "A") != 0)
                strbuf_printf(&text, ":%s - [0:0]\n", target->text);
        strbuf_add(&text, "-A A");
        iptables_print_rule(command->family, &command->rule, &text);
        strbuf_add(&text, "\nCOMMIT\n");
        must(iptables_parse(ruleset, command->family, strbuf_text(&text), &err) == 0);
        const struct chain *chain = table_chain(&ruleset->tables.items[0], "A");
        must(chain->rules.n == 1 && rule_equal(&chain->rules.items[0], &command->rule));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena *arena = arena_new();
        char *text = arena_strndup(arena, (const char *)data, size);
        const char *words[MAX_WORDS];
        const size_t n = split(text, words);

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                struct iptables_command command;
                struct err err = {""};
                if (iptables_command_parse(ruleset_new(arena), family, words, n, &command, &err) ==
                    0)
                        parse_again(arena, &command);
                else
                        must(err.text[0]);
        }
        arena_free(arena);
        return 0;
}
