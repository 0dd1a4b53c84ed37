#include "iptables/options.h"

#include <string.h>

#include "iptables/extensions.h"
#include "iptables/match_options.h"
#include "iptables/targets.h"

/* A rule's text is groups of words: iptables' own options ("! -s 10.0.0.0/8"), and "-m module" with
 * all that follows up to the next -m or the target. A group that is not understood to its last word
 * is kept whole, as written. */

/* What one group adds to a rule. */
struct group {
        struct reading *reading;
        const char *module; /* NULL: an option of iptables' own */
        const struct words *words;
        size_t first, end; /* its words, behind "-m module" */
        size_t known;      /* matches of the rule in front of it */
};

static const struct match_option *row_of(const struct group *group, const struct match *match)
{
        return match_option_of_kind(match->kind, group->reading->family, group->reading->protocol);
}

static bool has_kind(const struct group *group, const struct rule *rule, enum match_kind kind)
{
        for (size_t i = group->known; i < rule->matches.n; i++)
                if (rule->matches.items[i].kind == kind)
                        return true;
        return false;
}

/* What stands behind a match's arguments, to the end of the group. */
static bool parse_more(const struct group *group, const struct match_option *row, size_t first,
                       struct match *match)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (!grammar_read(row->more, group->reading, group->words, first, group->end, &text))
                return false;
        match->set.options = arena_strdup(group->reading->ruleset->arena, strbuf_text(&text));
        return true;
}

/* One option with its arguments. Returns the word behind it, or 0 where it is not understood. */
static size_t parse_option(const struct group *group, size_t i, struct rule *rule)
{
        const struct word *items = group->words->list.items;
        struct match match = {.invert = word_is(&items[i], "!")};
        const struct match_option *row;

        i += match.invert;
        row = i < group->end ? match_option_named(group->reading, group->module, items[i].text)
                             : NULL;
        if (!row || group->end - i - 1 < row->n_arguments)
                return 0;
        if (row->modify)
                return match.invert ? 0 : i + 1;
        if ((rule->matches.n > group->known && !row->shares) || has_kind(group, rule, row->kind) ||
            !row->parse(group->reading, &items[i + 1], &match))
                return 0;
        match.kind = row->kind;
        i += 1 + row->n_arguments;
        if (row->more && i < group->end) {
                if (!parse_more(group, row, i, &match))
                        return 0;
                i = group->end;
        }
        rule_add_match(group->reading->ruleset, rule, match);
        return i;
}

/* Modifiers say something of every match of their group. */
static void modify(const struct group *group, struct rule *rule)
{
        for (size_t i = group->first; i < group->end; i++) {
                const struct match_option *row = match_option_named(
                    group->reading, group->module, group->words->list.items[i].text);
                for (size_t j = group->known; row && row->modify && j < rule->matches.n; j++)
                        row->modify(&rule->matches.items[j]);
        }
}

/* Would its first match be printed behind the -m of the group in front? */
static void set_apart(const struct group *group, struct rule *rule)
{
        struct match *first = &rule->matches.items[group->known];

        if (group->module && group->known > 0)
                first->apart = match_shares_module(first - 1, row_of(group, first - 1), first,
                                                   row_of(group, first));
}

/* False where one of the words is not understood. */
static bool parse_options(const struct group *group, struct rule *rule)
{
        for (size_t i = group->first; i < group->end;) {
                i = parse_option(group, i, rule);
                if (i == 0) {
                        rule->matches.n = group->known;
                        return false;
                }
        }
        if (rule->matches.n == group->known)
                return false;
        if (group->module)
                modify(group, rule);
        set_apart(group, rule);
        return true;
}

static bool parse_extension(const struct group *group, struct rule *rule)
{
        struct match match;

        if (!group->module || !extension_parse(group->reading, group->module, group->words,
                                               group->first, group->end, &match))
                return false;
        rule_add_match(group->reading->ruleset, rule, match);
        return true;
}

static bool begins_group(const struct word *word)
{
        return word_is(word, "-m") || word_is(word, "-j") || word_is(word, "-g");
}

/* "-s", or "! -s": no module has options of one letter. */
static bool is_own_option(const struct words *words, size_t i)
{
        const struct match_option *own;

        i += word_is(&words->list.items[i], "!");
        for (size_t row = 0; i < words->list.n && (own = match_option_own(row)); row++)
                if (word_is(&words->list.items[i], own->name))
                        return true;
        return false;
}

/* iptables' own options stand alone: "!", the option, its argument if it has one. */
static size_t own_option_end(const struct words *words, size_t first)
{
        size_t i = first;

        i += word_is(&words->list.items[i], "!");
        for (i++; i < words->list.n; i++) {
                const char *word = words->list.items[i].text;
                if (*word == '-' || strcmp(word, "!") == 0)
                        break;
        }
        return i < words->list.n ? i : words->list.n;
}

static size_t group_end(const struct words *words, size_t first)
{
        size_t i = first;

        if (!word_is(&words->list.items[i], "-m"))
                return own_option_end(words, first);
        for (i += 2; i < words->list.n; i++) /* a module's name is one, whatever it looks like */
                if (begins_group(&words->list.items[i]) || is_own_option(words, i))
                        break;
        return i < words->list.n ? i : words->list.n;
}

/* Other names of what REJECT answers, and what nobody said is answered. */
static const struct {
        enum family family;
        const char *name, *means;
} reject_names[] = {
    {FAMILY_IPV4, "", "icmp-port-unreachable"},
    {FAMILY_IPV4, "net-unreach", "icmp-net-unreachable"},
    {FAMILY_IPV4, "host-unreach", "icmp-host-unreachable"},
    {FAMILY_IPV4, "proto-unreach", "icmp-proto-unreachable"},
    {FAMILY_IPV4, "port-unreach", "icmp-port-unreachable"},
    {FAMILY_IPV4, "net-prohib", "icmp-net-prohibited"},
    {FAMILY_IPV4, "host-prohib", "icmp-host-prohibited"},
    {FAMILY_IPV4, "admin-prohib", "icmp-admin-prohibited"},
    {FAMILY_IPV4, "tcp-rst", "tcp-reset"},
    {FAMILY_IPV6, "", "icmp6-port-unreachable"},
    {FAMILY_IPV6, "no-route", "icmp6-no-route"},
    {FAMILY_IPV6, "adm-prohibited", "icmp6-adm-prohibited"},
    {FAMILY_IPV6, "addr-unreach", "icmp6-addr-unreachable"},
    {FAMILY_IPV6, "port-unreach", "icmp6-port-unreachable"},
    {FAMILY_IPV6, "policy-fail", "icmp6-policy-fail"},
    {FAMILY_IPV6, "reject-route", "icmp6-reject-route"},
};

static const char *reject_type(const struct reading *reading, const char *text)
{
        for (size_t i = 0; reading->command && i < ARRAY_SIZE(reject_names); i++)
                if (reject_names[i].family == reading->family &&
                    strcmp(reject_names[i].name, text ? text : "") == 0)
                        return reject_names[i].means;
        return text;
}

/* A command may name one that is made later. */
static bool is_chain(const struct options_context *context, const char *name)
{
        return (context->table && table_chain(context->table, name)) ||
               (context->command && !target_is_known(name));
}

static void parse_target(const struct options_context *context, const struct reading *reading,
                         const struct words *words, size_t first, struct target *ret)
{
        static const struct {
                const char *name;
                enum target_kind kind;
        } plain[] = {
            {"ACCEPT", TARGET_ACCEPT},
            {"DROP", TARGET_DROP},
            {"RETURN", TARGET_RETURN},
        };
        const struct word *items = &words->list.items[first];
        size_t n = words->list.n - first;
        bool jump = strcmp(items[0].text, "-j") == 0;

        for (size_t i = 0; jump && n == 2 && i < ARRAY_SIZE(plain); i++)
                if (strcmp(items[1].text, plain[i].name) == 0) {
                        *ret = (struct target){.kind = plain[i].kind};
                        return;
                }
        const bool reject = jump && n > 1 && strcmp(items[1].text, "REJECT") == 0;
        if (reject && (n == 2 || (n == 4 && strcmp(items[2].text, "--reject-with") == 0)))
                *ret = (struct target){.kind = TARGET_REJECT,
                                       .text = reject_type(reading, n == 4 ? items[3].text : NULL)};
        else if (!jump && n == 2)
                *ret = (struct target){.kind = TARGET_GOTO, .text = items[1].text};
        else if (jump && n == 2 && is_chain(context, items[1].text))
                *ret = (struct target){.kind = TARGET_JUMP, .text = items[1].text};
        else if (!jump || n < 2 || !target_parse(reading, words, first + 1, ret))
                *ret = (struct target){.kind = TARGET_UNKNOWN, .text = words_raw(words, first, n)};
}

static enum protocol rule_protocol(const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_PROTOCOL && !match->invert)
                        return match->number;
        return PROTOCOL_ANY;
}

static void print_target(const struct target *target, struct strbuf *out)
{
        static const char *const words[] = {
            [TARGET_NONE] = "",
            [TARGET_ACCEPT] = " -j ACCEPT",
            [TARGET_DROP] = " -j DROP",
            [TARGET_RETURN] = " -j RETURN",
            [TARGET_REJECT] = " -j REJECT",
            [TARGET_JUMP] = " -j ",
            [TARGET_GOTO] = " -g ",
            [TARGET_MARK] = " -j ",
            [TARGET_CONNMARK] = " -j ",
            [TARGET_DNAT] = " -j ",
            [TARGET_SNAT] = " -j ",
            [TARGET_REDIRECT] = " -j ",
            [TARGET_MASQUERADE] = " -j ",
            [TARGET_NOTRACK] = " -j ",
            [TARGET_ASIDE] = " -j ",
            [TARGET_BEYOND] = " -j ",
            [TARGET_UNKNOWN] = " ",
        };

        strbuf_add(out, words[target->kind]);
        if (target->kind == TARGET_REJECT && target->text)
                strbuf_add(out, " --reject-with ");
        if (target->text)
                strbuf_add(out, target->text);
}

/* A match that is not in the table of options. */
static void print_other(const struct match *match, struct strbuf *out)
{
        if (match->kind == MATCH_UNKNOWN) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, match->text);
        } else {
                strbuf_add(out, " -m ");
                extension_print(match, out);
        }
}

/* shares: stands behind the -m of the one in front of it. */
static void print_match(const struct match_option *row, bool shares, const struct match *match,
                        struct strbuf *out)
{
        if (!row) {
                print_other(match, out);
                return;
        }
        if (row->module && !shares) {
                strbuf_add(out, " -m ");
                strbuf_add(out, row->module);
        }
        strbuf_add(out, match->invert ? " ! " : " ");
        strbuf_add(out, row->name);
        strbuf_add_char(out, ' ');
        row->print(match, out);
        if (match->kind == MATCH_SET && match->set.options) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, match->set.options);
        }
}

/* Behind the last match of a group. */
static void print_modifiers(const struct match_option *row, const struct match *match,
                            struct strbuf *out)
{
        const struct match_option *modifier;

        for (size_t i = 0; (modifier = match_option_modifier(row, i)); i++)
                if (modifier->modified(match)) {
                        strbuf_add_char(out, ' ');
                        strbuf_add(out, modifier->name);
                }
}

static bool stands_first(const struct match_option *row, const struct match *match)
{
        if (row || match->kind != MATCH_UNKNOWN)
                return row && !row->module;
        return strncmp(match->text, "-m", 2) != 0 || !strchr(" \t\r", match->text[2]);
}

/* iptables-save puts its own options first, in this table's order. One that is not understood stays
 * behind the one that it stood behind. */
static void print_own_options(enum family family, const struct rule *rule, struct strbuf *out)
{
        const struct match_option *own;

        for (size_t i = 0; (own = match_option_own(i)); i++) {
                const struct match_option *behind = match_option_own(0);
                vec_foreach (const struct match, match, &rule->matches) {
                        const struct match_option *row =
                            match_option_of_kind(match->kind, family, PROTOCOL_ANY);
                        if (!stands_first(row, match))
                                continue;
                        if (row)
                                behind = row;
                        if (behind == own)
                                print_match(row, false, match, out);
                }
        }
}

static void print_modules(enum family family, const struct rule *rule, struct strbuf *out)
{
        const enum protocol protocol = rule_protocol(rule);
        const struct match_option *previous = NULL;
        const struct match *before = NULL;

        vec_foreach (const struct match, match, &rule->matches) {
                const struct match_option *row =
                    match_option_of_kind(match->kind, family, protocol);
                if (stands_first(row, match))
                        continue;
                const bool shares = match_shares_module(before, previous, match, row);
                if (previous && !shares)
                        print_modifiers(previous, before, out);
                print_match(row, shares, match, out);
                previous = row;
                before = match;
        }
        if (previous)
                print_modifiers(previous, before, out);
}

void options_print_rule(const struct options_context *context, const struct rule *rule,
                        struct strbuf *out)
{
        if (rule->written) {
                if (*rule->written)
                        strbuf_add_char(out, ' ');
                strbuf_add(out, rule->written);
                return;
        }
        print_own_options(context->family, rule, out);
        print_modules(context->family, rule, out);
        print_target(&rule->target, out);
}

static void add_unknown(struct ruleset *ruleset, const struct words *words, size_t first,
                        size_t end, struct rule *rule)
{
        struct match unknown = {.kind = MATCH_UNKNOWN,
                                .text = words_raw(words, first, end - first)};

        rule_add_match(ruleset, rule, unknown);
}

/* Is the rule so far printed as it was written? */
static bool is_printed_alike(const struct options_context *context, const struct words *words,
                             size_t first, size_t end, const struct rule *rule)
{
        _cleanup_strbuf_ struct strbuf printed = {0};

        options_print_rule(context, rule, &printed);
        return printed.length > 0 &&
               strcmp(strbuf_text(&printed) + 1, words_raw(words, first, end - first)) == 0;
}

static void parse_group(struct reading *reading, const struct words *words, size_t first,
                        size_t end, struct rule *ret)
{
        const struct word *items = words->list.items;
        const bool module = word_is(&items[first], "-m") && first + 1 < words->list.n;
        const struct group group = {
            .reading = reading,
            .module = module ? items[first + 1].text : NULL,
            .words = words,
            .first = module ? first + 2 : first,
            .end = end,
            .known = ret->matches.n,
        };

        if (!parse_options(&group, ret) && !parse_extension(&group, ret))
                add_unknown(reading->ruleset, words, first, end, ret);
}

static bool has_unknown(const struct rule *rule)
{
        vec_foreach (const struct match, match, &rule->matches)
                if (match->kind == MATCH_UNKNOWN)
                        return true;
        return false;
}

/* The matches, up to the target or the end, where it stops. Where some are unknown, whose words may
 * be anything, nothing may move: a rule that is not as iptables-save writes it is kept whole. */
static size_t parse_matches(const struct options_context *context, struct reading *reading,
                            const struct words *words, size_t first, struct rule *ret)
{
        const struct word *items = words->list.items;
        size_t i = first;

        for (size_t end; i < words->list.n; i = end) {
                if (word_is(&items[i], "-j") || word_is(&items[i], "-g"))
                        break;
                end = group_end(words, i);
                parse_group(reading, words, i, end, ret);
        }
        if (!reading->command && has_unknown(ret) &&
            !is_printed_alike(context, words, first, i, ret)) {
                ret->matches.n = 0;
                add_unknown(reading->ruleset, words, first, i, ret);
        }
        return i;
}

void options_parse_rule(const struct options_context *context, struct ruleset *ruleset,
                        const struct words *words, size_t first, struct rule *ret)
{
        struct reading reading = {
            .ruleset = ruleset, .family = context->family, .command = context->command};
        size_t target = parse_matches(context, &reading, words, first, ret);

        if (target < words->list.n)
                parse_target(context, &reading, words, target, &ret->target);
        if (!context->command && first < words->list.n &&
            !is_printed_alike(context, words, first, words->list.n, ret))
                ret->written = words_raw(words, first, words->list.n - first);
}
