#include "decoding.h"

/* What a NetworkPolicy that is accepted becomes. */

static struct decoded policy(const char *spec)
{
        _cleanup_arena_ struct arena *arena = arena_new();

        return decode(arena_printf(arena,
                                   "apiVersion: networking.k8s.io/v1\n"
                                   "kind: NetworkPolicy\n"
                                   "metadata: {name: p, namespace: ns}\n"
                                   "%s\n",
                                   spec));
}

static const struct network_policy *only_policy(struct decoded *decoded)
{
        assert_accepted(decoded);
        assert_int_equal(decoded->cluster->policies.n, 1);
        return &decoded->cluster->policies.items[0];
}

static void add_port(struct strbuf *buf, const struct policy_port *port)
{
        strbuf_printf(buf, " %s", protocol_name(port->protocol));
        if (port->name)
                strbuf_printf(buf, "/%s", port->name);
        else
                strbuf_printf(buf, "/%u-%u", port->range.first, port->range.last);
}

static void add_selector(struct strbuf *buf, const char *name, const struct selector *selector)
{
        static const char *const signs[] = {" in", " notin", " exists", " absent"};

        if (!selector)
                return;
        strbuf_printf(buf, " %s{", name);
        for (size_t i = 0; i < selector->n; i++) {
                const struct requirement *requirement = &selector->items[i];

                strbuf_printf(buf, "%s%s%s", i ? "; " : "", requirement->key,
                              signs[requirement->operator]);
                for (size_t j = 0; j < requirement->n_values; j++)
                        strbuf_printf(buf, " '%s'", requirement->values[j]);
        }
        strbuf_add_char(buf, '}');
}

static void add_peer(struct strbuf *buf, const struct policy_peer *peer)
{
        char text[PREFIX_TEXT_SIZE];

        if (peer_is_ip_block(peer))
                strbuf_printf(buf, " %s", prefix_format(&peer->cidr, text));
        for (size_t i = 0; i < peer->except.n; i++)
                strbuf_printf(buf, " -%s", prefix_format(&peer->except.items[i], text));
        add_selector(buf, "pods", peer->pod_selector);
        add_selector(buf, "namespaces", peer->namespace_selector);
}

/* "pods{…} ingress[from … ports …] egress[…]" of the directions that isolate. */
static void assert_means(const char *spec, const char *expected)
{
        struct decoded decoded = policy(spec);
        const struct network_policy *policy = only_policy(&decoded);
        _cleanup_strbuf_ struct strbuf buf = {0};

        add_selector(&buf, "pods", &policy->pod_selector);
        for (int direction = 0; direction < DIRECTIONS; direction++) {
                const struct policy_rules *rules = &policy->rules[direction];

                assert_true(rules->isolates || rules->n == 0);
                if (!rules->isolates)
                        continue;
                strbuf_printf(&buf, " %s", direction_name((enum direction)direction));
                for (size_t i = 0; i < rules->n; i++) {
                        strbuf_add(&buf, " [");
                        for (size_t j = 0; j < rules->items[i].peers.n; j++)
                                add_peer(&buf, &rules->items[i].peers.items[j]);
                        strbuf_add(&buf, " :");
                        for (size_t j = 0; j < rules->items[i].ports.n; j++)
                                add_port(&buf, &rules->items[i].ports.items[j]);
                        strbuf_add(&buf, " ]");
                }
        }
        assert_string_equal(buf.text + 1, expected);
        decoded_done(&decoded);
}

/* Semantics 2, 3, 7. */
static void types_are_derived(void **state)
{
        assert_means("", "pods{} ingress");
        assert_means("spec:", "pods{} ingress");
        assert_means("spec: {podSelector: null}", "pods{} ingress");
        assert_means("spec: {policyTypes: []}", "pods{} ingress");
        assert_means("spec: {egress: []}", "pods{} ingress");
        assert_means("spec: {egress: null}", "pods{} ingress");
        assert_means("spec: {egress: [{}]}", "pods{} ingress egress [ : ]");
        assert_means("spec: {policyTypes: [Egress]}", "pods{} egress");
        assert_means("spec: {policyTypes: [Egress, Egress]}", "pods{} egress");
        assert_means("spec: {policyTypes: [Egress, Ingress]}", "pods{} ingress egress");
        assert_means("spec: {policyTypes: [Egress], ingress: [{}]}", "pods{} egress");
        assert_means("spec: {policyTypes: [Ingress], egress: [{}], ingress: [{}]}",
                     "pods{} ingress [ : ]");
}

/* Semantics 6: null and an empty item are what they are to the API server. */
static void rules_may_be_empty(void **state)
{
        assert_means("spec: {ingress: [{from: [], ports: []}]}", "pods{} ingress [ : ]");
        assert_means("spec: {ingress: [{from: null, ports: null}]}", "pods{} ingress [ : ]");
        assert_means("spec:\n  ingress:\n  -", "pods{} ingress [ : ]");
}

/* Semantics 13, 14. */
static void ports(void **state)
{
        assert_means("spec: {ingress: [{ports: [{}, {protocol: UDP}, {protocol: SCTP, port: 5}]}]}",
                     "pods{} ingress [ : TCP/0-65535 UDP/0-65535 SCTP/5-5 ]");
        assert_means("spec: {ingress: [{ports: [{port: 80}, {port: 65535, endPort: 65535}]}]}",
                     "pods{} ingress [ : TCP/80-80 TCP/65535-65535 ]");
        assert_means("spec: {ingress: [{ports: [{endPort: 65535, port: 1}, {port: web-1}]}]}",
                     "pods{} ingress [ : TCP/1-65535 TCP/web-1 ]");
        assert_means("spec: {ingress: [{ports: [{port: 80, endPort: null, protocol: null}]}]}",
                     "pods{} ingress [ : TCP/80-80 ]");
        assert_means("spec: {ingress: [{ports: [{port: 80.0}, {port: 8e1}, {port: 0.8e2}]}]}",
                     "pods{} ingress [ : TCP/80-80 TCP/80-80 TCP/80-80 ]");
        assert_means("spec: {ingress: [{ports: [{port: 0x50}, {port: 0120}, {port: 1_000}]}]}",
                     "pods{} ingress [ : TCP/80-80 TCP/80-80 TCP/1000-1000 ]");
        assert_means("spec: {ingress: [{ports: [{port: 10100}, {port: 100.20e2}]}]}",
                     "pods{} ingress [ : TCP/10100-10100 TCP/10020-10020 ]");
}

/* Semantics 4, 5. */
static void peers(void **state)
{
        assert_means("spec: {ingress: [{from: [{podSelector: {}}]}]}",
                     "pods{} ingress [ pods{} : ]");
        assert_means("spec: {ingress: [{from: [{namespaceSelector: {}}]}]}",
                     "pods{} ingress [ namespaces{} : ]");
        assert_means("spec: {ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]}",
                     "pods{} ingress [ pods{} namespaces{} : ]");
        assert_means("spec: {ingress: [{from: [{podSelector: {}, namespaceSelector: null}]}]}",
                     "pods{} ingress [ pods{} : ]");
        assert_means("spec: {egress: [{to: [{podSelector: {matchLabels: null}}]}]}",
                     "pods{} ingress egress [ pods{} : ]");
}

/* Semantics 12. */
static void blocks(void **state)
{
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8}}]}]}",
                     "pods{} ingress [ 10.0.0.0/8 : ]");
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: 010.001.0.0/016}}]}]}",
                     "pods{} ingress [ 10.1.0.0/16 : ]");
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: \"::ffff:10.0.0.0/104\"}}]}]}",
                     "pods{} ingress [ 10.0.0.0/8 : ]");
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: 2001:DB8::1/32, "
                     "except: [\"2001:db8:1:0::/48\"]}}]}]}",
                     "pods{} ingress [ 2001:db8::/32 -2001:db8:1::/48 : ]");
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [1.2.3.4/32, "
                     "10.0.0.9/8, 10.0.0.0/8]}}]}]}",
                     "pods{} ingress [ 0.0.0.0/0 -1.2.3.4/32 -10.0.0.0/8 -10.0.0.0/8 : ]");
        assert_means("spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: null}}]}]}",
                     "pods{} ingress [ 10.0.0.0/8 : ]");
}

/* Semantics 26; one order, whatever the manifest's. */
static void selectors_are_in_order(void **state)
{
        assert_means("spec: {podSelector: {matchLabels: {b: x, a: \"\"}, matchExpressions: [\n"
                     "{key: c, operator: NotIn, values: [z, w, z]}, {key: a, operator: Exists},\n"
                     "{key: c, operator: In, values: [q]}, {key: d, operator: DoesNotExist}]}}",
                     "pods{a in ''; a exists; b in 'x'; c in 'q'; c notin 'w' 'z'; d absent} "
                     "ingress");
        /* The same said twice, and in the other way, is one requirement. */
        assert_means(
            "spec: {podSelector: {matchLabels: {a: b}, matchExpressions: [\n"
            "{key: a, operator: In, values: [b, b]}, {key: a, operator: In, values: [b]}]}}",
            "pods{a in 'b'} ingress");
        assert_means(
            "spec: {podSelector: {matchExpressions: [{key: a, operator: In, values: [b, c]},"
            "{key: a, operator: In, values: [b]}, {key: a, operator: In, values: [a, d]}]}}",
            "pods{a in 'a' 'd'; a in 'b'; a in 'b' 'c'} ingress");
        /* As the API server, which makes "" of null in a map or list of texts. */
        assert_means("spec: {podSelector: {matchLabels: {a: null}, matchExpressions: [\n"
                     "{key: b, operator: In, values: [null]}]}}",
                     "pods{a in ''; b in ''} ingress");
        assert_means(
            "spec: {podSelector: {matchExpressions: [{key: a, operator: Exists, values: []}"
            "]}}",
            "pods{a exists} ingress");
}

static void texts_are_interned(void **state)
{
        struct decoded decoded =
            policy("spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: web}],"
                   "from: [{podSelector: {matchLabels: {app: web}}}]}]}");
        const struct network_policy *policy = only_policy(&decoded);
        const struct policy_rule *rule = &policy->rules[DIRECTION_INGRESS].items[0];
        const char *web = intern_text(decoded.cluster->intern, "web");

        assert_ptr_equal(policy->pod_selector.items[0].values[0], web);
        assert_ptr_equal(policy->pod_selector.items[0].key,
                         rule->peers.items[0].pod_selector->items[0].key);
        assert_ptr_equal(rule->peers.items[0].pod_selector->items[0].values[0], web);
        assert_ptr_equal(rule->ports.items[0].name, web);
        assert_ptr_equal(policy->meta.namespace, intern_text(decoded.cluster->intern, "ns"));
        decoded_done(&decoded);
}

/* What is not read says nothing, and does no harm. */
static void what_kubectl_prints_is_accepted(void **state)
{
        static const char manifest[] = "apiVersion: networking.k8s.io/v1\n"
                                       "kind: NetworkPolicy\n"
                                       "metadata:\n"
                                       "  annotations:\n"
                                       "    Example.com/Some: |\n      {\"any\": \"text at all\"}\n"
                                       "  creationTimestamp: \"2024-05-06T07:08:09Z\"\n"
                                       "  finalizers: [example.com/keep]\n"
                                       "  generation: 3\n"
                                       "  labels: {app.kubernetes.io/name: web, a: \"1\"}\n"
                                       "  managedFields:\n"
                                       "  - apiVersion: networking.k8s.io/v1\n"
                                       "    fieldsType: FieldsV1\n"
                                       "    fieldsV1: {\"f:spec\": {\".\": {}}}\n"
                                       "    manager: kubectl\n"
                                       "  name: web\n"
                                       "  namespace: shop\n"
                                       "  ownerReferences: []\n"
                                       "  resourceVersion: \"123\"\n"
                                       "  uid: 3f1c\n"
                                       "spec:\n"
                                       "  podSelector: {}\n"
                                       "  policyTypes:\n"
                                       "  - Ingress\n"
                                       "status: {}\n";
        struct decoded decoded = decode(manifest);
        const struct meta *meta = &only_policy(&decoded)->meta;

        assert_string_equal(meta->name, "web");
        assert_string_equal(meta->namespace, "shop");
        assert_string_equal(meta->uid, "3f1c");
        assert_int_equal(meta->created, 1714979289);
        assert_false(meta->terminating);
        assert_int_equal(meta->labels.n, 2);
        assert_string_equal(meta->labels.items[0].key, "a");
        assert_string_equal(meta->labels.items[1].value, "web");
        assert_string_equal(meta->place.file, "t.yaml");
        assert_int_equal(meta->place.line, 1);
        decoded_done(&decoded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(types_are_derived),
            cmocka_unit_test(rules_may_be_empty),
            cmocka_unit_test(ports),
            cmocka_unit_test(peers),
            cmocka_unit_test(blocks),
            cmocka_unit_test(selectors_are_in_order),
            cmocka_unit_test(texts_are_interned),
            cmocka_unit_test(what_kubectl_prints_is_accepted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
