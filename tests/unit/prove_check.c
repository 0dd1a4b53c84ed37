#include "prove_check.h"

#include "compile/compile.h"
#include "iptables/text.h"
#include "verify/prove.h"

static const char *link_of(const struct ip *pod, void *data)
{
        const struct change *change = data;
        uint8_t last = pod->bytes[pod->family == FAMILY_IPV4 ? 3 : 15];

        return last == 2 && change->link_b ? change->link_b : change->link;
}

static void copy_lines(const char *text, const struct change *change, const char *filter,
                       struct strbuf *out)
{
        while (*text) {
                size_t length = strcspn(text, "\n") + 1;
                const char *found = change->without ? strstr(text, change->without) : NULL;
                if (filter && strncmp(text, "COMMIT", 6) == 0)
                        strbuf_add(out, filter);
                if (!found || found >= text + length)
                        strbuf_add_bytes(out, text, length);
                text += length;
        }
}

/* As compiled, but for the change. */
static void install(const struct ruleset *wanted, enum family family, const struct change *change,
                    struct ruleset *installed)
{
        _cleanup_strbuf_ struct strbuf printed = {0}, changed = {0};
        bool is_ipv4 = family == FAMILY_IPV4;
        struct err err;

        iptables_print(wanted, family, false, &printed);
        copy_lines(printed.text, is_ipv4 ? change : &(struct change){0},
                   is_ipv4 ? change->filter : change->filter6, &changed);
        if (is_ipv4 && change->more)
                strbuf_add(&changed, change->more);
        if (iptables_parse(installed, family, changed.text, &err) < 0)
                fail_msg("%s\n%s", err.text, changed.text);
}

static struct ruleset *all_sets(struct arena *arena, const struct ruleset *wanted,
                                const struct change *change)
{
        _cleanup_strbuf_ struct strbuf printed = {0};
        struct ruleset *sets = ruleset_new(arena);
        struct err err;

        ipset_print(wanted, &printed);
        if (change->sets)
                strbuf_add(&printed, change->sets);
        if (ipset_parse(sets, strbuf_text(&printed), &err) < 0)
                fail_msg("%s", err.text);
        ruleset_finish(sets);
        return sets;
}

static struct proof prove_changed(struct arena *arena, const struct cluster *cluster,
                                  const struct change *change)
{
        const struct compile_options compiling = {.node = "n1"};
        const struct prove_options options = {
            .node = "n1",
            .link_of = change->link ? link_of : NULL,
            .link_data = (void *)(uintptr_t)change,
        };
        struct err err;
        struct ruleset *wanted = compile(arena, cluster, &compiling, &err);
        struct ruleset *installed = ruleset_new(arena), *beside = ruleset_new(arena);
        struct proof proof;

        assert_non_null(wanted);
        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)
                install(wanted, family, change, installed);
        if (change->beside && iptables_parse(beside, FAMILY_IPV4, change->beside, &err) < 0)
                fail_msg("%s", err.text);
        const struct enforced enforced = {
            .rules = {installed, beside}, .n = 2, .sets = all_sets(arena, wanted, change)};
        if (prove(arena, cluster, &enforced, &options, &proof, &err) < 0)
                fail_msg("%s", err.text);
        return proof;
}

void check_proof(const char *manifests, const struct change *change, const char *said)
{
        static const char *const kinds[] = {"open", "shut", "others", "unproven"};
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_cluster_ struct cluster *cluster = cluster_of(manifests);
        struct proof proof = prove_changed(arena, cluster, change);
        _cleanup_strbuf_ struct strbuf text = {0};
        VEC(const char *) words = {0};

        vec_foreach (const struct finding, finding, &proof.findings) {
                const char *word =
                    arena_printf(arena, "%s %s %zu", kinds[finding->kind],
                                 finding->chain ? finding->chain->name : "-", finding->rule_number);
                vec_push(arena, &words, word);
        }
        sort_texts(words.items, words.n);
        for (size_t i = 0; i < words.n; i++)
                if (i == 0 || strcmp(words.items[i], words.items[i - 1]) != 0)
                        strbuf_printf(&text, "%s%s", i ? ", " : "", words.items[i]);
        if (strcmp(strbuf_text(&text), said) != 0)
                fail_msg("\"%s\", not \"%s\"", strbuf_text(&text), said);
        assert_int_equal(proof.equal, strstr(said, "open") == NULL && !strstr(said, "shut") &&
                                          !strstr(said, "unproven"));
}
