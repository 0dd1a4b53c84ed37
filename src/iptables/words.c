#include "iptables/words.h"

#include <string.h>

bool word_is_quoted(const struct word *word)
{
        return word->raw[0] == '"';
}

bool word_is(const struct word *word, const char *text)
{
        return !word_is_quoted(word) && strcmp(word->text, text) == 0;
}

struct words words_of(struct arena *arena, const char *text)
{
        return (struct words){.arena = arena, .next = text, .line = 0, .newlines = 1};
}

static const char *unquote(struct arena *arena, const char *quoted, size_t length)
{
        char *text = arena_alloc(arena, length + 1), *end = text;

        for (size_t i = 0; i < length; i++) {
                if (quoted[i] == '\\' && i + 1 < length)
                        i++;
                *end++ = quoted[i];
        }
        return text;
}

static void add_quoted(struct words *words)
{
        const char *raw = words->next, *p = raw + 1;

        while (*p && *p != '"') {
                if (*p == '\\' && p[1])
                        p++;
                words->newlines += *p == '\n';
                p++;
        }
        const char *text = unquote(words->arena, raw + 1, (size_t)(p - raw - 1));
        if (*p)
                p++;
        struct word word = {text, raw, (size_t)(p - raw)};
        vec_push(words->arena, &words->list, word);
        words->next = p;
}

static void add_plain(struct words *words)
{
        size_t length = strcspn(words->next, " \t\r\n");
        const char *text = arena_strndup(words->arena, words->next, length);
        struct word word = {text, words->next, length};

        vec_push(words->arena, &words->list, word);
        words->next += length;
}

/* A comment is one word, whatever is in it. */
static void add_comment(struct words *words)
{
        size_t length = strcspn(words->next, "\n");
        struct word word = {arena_strndup(words->arena, words->next, length), words->next, length};

        vec_push(words->arena, &words->list, word);
        words->next += length;
}

bool words_next(struct words *words)
{
        words->list.n = 0;
        while (*words->next) {
                if (words->list.n == 0)
                        words->line = words->newlines;
                if (*words->next == '\n') {
                        words->newlines++;
                        words->next++;
                        if (words->list.n)
                                return true;
                } else if (strchr(" \t\r", *words->next)) {
                        words->next++;
                } else if (*words->next == '#' && words->list.n == 0) {
                        add_comment(words);
                } else if (*words->next == '"') {
                        add_quoted(words);
                } else {
                        add_plain(words);
                }
        }
        return words->list.n > 0;
}

const char *words_raw(const struct words *words, size_t first, size_t n)
{
        const struct word *from = &words->list.items[first],
                          *to = &words->list.items[first + n - 1];

        return arena_strndup(words->arena, from->raw,
                             (size_t)(to->raw - from->raw) + to->raw_length);
}
