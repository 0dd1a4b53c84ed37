#include "fuzz.h"

#include <string.h>

#include "iptables/text.h"

/* What iptables_parse() takes is printed, parsed and printed to the same bytes, and each rule still
 * means the same: what the comparison of installed and wanted rules stands on. */

static struct ruleset *parse(struct arena *arena, enum family family, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {""};

        if (iptables_parse(ruleset, family, text, &err) == 0)
                return ruleset;
        must(err.text[0]);
        return NULL;
}

static void compare(const struct ruleset *a, const struct ruleset *b)
{
        must(a->tables.n == b->tables.n);
        for (size_t i = 0; i < a->tables.n; i++)
                vec_foreach (const struct chain, chain, &a->tables.items[i].chains) {
                        const struct chain *other = table_chain(&b->tables.items[i], chain->name);

                        must(other && chain_rules_equal(chain, other));
                }
}

static void round_trip(enum family family, const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf first = {0}, second = {0};
        const struct ruleset *once = parse(arena, family, text), *twice;

        if (!once)
                return;
        iptables_print(once, family, true, &first);
        twice = parse(arena, family, strbuf_text(&first));
        must(twice);
        compare(once, twice);
        iptables_print(twice, family, true, &second);
        must(strcmp(strbuf_text(&first), strbuf_text(&second)) == 0);
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
