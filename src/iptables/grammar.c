#include "iptables/grammar.h"

#include <string.h>

struct said {
        bool given, invert;
        struct strbuf argument;
};

static size_t index_of(const struct grammar *grammar, const char *name)
{
        size_t i = 0;

        while (i < grammar->n && strcmp(grammar->options[i].name, name) != 0)
                i++;
        return i;
}

const struct grammar_option *grammar_option_named(const struct grammar *grammar, const char *name)
{
        const struct grammar_option *found = NULL;
        size_t exact = index_of(grammar, name), length = strlen(name);

        if (exact < grammar->n)
                return &grammar->options[exact];
        for (size_t i = 0; length > 2 && i < grammar->n; i++) {
                if (strncmp(grammar->options[i].name, name, length) != 0)
                        continue;
                if (found)
                        return NULL;
                found = &grammar->options[i];
        }
        return found;
}

static bool say(struct said *said, const char *argument, bool invert)
{
        if (said->given)
                return false;
        said->given = true;
        said->invert = invert;
        strbuf_add(&said->argument, argument);
        return true;
}

/* An option that was read, under the name or the two that it is printed by. */
static bool say_option(const struct grammar *grammar, const struct grammar_option *option,
                       const char *argument, bool invert, struct said *said)
{
        const char *name = option->means ? option->means : option->name;

        return say(&said[index_of(grammar, name)], argument, invert) &&
               (!option->means_also ||
                say(&said[index_of(grammar, option->means_also)], argument, invert));
}

static bool read_option(const struct grammar *grammar, const struct reading *reading,
                        const struct grammar_option *option, const struct word *arguments,
                        bool invert, struct said *said)
{
        _cleanup_strbuf_ struct strbuf argument = {0};

        if (invert && !(option->flags & GRAMMAR_INVERTS))
                return false;
        if (option->read && !option->read(reading, arguments, &argument))
                return false;
        /* iptables-save leaves it out although it means the contrary. */
        if (invert && option->left_out && strcmp(strbuf_text(&argument), option->left_out) == 0)
                return false;
        return say_option(grammar, option, strbuf_text(&argument), invert, said);
}

unsigned grammar_arguments(const struct grammar_option *option)
{
        return option->read ? 1 + !!(option->flags & GRAMMAR_TWO_WORDS) : 0;
}

static bool read_said(const struct grammar *grammar, const struct reading *reading,
                      const struct words *words, size_t first, size_t end, struct said *said)
{
        for (size_t i = first; i < end;) {
                const bool invert = word_is(&words->list.items[i], "!");
                i += invert;
                size_t row = i < end && !word_is_quoted(&words->list.items[i])
                                 ? index_of(grammar, words->list.items[i].text)
                                 : grammar->n;
                if (row == grammar->n)
                        return false;
                const struct grammar_option *option = &grammar->options[row];
                const unsigned n = grammar_arguments(option);
                if (end - i - 1 < n ||
                    !read_option(grammar, reading, option, &words->list.items[i + 1], invert, said))
                        return false;
                i += 1 + n;
        }
        return true;
}

static bool is_added(const struct grammar *grammar, const struct grammar_option *option,
                     enum family family, const struct said *said)
{
        if (!option->added[family])
                return false;
        if (!option->beside)
                return true;
        const bool without = option->beside[0] == '!';
        return said[index_of(grammar, option->beside + without)].given != without;
}

static void print_option(const struct said *said, const struct grammar_option *option,
                         const char *argument, struct strbuf *out)
{
        if (out->length > 0)
                strbuf_add_char(out, ' ');
        if (said->invert)
                strbuf_add(out, "! ");
        strbuf_add(out, option->name);
        if (option->read) {
                strbuf_add_char(out, ' ');
                strbuf_add(out, argument);
        }
}

static void print_said(const struct grammar *grammar, enum family family, const struct said *said,
                       struct strbuf *out)
{
        for (size_t i = 0; i < grammar->n; i++) {
                const struct grammar_option *option = &grammar->options[i];
                const char *argument = strbuf_text(&said[i].argument);
                if (!said[i].given && is_added(grammar, option, family, said))
                        argument = option->added[family];
                else if (!said[i].given || (option->left_out && !said[i].invert &&
                                            strcmp(argument, option->left_out) == 0))
                        continue;
                print_option(&said[i], option, argument, out);
        }
}

bool grammar_read(const struct grammar *grammar, const struct reading *reading,
                  const struct words *words, size_t first, size_t end, struct strbuf *out)
{
        struct said said[MAX_GRAMMAR_OPTIONS] = {0};
        struct strbuf printed = {0};
        bool understood = (first < end || grammar->bare) && grammar->n <= ARRAY_SIZE(said) &&
                          read_said(grammar, reading, words, first, end, said);

        if (understood) {
                print_said(grammar, reading->family, said, &printed);
                strbuf_add_bytes(out, strbuf_text(&printed), printed.length);
        }
        strbuf_done(&printed);
        for (size_t i = 0; i < ARRAY_SIZE(said); i++)
                strbuf_done(&said[i].argument);
        return understood;
}

const char *canonical_argument(const char *text, const char *option)
{
        const size_t length = strlen(option);

        for (const char *at = text; (at = strstr(at, option)); at += length)
                if ((at == text || at[-1] == ' ') && at[length] == ' ')
                        return at + length + 1;
        return NULL;
}
