#include "../unit/unit.h"

#include <inttypes.h>

#include "compile/compile.h"
#include "iptables/text.h"
#include "must_load.h"
#include "packets.h"
#include "verify/simulate.h"

/* What holds of every compiled ruleset, whatever the cluster. */

#define CLUSTERS 60

/* The kernel's and the tools' limits. */
#define CHAIN_NAME_MAX  28
#define SET_NAME_MAX    31
#define COMMENT_MAX     255
#define MULTIPORT_SLOTS 15
#define NESTING_MAX     16

static struct ruleset *compile_for(struct arena *arena, const struct cluster *cluster,
                                   const char *node)
{
        struct compile_options options = {.node = node, .own_node_egress = true};
        struct err err;
        struct ruleset *ruleset = compile(arena, cluster, &options, &err);

        assert_non_null(ruleset);
        return ruleset;
}

static void print_rules(const struct ruleset *ruleset, struct strbuf *out)
{
        iptables_print(ruleset, FAMILY_IPV4, false, out);
        iptables_print(ruleset, FAMILY_IPV6, false, out);
}

static void print_whole(const struct ruleset *ruleset, struct strbuf *out)
{
        print_rules(ruleset, out);
        ipset_print(ruleset, out);
}

/* Calls for each generated cluster and each node that its Node objects or pods name. */
static void each_node(void (*call)(struct arena *, struct bytes *, struct manifest *,
                                   const struct cluster *, const char *node))
{
        struct run_size size = run_size(CLUSTERS);

        print_message("PENSTOCK_SEED=%" PRIu64 ", %u clusters\n", size.seed, size.clusters);
        for (unsigned i = 0; i < size.clusters; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct bytes bytes = world_bytes(size.seed, i);
                struct manifest manifest = world_generate(arena, &bytes, i);
                _cleanup_cluster_ struct cluster *cluster = world_must_load(arena, &manifest);
                struct map *known = map_new(arena);
                vec_foreach (struct pod, pod, &cluster->pods) {
                        if (map_get(known, pod->node))
                                continue;
                        map_put(known, pod->node, pod);
                        call(arena, &bytes, &manifest, cluster, pod->node);
                }
        }
}

static void same_text(const struct strbuf *a, const struct strbuf *b)
{
        assert_string_equal(strbuf_text(a), strbuf_text(b));
}

static void shuffle(struct bytes *bytes, struct manifest *manifest)
{
        for (size_t i = manifest->documents.n; i > 1; i--) {
                size_t j = bytes_below(bytes, (unsigned)i);
                struct value *held = manifest->documents.items[i - 1];
                manifest->documents.items[i - 1] = manifest->documents.items[j];
                manifest->documents.items[j] = held;
        }
}

/* Peers of every rule the other way round; the rules are not, because comments number them. */
static void reverse_peers(struct value *value)
{
        for (struct value *item = value->first; item; item = item->next)
                reverse_peers(item);
        if (!value->key || (strcmp(value->key, "from") != 0 && strcmp(value->key, "to") != 0))
                return;
        struct value *reversed = NULL;
        for (struct value *item = value->first, *next; item; item = next) {
                next = item->next;
                item->next = reversed;
                reversed = item;
        }
        value->first = reversed;
}

static void hold_order(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                       const struct cluster *cluster, const char *node)
{
        _cleanup_strbuf_ struct strbuf first = {0}, again = {0}, shuffled = {0};

        print_whole(compile_for(arena, cluster, node), &first);
        print_whole(compile_for(arena, cluster, node), &again);
        same_text(&first, &again);
        shuffle(bytes, manifest);
        for (size_t i = 0; i < manifest->documents.n; i++)
                reverse_peers(manifest->documents.items[i]);
        manifest->style = (enum manifest_style)bytes_below(bytes, MANIFEST_STYLES);
        _cleanup_cluster_ struct cluster *other = world_must_load(arena, manifest);
        print_whole(compile_for(arena, other, node), &shuffled);
        same_text(&first, &shuffled);
}

static void same_cluster_same_bytes(void **state)
{
        each_node(hold_order);
}

/* Another namespace with policies of its own, a pod on another node for each of the cluster's
 * namespaces, and policies there that select only such pods. */
static void add_unrelated(struct arena *arena, struct manifest *manifest,
                          const struct cluster *cluster)
{
        unsigned number = 0;
        struct value *metadata, *spec, *status, *selector;

        manifest_add(arena, manifest, "v1", "Namespace", NULL, "unrelated", &metadata);
        add_text(arena, add_map(arena, metadata, "labels"), "team", "a");
        for (size_t i = 0; i <= cluster->namespaces.n; i++) {
                const char *namespace = i < cluster->namespaces.n
                                            ? cluster->namespaces.items[i].meta.name
                                            : "unrelated";
                struct value *pod =
                    manifest_add(arena, manifest, "v1", "Pod", namespace, "a-newcomer", &metadata);
                struct value *labels = add_map(arena, metadata, "labels");
                add_text(arena, labels, "app", "a");
                add_text(arena, labels, "new", "yes");
                spec = add_map(arena, pod, "spec");
                add_text(arena, spec, "nodeName", "another-node");
                struct value *container = add_map(arena, add_list(arena, spec, "containers"), NULL);
                struct value *port = add_map(arena, add_list(arena, container, "ports"), NULL);
                add_text(arena, port, "name", "http");
                add_number(arena, port, "containerPort", 8081);
                status = add_map(arena, pod, "status");
                add_text(arena, status, "phase", "Running");
                add_text(arena, status, "podIP", arena_printf(arena, "10.245.0.%u", ++number));
                struct value *policy =
                    manifest_add(arena, manifest, "networking.k8s.io/v1", "NetworkPolicy",
                                 namespace, "a-newcomers-policy", &metadata);
                spec = add_map(arena, policy, "spec");
                selector = add_map(arena, spec, "podSelector");
                add_text(arena, add_map(arena, selector, "matchLabels"), "new", "yes");
                add_map(arena, add_list(arena, spec, "egress"), NULL);
        }
}

/* What they hold may grow, which sets there are may not. */
static const char *names_of_sets(struct arena *arena, const struct ruleset *ruleset)
{
        _cleanup_strbuf_ struct strbuf out = {0};

        vec_foreach (const struct set, set, &ruleset->sets)
                strbuf_printf(&out, "%s %s %s\n", set->name, set_type_name(set->type),
                              family_name(set->family));
        return arena_strdup(arena, strbuf_text(&out));
}

static void hold_size(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                      const struct cluster *cluster, const char *node)
{
        _cleanup_strbuf_ struct strbuf before = {0}, after = {0};
        size_t documents = manifest->documents.n;
        const struct ruleset *old = compile_for(arena, cluster, node);

        add_unrelated(arena, manifest, cluster);
        _cleanup_cluster_ struct cluster *grown = world_must_load(arena, manifest);
        const struct ruleset *new = compile_for(arena, grown, node);
        print_rules(old, &before);
        print_rules(new, &after);
        same_text(&before, &after);
        assert_string_equal(names_of_sets(arena, old), names_of_sets(arena, new));
        manifest->documents.n = documents;
}

static void rules_do_not_grow_with_the_cluster(void **state)
{
        each_node(hold_size);
}

static void hold_match(const struct ruleset *ruleset, const struct match *match)
{
        size_t slots = 0;

        switch (match->kind) {
        case MATCH_SET:
                if (!ruleset_set(ruleset, match->set.name))
                        fail_msg("there is no set %s", match->set.name);
                return;
        case MATCH_COMMENT:
                assert_in_range(strlen(match->text), 1, COMMENT_MAX);
                assert_null(strpbrk(match->text, "\n\""));
                return;
        case MATCH_DESTINATION_PORTS:
                for (size_t i = 0; i < match->ports.n; i++)
                        slots += match->ports.items[i].first == match->ports.items[i].last ? 1 : 2;
                assert_in_range(slots, 2, MULTIPORT_SLOTS);
                return;
        case MATCH_UNKNOWN:
                fail_msg("the compiler wrote a match that nobody knows: %s", match->text);
                return;
        default:
                return;
        }
}

/* Also finds circles: they are deeper than anything. */
static void hold_chain(const struct ruleset *ruleset, const struct table *table,
                       const struct chain *chain, unsigned depth)
{
        if (depth > NESTING_MAX)
                fail_msg("%s lies deeper than the kernel goes", chain->name);
        vec_foreach (const struct rule, rule, &chain->rules) {
                assert_non_null(rule_comment(rule));
                vec_foreach (const struct match, match, &rule->matches)
                        hold_match(ruleset, match);
                if (rule->target.kind != TARGET_JUMP && rule->target.kind != TARGET_GOTO)
                        continue;
                const struct chain *to = table_chain(table, rule->target.text);
                if (!to)
                        fail_msg("there is no chain %s", rule->target.text);
                hold_chain(ruleset, table, to, depth + 1);
        }
}

static void hold_set(const struct set *set)
{
        assert_in_range(strlen(set->name), 1, SET_NAME_MAX);
        assert_int_equal(strncmp(set->name, "penstock-", 9), 0);
        vec_foreach (const struct set_element, element, &set->elements) {
                assert_int_equal(element->prefix.ip.family, set->family);
                assert_int_not_equal(element->prefix.length, 0);
                if (element > set->elements.items)
                        assert_true(set_element_compare(element - 1, element) < 0);
        }
}

/* A set that no rule asks costs memory, and time with each pod, for nothing. */
static void hold_use(struct arena *arena, const struct ruleset *ruleset)
{
        struct map *asked = map_new(arena);

        vec_foreach (const struct table, table, &ruleset->tables)
                vec_foreach (const struct chain, chain, &table->chains)
                        vec_foreach (const struct rule, rule, &chain->rules)
                                vec_foreach (struct match, match, &rule->matches)
                                        if (match->kind == MATCH_SET)
                                                map_put(asked, match->set.name, match);
        vec_foreach (const struct set, set, &ruleset->sets)
                if (!map_get(asked, set->name))
                        fail_msg("no rule asks set %s", set->name);
}

static void hold_limits(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                        const struct cluster *cluster, const char *node)
{
        const struct ruleset *ruleset = compile_for(arena, cluster, node);

        vec_foreach (const struct set, set, &ruleset->sets)
                hold_set(set);
        hold_use(arena, ruleset);
        vec_foreach (const struct table, table, &ruleset->tables) {
                struct map *names = map_new(arena);
                vec_foreach (struct chain, chain, &table->chains) {
                        assert_in_range(strlen(chain->name), 1, CHAIN_NAME_MAX);
                        assert_null(map_get(names, chain->name));
                        map_put(names, chain->name, chain);
                        hold_chain(ruleset, table, chain, 1);
                }
        }
}

static void names_and_depth_stay_within_limits(void **state)
{
        each_node(hold_limits);
}

/* The tools' own words lose nothing: what is read back treats every packet alike. */
static void hold_text(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                      const struct cluster *cluster, const char *node)
{
        static const enum sim_hook hooks[] = {HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT};
        const struct ruleset *ruleset = compile_for(arena, cluster, node);
        struct ruleset *back = ruleset_new(arena);
        struct packet_pool pool = packet_pool_of(arena, cluster);
        struct err err;

        for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++) {
                _cleanup_strbuf_ struct strbuf text = {0};
                iptables_print(ruleset, family, false, &text);
                if (iptables_parse(back, family, strbuf_text(&text), &err) < 0)
                        fail_msg("%s\n%s", err.text, text.text);
        }
        _cleanup_strbuf_ struct strbuf sets = {0};
        ipset_print(ruleset, &sets);
        if (ipset_parse(back, strbuf_text(&sets), &err) < 0)
                fail_msg("%s\n%s", err.text, sets.text);
        ruleset_finish(back);
        for (unsigned i = 0; i < 200; i++) {
                struct packet packet = packet_pool_draw(&pool, bytes);
                struct sim_packet sim = sim_packet_new(&packet.source, &packet.destination,
                                                       packet.protocol, packet.port);
                struct sim_result here = simulate_ruleset(ruleset, hooks[i % 3], &sim);
                struct sim_result there = simulate_ruleset(back, hooks[i % 3], &sim);
                assert_int_equal(here.outcome, there.outcome);
                assert_int_equal(here.evaluated, there.evaluated);
        }
}

static void text_keeps_the_meaning(void **state)
{
        each_node(hold_text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(same_cluster_same_bytes),
            cmocka_unit_test(rules_do_not_grow_with_the_cluster),
            cmocka_unit_test(names_and_depth_stay_within_limits),
            cmocka_unit_test(text_keeps_the_meaning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
