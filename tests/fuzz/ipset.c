#include "fuzz.h"

#include <string.h>

#include "iptables/text.h"

/* Sets of penstock's that ipset_parse() takes are printed, parsed and printed to the same bytes. */

static struct ruleset *parse(struct arena *arena, const char *text)
{
        struct ruleset *ruleset = ruleset_new(arena);
        struct err err = {""};

        if (ipset_parse(ruleset, text, &err) == 0)
                return ruleset;
        must(err.text[0]);
        return NULL;
}

/* Of what penstock did not make only name and type are kept, which is not enough to print. */
static void print_known(const struct ruleset *ruleset, struct strbuf *out)
{
        vec_foreach (const struct set, set, &ruleset->sets) {
                if (set->type == SET_UNKNOWN)
                        continue;
                ipset_print_create(set, out);
                vec_foreach (const struct set_element, element, &set->elements)
                        ipset_print_element("add", set, element, out);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf first = {0}, second = {0};
        char *text = arena_strndup(arena, (const char *)data, size);
        const struct ruleset *once = parse(arena, text), *twice;

        if (!once)
                return 0;
        print_known(once, &first);
        twice = parse(arena, strbuf_text(&first));
        must(twice);
        print_known(twice, &second);
        must(strcmp(strbuf_text(&first), strbuf_text(&second)) == 0);
        return 0;
}
