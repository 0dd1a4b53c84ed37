#include "fuzz.h"

#include <string.h>

#include "iptables/text.h"

/* What iptables_parse() takes is printed and parsed to rules that mean the same: what the
 * comparison of installed and wanted rules stands on. From then on the text stays as it is, to the
 * byte. (At first chains may change places: those that are only inserted to come when their first
 * rule does.) */

static struct ruleset *parse(struct arena *arena, enum family family, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {""};

        if (iptables_parse(ruleset, family, text, &err) == 0)
                return ruleset;
        must(err.text[0]);
        return NULL;
}

/* All of a's chains are b's. One that nobody declared and that has no rules is not worth a line. */
static void compare_tables(const struct table *a, const struct table *b)
{
        vec_foreach (const struct chain, chain, &a->chains) {
                const struct chain *other = table_chain(b, chain->name);

                must(other ? chain_rules_equal(chain, other) : chain->rules.n == 0);
        }
}

static void compare(const struct ruleset *a, const struct ruleset *b)
{
        must(a->tables.n == b->tables.n);
        for (size_t i = 0; i < a->tables.n; i++) {
                compare_tables(&a->tables.items[i], &b->tables.items[i]);
                compare_tables(&b->tables.items[i], &a->tables.items[i]);
        }
}

static const struct ruleset *again(struct arena *arena, enum family family,
                                   const struct ruleset *ruleset, struct strbuf *text)
{
        const struct ruleset *parsed;

        iptables_print(ruleset, family, true, text);
        parsed = parse(arena, family, strbuf_text(text));
        must(parsed);
        compare(ruleset, parsed);
        return parsed;
}

static void round_trip(enum family family, const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf first = {0}, second = {0}, third = {0};
        const struct ruleset *ruleset = parse(arena, family, text);

        if (!ruleset)
                return;
        ruleset = again(arena, family, ruleset, &first);
        ruleset = again(arena, family, ruleset, &second);
        again(arena, family, ruleset, &third);
        must(strcmp(strbuf_text(&second), strbuf_text(&third)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = '\0';
        round_trip(FAMILY_IPV4, text);
        round_trip(FAMILY_IPV6, text);
        free(text);
        return 0;
}
