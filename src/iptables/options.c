#include "iptables/options.h"

#include <string.h>

#include "iptables/match_options.h"

/* A rule's text is groups of words: iptables' own options ("! -s 10.0.0.0/8"), and "-m module" with
 * all that follows up to the next -m or the target. A group that is not understood to its last word
 * is kept whole, as written. */

/* [first, end) are the words of one group behind its "-m module" (or without one). False where one
 * of them is not understood. */
static bool parse_options(struct match_reading *reading, const char *module,
                          const struct words *words, size_t first, size_t end, struct rule *rule)
{
        const size_t known = rule->matches.n;

        for (size_t i = first; i < end;) {
                struct match match = {.invert = word_is(&words->list.items[i], "!")};
                i += match.invert;
                const struct match_option *row =
                    i < end ? match_option_named(reading, module, words->list.items[i].text) : NULL;
                if (!row || end - i - 1 < row->n_arguments ||
                    (row->protocol == PROTOCOL_ANY && module && rule->matches.n > known) ||
                    !row->parse(reading, &words->list.items[i + 1], &match)) {
                        rule->matches.n = known;
                        return false;
                }
                match.kind = row->kind;
                rule_add_match(reading->ruleset, rule, match);
                i += 1 + row->n_arguments;
        }
        return rule->matches.n > known;
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

/* "-m tcp --sport 1 -m tcp --dport 2" would be printed behind one -m: kept as written. */
static bool repeats_module(const struct words *words, size_t first, size_t previous, size_t group)
{
        const struct word *items = words->list.items;

        return previous >= first && previous < group && group + 1 < words->list.n &&
               word_is(&items[group], "-m") && word_is(&items[previous], "-m") &&
               strcmp(items[previous + 1].text, items[group + 1].text) == 0 &&
               is_protocols_module(items[group + 1].text);
}

static void parse_target(const struct options_context *context, const struct words *words,
                         size_t first, struct target *ret)
{
        static const struct {
                const char *name;
                enum target_kind kind;
        } plain[] = {
            {"ACCEPT", TARGET_ACCEPT},
            {"DROP", TARGET_DROP},
            {"RETURN", TARGET_RETURN},
            {"REJECT", TARGET_REJECT},
        };
        const struct word *items = &words->list.items[first];
        size_t n = words->list.n - first;
        bool jump = strcmp(items[0].text, "-j") == 0;

        for (size_t i = 0; jump && n == 2 && i < ARRAY_SIZE(plain); i++)
                if (strcmp(items[1].text, plain[i].name) == 0) {
                        *ret = (struct target){.kind = plain[i].kind};
                        return;
                }
        if (jump && n == 4 && strcmp(items[1].text, "REJECT") == 0 &&
            strcmp(items[2].text, "--reject-with") == 0)
                *ret = (struct target){.kind = TARGET_REJECT, .text = items[3].text};
        else if (!jump && n == 2)
                *ret = (struct target){.kind = TARGET_GOTO, .text = items[1].text};
        else if (jump && n == 2 && table_chain(context->table, items[1].text))
                *ret = (struct target){.kind = TARGET_JUMP, .text = items[1].text};
        else
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
            [TARGET_UNKNOWN] = " ",
        };

        strbuf_add(out, words[target->kind]);
        if (target->kind == TARGET_REJECT && target->text)
                strbuf_add(out, " --reject-with ");
        if (target->text)
                strbuf_add(out, target->text);
}

/* previous: the row printed before, or NULL. */
static void print_match(const struct match_option *row, const struct match_option *previous,
                        const struct match *match, struct strbuf *out)
{
        if (!row) { /* MATCH_UNKNOWN */
                strbuf_add_char(out, ' ');
                strbuf_add(out, match->text);
                return;
        }
        if (row->module && !match_options_share_module(row, previous)) {
                strbuf_add(out, " -m ");
                strbuf_add(out, row->module);
        }
        strbuf_add(out, match->invert ? " ! " : " ");
        strbuf_add(out, row->name);
        strbuf_add_char(out, ' ');
        row->print(match, out);
}

static bool stands_first(const struct match_option *row, const struct match *match)
{
        if (row)
                return !row->module;
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
                                print_match(row, NULL, match, out);
                }
        }
}

void options_print_rule(const struct options_context *context, const struct rule *rule,
                        struct strbuf *out)
{
        enum protocol protocol = rule_protocol(rule);
        const struct match_option *previous = NULL;

        print_own_options(context->family, rule, out);
        vec_foreach (const struct match, match, &rule->matches) {
                const struct match_option *row =
                    match_option_of_kind(match->kind, context->family, protocol);
                if (stands_first(row, match))
                        continue;
                print_match(row, previous, match, out);
                previous = row;
        }
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

/* The matches, up to the target or the end, where it stops. Where some are unknown, whose words may
 * be anything, nothing may move: a rule that is not as iptables-save writes it is kept whole. */
static size_t parse_matches(const struct options_context *context, struct ruleset *ruleset,
                            const struct words *words, size_t first, struct rule *ret)
{
        struct match_reading reading = {.ruleset = ruleset, .family = context->family};
        const struct word *items = words->list.items;
        bool unknown = false;
        size_t previous = first, i = first;

        for (size_t end; i < words->list.n; previous = i, i = end) {
                if (word_is(&items[i], "-j") || word_is(&items[i], "-g"))
                        break;
                bool module = word_is(&items[i], "-m") && i + 1 < words->list.n;
                end = group_end(words, i);
                if (!repeats_module(words, first, previous, i) &&
                    parse_options(&reading, module ? items[i + 1].text : NULL, words,
                                  module ? i + 2 : i, end, ret))
                        continue;
                unknown = true;
                add_unknown(ruleset, words, i, end, ret);
        }
        if (unknown && !is_printed_alike(context, words, first, i, ret)) {
                ret->matches.n = 0;
                add_unknown(ruleset, words, first, i, ret);
        }
        return i;
}

void options_parse_rule(const struct options_context *context, struct ruleset *ruleset,
                        const struct words *words, size_t first, struct rule *ret)
{
        size_t target = parse_matches(context, ruleset, words, first, ret);

        if (target < words->list.n)
                parse_target(context, words, target, &ret->target);
}
