#include "fuzz.h"

#include <string.h>

#include "iptables/text.h"

/* What ipset_parse() takes is printed, and what is printed is parsed to the same sets and printed
 * to the same bytes. */

static struct ruleset *parse(struct arena *arena, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {""};

        if (ipset_parse(ruleset, text, &err) == 0)
                return ruleset;
        must(err.text[0]);
        return NULL;
}

static void compare(const struct ruleset *a, const struct ruleset *b)
{
        must(a->sets.n == b->sets.n);
        for (size_t i = 0; i < a->sets.n; i++) {
                const struct set *x = &a->sets.items[i], *y = &b->sets.items[i];
                must(strcmp(x->name, y->name) == 0 && x->type == y->type &&
                     x->family == y->family && x->plain == y->plain && x->misfit == y->misfit &&
                     set_content_equal(x, y));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf first = {0}, second = {0};
        char *text = arena_strndup(arena, (const char *)data, size);
        struct ruleset *once = parse(arena, text), *twice;

        if (!once)
                return 0;
        ipset_print(once, &first);
        twice = parse(arena, strbuf_text(&first));
        must(twice);
        compare(once, twice);
        ipset_print(twice, &second);
        must(strcmp(strbuf_text(&first), strbuf_text(&second)) == 0);
        ruleset_finish(once);
        ruleset_finish(twice);
        compare(once, twice);
        return 0;
}
