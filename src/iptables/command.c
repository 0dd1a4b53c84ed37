#include <string.h>
#include <strings.h>

#include "iptables/extensions.h"
#include "iptables/match_options.h"
#include "iptables/numbers.h"
#include "iptables/options.h"
#include "iptables/targets.h"
#include "iptables/text.h"

/* A command's words may stand in any order, are often cut short, and leave out what iptables fills
 * in. They are sorted into iptables-save's order under their full names, as one line, which is then
 * read like any other. */

#define MAX_MODULES 32

struct module {
        const char *name;
        struct strbuf options; /* " --limit 10/minute" */
};

struct command {
        struct ruleset *ruleset;
        struct err *err;
        const char *const *words;
        size_t n, next;
        struct iptables_command *ret;
        bool invert;          /* a "!" waits for its option */
        const char *protocol; /* -p; NULL */
        struct strbuf own, target_options;
        const char *target; /* "LOG"; NULL */
        bool is_goto;
        struct module modules[MAX_MODULES];
        size_t n_modules;
};

static int refuse(struct command *command, const char *word, const char *why)
{
        return err_set(command->err, "%s: %s", word, why);
}

static const char *take(struct command *command)
{
        return command->next < command->n ? command->words[command->next++] : NULL;
}

/* A word of a line: in quotes where it would else end, or be taken for an option. */
static void add_word(struct strbuf *line, const char *text)
{
        strbuf_add_char(line, ' ');
        if (*text && !strpbrk(text, " \t\r\n\"'\\") && !strchr("-!#", text[0]))
                strbuf_add(line, text);
        else
                print_quoted(text, line);
}

/* An option under its full name, and its arguments. */
static int add_option(struct command *command, struct strbuf *line, const char *name, unsigned n)
{
        strbuf_add(line, command->invert ? " ! " : " ");
        strbuf_add(line, name);
        command->invert = false;
        for (unsigned i = 0; i < n; i++) {
                const char *argument = take(command);
                if (argument && strcmp(argument, "!") == 0 && i == 0)
                        return refuse(command, name, "the ! stands in front of the option");
                if (!argument)
                        return refuse(command, name, "its argument is missing");
                add_word(line, argument);
        }
        return 0;
}

static int read_table(struct command *command, const char *name)
{
        const char *table = take(command);

        if (!table)
                return refuse(command, name, "its argument is missing");
        command->ret->table = arena_strdup(command->ruleset->arena, table);
        return 0;
}

static int read_chain(struct command *command, const char *name)
{
        const char *chain = take(command);

        if (!chain || command->ret->chain)
                return refuse(command, name, chain ? "one rule at a time" : "a chain is missing");
        command->ret->chain = arena_strdup(command->ruleset->arena, chain);
        return 0;
}

static int read_insert(struct command *command, const char *name)
{
        const char *number =
            command->next + 1 < command->n ? command->words[command->next + 1] : "";
        uint32_t position = 1;

        if (read_chain(command, name) < 0)
                return -1;
        if (number[0] >= '0' && number[0] <= '9') {
                if (!parse_number(number, '\0', INT32_MAX, &position, NULL) || position == 0)
                        return refuse(command, number, "not a position in a chain");
                command->next++;
        }
        command->ret->position = position;
        return 0;
}

static int read_module(struct command *command, const char *name)
{
        const char *module = take(command);

        if (!module || command->n_modules == MAX_MODULES)
                return refuse(command, name, module ? "too many modules" : "a module is missing");
        command->modules[command->n_modules++] =
            (struct module){.name = arena_strdup(command->ruleset->arena, module)};
        return 0;
}

static int read_target(struct command *command, const char *name)
{
        const char *target = take(command);

        if (!target || command->target)
                return refuse(command, name, target ? "a rule has one" : "a target is missing");
        command->target = target;
        command->is_goto = strcmp(name, "-g") == 0 || strcmp(name, "--goto") == 0;
        return 0;
}

static int read_nothing(struct command *command, const char *name)
{
        return 0;
}

static int read_counters(struct command *command, const char *name)
{
        uint32_t packets, bytes;
        const char *first = take(command), *second = take(command);

        if (!first || !second || !parse_number(first, '\0', UINT32_MAX, &packets, NULL) ||
            !parse_number(second, '\0', UINT32_MAX, &bytes, NULL))
                return refuse(command, name, "wants two numbers");
        command->ret->rule.counters = (struct counters){packets, bytes};
        return 0;
}

static const struct {
        const char *letter, *name;
        int (*read)(struct command *command, const char *name);
} commands[] = {
    {"-t", "--table", read_table},           {"-A", "--append", read_chain},
    {"-I", "--insert", read_insert},         {"-m", "--match", read_module},
    {"-j", "--jump", read_target},           {"-g", "--goto", read_target},
    {"-c", "--set-counters", read_counters}, {"-w", "--wait", read_nothing},
    {"-4", "--ipv4", read_nothing},          {"-6", "--ipv6", read_nothing},
};

/* The module that -p loads for an option of its own. */
static const char *protocols_module(const struct command *command)
{
        static const struct {
                const char *protocol, *module;
        } modules[] = {
            {"tcp", "tcp"},         {"6", "tcp"},        {"udp", "udp"},     {"17", "udp"},
            {"sctp", "sctp"},       {"132", "sctp"},     {"icmp", "icmp"},   {"1", "icmp"},
            {"ipv6-icmp", "icmp6"}, {"icmpv6", "icmp6"}, {"58", "icmp6"},    {"dccp", "dccp"},
            {"udplite", "udplite"}, {"esp", "esp"},      {"ah", "ah"},       {"50", "esp"},
            {"51", "ah"},           {"33", "dccp"},      {"136", "udplite"}, {"mh", "mh"},
        };

        for (size_t i = 0; command->protocol && i < ARRAY_SIZE(modules); i++)
                if (strcasecmp(modules[i].protocol, command->protocol) == 0)
                        return modules[i].module;
        return NULL;
}

static const char *module_option(enum family family, const char *module, const char *name,
                                 unsigned *ret_arguments)
{
        const char *found = match_option_name(family, module, name, ret_arguments);

        return found ? found : extension_option(family, module, name, ret_arguments);
}

/* iptables asks what was loaded last first. */
static int read_module_option(struct command *command, const char *name)
{
        const enum family family = command->ret->family;
        const char *implied = protocols_module(command), *found;
        unsigned n;

        found = command->target ? target_option(family, command->target, name, &n) : NULL;
        if (!found && command->target && strcmp(command->target, "REJECT") == 0 &&
            strlen(name) > 2 && strncmp("--reject-with", name, strlen(name)) == 0) {
                found = "--reject-with";
                n = 1;
        }
        if (found)
                return add_option(command, &command->target_options, found, n);
        for (size_t i = command->n_modules; i > 0; i--) {
                struct module *module = &command->modules[i - 1];
                found = module_option(family, module->name, name, &n);
                if (found)
                        return add_option(command, &module->options, found, n);
        }
        found = implied ? module_option(family, implied, name, &n) : NULL;
        if (!found || command->n_modules == MAX_MODULES)
                return refuse(command, name, "not an option that penstock knows here");
        struct module *module = &command->modules[command->n_modules++];
        *module = (struct module){.name = implied};
        return add_option(command, &module->options, found, n);
}

/* -s, -d, -i, -o, -p */
static int read_own_option(struct command *command, const char *name)
{
        const char *argument = command->next < command->n ? command->words[command->next] : "";

        if (strcmp(name, "-p") == 0) {
                command->protocol = command->invert ? NULL : argument;
                if (!command->invert &&
                    (strcasecmp(argument, "all") == 0 || strcmp(argument, "0") == 0)) {
                        command->next++;
                        return 0;
                }
        }
        if (!command->invert && strchr("sd", name[1]) && strcmp(argument, "0/0") == 0) {
                command->next++; /* everything, in either family */
                return 0;
        }
        if (strchr(argument, ',') && strchr("sd", name[1]))
                return refuse(command, argument, "several addresses are several rules; name one");
        return add_option(command, &command->own, name, 1);
}

static int read_word(struct command *command, const char *word)
{
        unsigned n;

        if (strcmp(word, "!") == 0) {
                if (command->invert)
                        return refuse(command, word, "once is enough");
                command->invert = true;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].letter, word) == 0 || strcmp(commands[i].name, word) == 0) {
                        if (command->invert)
                                return refuse(command, word, "takes no !");
                        return commands[i].read(command, word);
                }
        const char *own = match_option_name(command->ret->family, NULL, word, &n);
        if (own)
                return read_own_option(command, own);
        if (strncmp(word, "--", 2) != 0)
                return refuse(command, word, "not an option that penstock knows");
        return read_module_option(command, word);
}

/* "--dport=80" is two words. */
static size_t split_words(struct arena *arena, const char *const *words, size_t n,
                          const char *const **ret)
{
        const char **split = arena_new_array(arena, const char *, 2 * n + 1);
        size_t count = 0;

        for (size_t i = 0; i < n; i++) {
                const char *equals = strncmp(words[i], "--", 2) == 0 ? strchr(words[i], '=') : NULL;
                if (equals && (size_t)(equals - words[i]) == strcspn(words[i], " =")) {
                        split[count++] =
                            arena_strndup(arena, words[i], (size_t)(equals - words[i]));
                        split[count++] = equals + 1;
                } else {
                        split[count++] = words[i];
                }
        }
        *ret = split;
        return count;
}

static void compose(const struct command *command, struct strbuf *line)
{
        strbuf_add(line, strbuf_text(&command->own));
        for (size_t i = 0; i < command->n_modules; i++)
                strbuf_printf(line, " -m %s%s", command->modules[i].name,
                              strbuf_text(&command->modules[i].options));
        if (command->target)
                strbuf_printf(line, " -%c %s%s", command->is_goto ? 'g' : 'j', command->target,
                              strbuf_text(&command->target_options));
}

static bool is_all_ports(const struct match *match)
{
        return (match->kind == MATCH_SOURCE_PORT || match->kind == MATCH_DESTINATION_PORT) &&
               match->ports.items[0].first == 0 && match->ports.items[0].last == UINT16_MAX;
}

static bool is_everything(const struct match *match)
{
        switch (match->kind) {
        case MATCH_SOURCE:
        case MATCH_DESTINATION:
                return match->prefix.length == 0;
        case MATCH_IN_INTERFACE:
        case MATCH_OUT_INTERFACE:
                return strcmp(match->text, "+") == 0;
        default:
                return is_all_ports(match);
        }
}

/* The matches that iptables-save does not show, as they leave nothing out. */
static void leave_out(struct rule *rule)
{
        size_t n = 0;

        vec_foreach (const struct match, match, &rule->matches)
                if (!is_everything(match))
                        rule->matches.items[n++] = *match;
        rule->matches.n = n;
}

static int check(struct command *command, const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches) {
                if (match->kind == MATCH_UNKNOWN)
                        return refuse(command, match->text, "not understood");
                /* iptables-save shows the contrary: nothing, which is everything. */
                if (match->invert && is_everything(match))
                        return refuse(command, "!", "of everything there is nothing left");
        }
        if (rule->target.kind == TARGET_UNKNOWN)
                return refuse(command, rule->target.text, "not understood");
        return 0;
}

/* A module of which nothing but such matches was said is left without options. */
static void keep_module(struct ruleset *ruleset, const struct module *module, struct rule *rule,
                        bool had_all_ports)
{
        struct match bare = {.kind = MATCH_COUNTS, .extension = {module->name, ""}};

        if (!had_all_ports)
                return;
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_SOURCE_PORT || match->kind == MATCH_DESTINATION_PORT ||
                    match->kind == MATCH_TCP_FLAGS || match->kind == MATCH_SCTP_INIT)
                        return;
        rule_add_match(ruleset, rule, bare);
}

static int read_rule(struct command *command)
{
        _cleanup_strbuf_ struct strbuf line = {0};
        struct iptables_command *ret = command->ret;
        const struct options_context context = {
            .family = ret->family,
            .table = ruleset_table(command->ruleset, ret->family, ret->table),
            .command = true,
        };
        struct rule rule = {.counters = ret->rule.counters};
        bool all_ports = false;

        compose(command, &line);
        struct words words = words_of(command->ruleset->arena,
                                      arena_strdup(command->ruleset->arena, strbuf_text(&line)));
        if (words_next(&words))
                options_parse_rule(&context, command->ruleset, &words, 0, &rule);
        if (check(command, &rule) < 0)
                return -1;
        vec_foreach (const struct match, match, &rule.matches)
                all_ports |= is_all_ports(match);
        leave_out(&rule);
        for (size_t i = 0; i < command->n_modules; i++)
                if (strcmp(command->modules[i].name, "tcp") == 0 ||
                    strcmp(command->modules[i].name, "udp") == 0 ||
                    strcmp(command->modules[i].name, "sctp") == 0)
                        keep_module(command->ruleset, &command->modules[i], &rule, all_ports);
        ret->rule = rule;
        return 0;
}

static int read_command(struct command *command)
{
        const char *first = command->n ? command->words[0] : "";

        if (first[0] != '-') {
                const char *slash = strrchr(first, '/');
                const char *tool = slash ? slash + 1 : first;
                if (strncmp(tool, "ip6tables", 9) == 0)
                        command->ret->family = FAMILY_IPV6;
                else if (strncmp(tool, "iptables", 8) == 0)
                        command->ret->family = FAMILY_IPV4;
                else
                        return refuse(command, first, "not a command of iptables");
                command->next = 1;
        }
        for (const char *word; (word = take(command));)
                if (read_word(command, word) < 0)
                        return -1;
        if (!command->ret->chain)
                return err_set(command->err, "adds no rule: -A or -I is missing");
        if (command->invert)
                return refuse(command, "!", "nothing follows it");
        return read_rule(command);
}

int iptables_command_parse(struct ruleset *ruleset, enum family family, const char *const *words,
                           size_t n, struct iptables_command *ret, struct err *err)
{
        struct iptables_command result = {.family = family, .table = "filter"};
        struct command command = {.ruleset = ruleset, .err = err, .ret = &result};

        command.n = split_words(ruleset->arena, words, n, &command.words);
        int r = read_command(&command);
        strbuf_done(&command.own);
        strbuf_done(&command.target_options);
        for (size_t i = 0; i < command.n_modules; i++)
                strbuf_done(&command.modules[i].options);
        if (r == 0)
                *ret = result;
        return r;
}
