#include "fuzz.h"

#include <string.h>

#include "compile/compile.h"
#include "iptables/text.h"
#include "kube/load.h"

/* Manifests, JSON or YAML: either there is a problem, with a place and a reason, or a cluster that
 * compiles for each of its nodes, twice to the same bytes, into texts that are parsed to the same
 * rules. JSON is YAML as well: where both readers take it, they take it for the same. */

static void check_problems(const struct problems *problems)
{
        must(problems->list.n > 0);
        vec_foreach (const struct problem, problem, &problems->list) {
                must(problem->place.file);
                must(problem->text && problem->text[0]);
        }
}

static struct cluster *load(const char *text, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct problems problems = problems_in(arena);
        struct cluster *cluster = cluster_new();
        struct load_stats stats = {0};

        if (load_text(cluster, text, size, "fuzz", "default", &problems, &stats) == 0) {
                must(problems.list.n == 0);
                cluster_seal(cluster);
                return cluster;
        }
        check_problems(&problems);
        cluster_free(cluster);
        return NULL;
}

static void check_readable(const struct ruleset *ruleset, enum family family, const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct ruleset *again = ruleset_new(arena);
        const struct table *table = ruleset_table(ruleset, family, "filter");
        struct err err;

        must(iptables_parse(again, family, text, &err) == 0);
        if (!table)
                return;
        vec_foreach (const struct chain, chain, &table->chains) {
                const struct chain *other =
                    table_chain(ruleset_table(again, family, "filter"), chain->name);

                must(other && chain_rules_equal(chain, other));
        }
}

static void check_sets_readable(const struct ruleset *ruleset, const char *text)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf printed = {0};
        struct ruleset *again = ruleset_new(arena);
        struct err err;

        must(ipset_parse(again, text, &err) == 0);
        ipset_print(again, &printed);
        must(strcmp(strbuf_text(&printed), text) == 0);
}

static void compile_for(const struct cluster *cluster, const char *node, struct strbuf *out)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct compile_options options = {.node = node, .own_node_egress = true};
        struct err err;
        const struct ruleset *ruleset = compile(arena, cluster, &options, &err);

        must(ruleset); /* nobody finds two texts with one digest */
        for (enum family family = FAMILY_IPV4; family < FAMILIES; family++) {
                _cleanup_strbuf_ struct strbuf text = {0};

                iptables_print(ruleset, family, false, &text);
                check_readable(ruleset, family, strbuf_text(&text));
                strbuf_add(out, strbuf_text(&text));
        }
        _cleanup_strbuf_ struct strbuf sets = {0};
        ipset_print(ruleset, &sets);
        check_sets_readable(ruleset, strbuf_text(&sets));
        strbuf_add(out, strbuf_text(&sets));
}

/* Each node that pods or Node objects name, and one that nobody does. */
static void compile_all(const struct cluster *cluster, struct strbuf *out)
{
        const char *previous = "";
        unsigned n = 0;

        compile_for(cluster, "nobody", out);
        vec_foreach (const struct node, node, &cluster->nodes)
                if (n++ < 3)
                        compile_for(cluster, node->meta.name, out);
        vec_foreach (const struct pod, pod, &cluster->pods)
                if (strcmp(pod->node, previous) != 0 && n++ < 6)
                        compile_for(cluster, previous = pod->node, out);
}

static void check_as_yaml(const char *json, size_t size, const char *expected)
{
        _cleanup_strbuf_ struct strbuf text = {0}, out = {0};
        struct cluster *cluster;

        strbuf_add(&text, "---\n");
        strbuf_add_bytes(&text, json, size);
        cluster = load(text.text, text.length);
        if (!cluster)
                return;
        compile_all(cluster, &out);
        must(strcmp(strbuf_text(&out), expected) == 0);
        cluster_free(cluster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_strbuf_ struct strbuf once = {0}, twice = {0};
        struct cluster *cluster = load((const char *)data, size);

        if (!cluster)
                return 0;
        compile_all(cluster, &once);
        compile_all(cluster, &twice);
        must(strcmp(strbuf_text(&once), strbuf_text(&twice)) == 0);
        check_as_yaml((const char *)data, size, strbuf_text(&once));
        cluster_free(cluster);
        return 0;
}
