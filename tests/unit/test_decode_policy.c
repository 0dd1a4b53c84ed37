#include "decoding.h"

/* What is refused of a NetworkPolicy: a row for each rule of the API server's validation. */

#define OBJECT "NetworkPolicy ns/p: "

struct row {
        const char *spec;     /* from line 5 on, in the manifest's spec */
        const char *problems; /* "LINE:text\n", without the object */
};

static char *with_object(struct arena *arena, const char *problems)
{
        _cleanup_strbuf_ struct strbuf lines = {0};
        char *copy = arena_strdup(arena, problems);

        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
                char *text = strchr(line, ':');
                strbuf_printf(&lines, "%.*s: " OBJECT "%s\n", (int)(text - line), line, text + 1);
        }
        return arena_strdup(arena, strbuf_text(&lines));
}

static void check_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                char *manifest = arena_printf(arena,
                                              "apiVersion: networking.k8s.io/v1\n"
                                              "kind: NetworkPolicy\n"
                                              "metadata: {name: p, namespace: ns}\n"
                                              "spec:\n%s\n",
                                              rows[i].spec);
                assert_refused(manifest, with_object(arena, rows[i].problems));
        }
}

static void ports(void **state)
{
        static const struct row rows[] = {
            {"  ingress: [{ports: [{port: 0}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: 0: " BAD_RANGE "\n"},
            {"  egress: [{ports: [{port: 65536}]}]",
             "5:.spec.egress[0].ports[0].port: Invalid value: 65536: " BAD_RANGE "\n"},
            {"  ingress: [{ports: [{port: -1}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: -1: " BAD_RANGE "\n"},
            {"  ingress:\n  - ports:\n    - port: 1\n    - protocol: ICMP\n      port: 2",
             "8:.spec.ingress[0].ports[1].protocol: Unsupported value: \"ICMP\": "
             "supported values: \"TCP\", \"UDP\", \"SCTP\"\n"},
            {"  ingress: [{ports: [{protocol: tcp}]}]",
             "5:.spec.ingress[0].ports[0].protocol: Unsupported value: \"tcp\": "
             "supported values: \"TCP\", \"UDP\", \"SCTP\"\n"},
            {"  ingress: [{ports: [{protocol: \"\"}]}]",
             "5:.spec.ingress[0].ports[0].protocol: Unsupported value: \"\": "
             "supported values: \"TCP\", \"UDP\", \"SCTP\"\n"},
            {"  ingress: [{ports: [{protocol: 6}]}]",
             "5:.spec.ingress[0].ports[0].protocol: cannot unmarshal number 6 into a field of type "
             "string " QUOTES "\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void port_names(void **state)
{
        static const struct row rows[] = {
            {"  ingress: [{ports: [{port: \"80\"}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"80\": must contain at least one "
             "letter (a-z)\n"},
            {"  ingress: [{ports: [{port: \"\"}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"\": must contain only "
             "alpha-numeric characters (a-z, 0-9), and hyphens (-)\n"
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"\": must contain at least one "
             "letter (a-z)\n"},
            {"  ingress: [{ports: [{port: abcdefghijklmnop}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"abcdefghijklmnop\": must be no "
             "more than 15 characters\n"},
            {"  ingress: [{ports: [{port: Http}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"Http\": must contain only "
             "alpha-numeric characters (a-z, 0-9), and hyphens (-)\n"},
            {"  ingress: [{ports: [{port: a--b}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"a--b\": must not contain "
             "consecutive hyphens\n"},
            {"  ingress: [{ports: [{port: -a}, {port: a-}]}]",
             "5:.spec.ingress[0].ports[0].port: Invalid value: \"-a\": must not begin or end with "
             "a "
             "hyphen\n"
             "5:.spec.ingress[0].ports[1].port: Invalid value: \"a-\": must not begin or end with "
             "a "
             "hyphen\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* Semantics 14. */
static void end_ports(void **state)
{
        static const struct row rows[] = {
            {"  ingress: [{ports: [{port: 80, endPort: 79}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or "
             "equal "
             "to `port`\n"},
            {"  ingress: [{ports: [{port: 80, endPort: 0}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 0: must be greater than or equal "
             "to `port`\n"
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 0: " BAD_RANGE "\n"},
            {"  ingress: [{ports: [{port: 80, endPort: 65536}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 65536: " BAD_RANGE "\n"},
            {"  ingress: [{ports: [{port: http, endPort: 90}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when "
             "`port` is non-numeric\n"},
            {"  ingress: [{ports: [{endPort: 90}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when "
             "`port` is not specified\n"},
            {"  ingress: [{ports: [{port: null, endPort: 90}]}]",
             "5:.spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when "
             "`port` is not specified\n"},
            {"  ingress: [{ports: [{port: 80, endPort: \"90\"}]}]",
             "5:.spec.ingress[0].ports[0].endPort: cannot unmarshal string into a field of type "
             "int32\n"},
            {"  ingress: [{ports: [{port: true, endPort: 90}]}]",
             "5:.spec.ingress[0].ports[0].port: cannot unmarshal bool into a field of type int32 "
             "or "
             "string\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* JSON numbers that are no int32. */
static void numbers(void **state)
{
        static const char *const given[] = {
            "80.5",       "1e-1", "99999999999",          "2147483648", "-2147483649",
            "8e99999999", "1e10", "18446744073709551696", "0.08e1",
        };

        for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                char *manifest = arena_printf(arena,
                                              "{\"apiVersion\": \"networking.k8s.io/v1\",\n"
                                              "\"kind\": \"NetworkPolicy\",\n"
                                              "\"metadata\": {\"name\": \"p\"}, \"spec\":\n"
                                              "{\"egress\": [{\"ports\": [{\"port\": %s}]}]}}",
                                              given[i]);
                char *problem = arena_printf(arena,
                                             "4: NetworkPolicy default/p: "
                                             ".spec.egress[0].ports[0].port: cannot unmarshal "
                                             "number %s into a field of type int32\n",
                                             given[i]);
                assert_refused(manifest, problem);
        }
}

static void peers(void **state)
{
        static const struct row rows[] = {
            {"  ingress: [{from: [{}]}]",
             "5:.spec.ingress[0].from[0]: Required value: must specify a peer\n"},
            {"  ingress:\n  - from:\n    -",
             "7:.spec.ingress[0].from[0]: Required value: must specify a peer\n"},
            {"  egress: [{to: [{podSelector: null, ipBlock: null}]}]",
             "5:.spec.egress[0].to[0]: Required value: must specify a peer\n"},
            {"  egress: [{to: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]",
             "5:.spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer\n"},
            {"  egress: [{to: [{namespaceSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]",
             "5:.spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer\n"},
            {"  ingress: [{from: [10.0.0.0/8]}]",
             "5:.spec.ingress[0].from[0]: cannot unmarshal string into a field of type object\n"},
            {"  ingress: [{from: {podSelector: {}}}]",
             "5:.spec.ingress[0].from: cannot unmarshal object into a field of type array\n"},
            {"  ingress: [{from: [{podSelector: []}]}]",
             "5:.spec.ingress[0].from[0].podSelector: cannot unmarshal array into a field of type "
             "object\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* Semantics 10, 12. */
static void blocks(void **state)
{
        static const struct row rows[] = {
            {"  ingress: [{from: [{ipBlock: {}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: Required value\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: \"\", except: [10.0.0.0/8]}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: Required value\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: 8}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: cannot unmarshal number 8 into a field of "
             "type string " QUOTES "\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0\": " BAD_CIDR
             "\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0/33\": " BAD_CIDR
             "\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: \"fe80::1%eth0/64\"}}]}]",
             "5:.spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "
             "\"fe80::1%eth0/64\": " BAD_CIDR "\n"},
            {"  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.0/8\n        except:\n"
             "        - 10.1.0.0/16\n        - 10.0.0.0/8\n        - 10.0.0.0/7\n"
             "        - 11.0.0.0/16\n        - fd00::/64\n        - nonsense\n        -",
             "11:.spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: \"10.0.0.0/8\": must "
             "be "
             "a strict subset of `cidr`\n"
             "12:.spec.ingress[0].from[0].ipBlock.except[2]: Invalid value: \"10.0.0.0/7\": must "
             "be "
             "a strict subset of `cidr`\n"
             "13:.spec.ingress[0].from[0].ipBlock.except[3]: Invalid value: \"11.0.0.0/16\": must "
             "be a strict subset of `cidr`\n"
             "14:.spec.ingress[0].from[0].ipBlock.except[4]: Invalid value: \"fd00::/64\": must be "
             "a strict subset of `cidr`\n"
             "15:.spec.ingress[0].from[0].ipBlock.except[5]: Invalid value: \"nonsense\": " BAD_CIDR
             "\n"
             "16:.spec.ingress[0].from[0].ipBlock.except[6]: Invalid value: \"\": " BAD_CIDR "\n"},
            /* The same block by other digits is no strict subset. */
            {"  egress: [{to: [{ipBlock: {cidr: 010.0.0.0/8, except: [10.1.2.3/08]}}]}]",
             "5:.spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.1.2.3/08\": must be a "
             "strict subset of `cidr`\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* Semantics 26. */
static void selectors(void **state)
{
        static const struct row rows[] = {
            {"  podSelector: {matchLabels: {a b: c d}}",
             "5:.spec.podSelector.matchLabels: Invalid value: \"a b\": name part " LABEL_NAME "\n"
             "5:.spec.podSelector.matchLabels: Invalid value: \"c d\": " LABEL_VALUE "\n"},
            {"  podSelector:\n    matchLabels:\n      a: 1\n      b: yes\n      c: [x]",
             "7:.spec.podSelector.matchLabels.a: cannot unmarshal number 1 into a field of type "
             "string " QUOTES "\n"
             "8:.spec.podSelector.matchLabels.b: cannot unmarshal bool into a field of type "
             "string " QUOTES "\n"
             "9:.spec.podSelector.matchLabels.c: cannot unmarshal array into a field of type "
             "string\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}",
             "5:.spec.podSelector.matchExpressions[0].operator: Invalid value: \"in\": not a valid "
             "selector operator\n"},
            {"  podSelector: {matchExpressions: [{key: a}]}",
             "5:.spec.podSelector.matchExpressions[0].operator: Invalid value: \"\": not a valid "
             "selector operator\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: In}]}",
             "5:.spec.podSelector.matchExpressions[0].values: Required value: must be specified "
             "when `operator` is 'In' or 'NotIn'\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}",
             "5:.spec.podSelector.matchExpressions[0].values: Required value: must be specified "
             "when `operator` is 'In' or 'NotIn'\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
             "5:.spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when "
             "`operator` is 'Exists' or 'DoesNotExist'\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}",
             "5:.spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when "
             "`operator` is 'Exists' or 'DoesNotExist'\n"},
            {"  podSelector: {matchExpressions: [{operator: Exists}]}",
             "5:.spec.podSelector.matchExpressions[0].key: Invalid value: \"\": name part must be "
             "non-empty\n"
             "5:.spec.podSelector.matchExpressions[0].key: Invalid value: \"\": name "
             "part " LABEL_NAME "\n"},
            {"  ingress:\n  - from:\n    - namespaceSelector:\n        matchExpressions:\n"
             "        - key: a\n          operator: In\n          values:\n          - ok\n"
             "          - \"-\"",
             "13:.spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].values[1]: Invalid "
             "value: \"-\": " LABEL_VALUE "\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void types(void **state)
{
        static const struct row rows[] = {
            {"  policyTypes: [ingress]",
             "5:.spec.policyTypes[0]: Unsupported value: \"ingress\": supported values: "
             "\"Ingress\", \"Egress\"\n"},
            {"  policyTypes:\n  - Ingress\n  -",
             "7:.spec.policyTypes[1]: Unsupported value: \"\": supported values: \"Ingress\", "
             "\"Egress\"\n"},
            {"  policyTypes: [Ingress, Egress, Ingress]",
             "5:.spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"Ingress\"]: may not "
             "specify more than two policyTypes\n"},
            {"  policyTypes: Ingress",
             "5:.spec.policyTypes: cannot unmarshal string into a field of type array\n"},
            {"  policyTypes: [1]",
             "5:.spec.policyTypes[0]: cannot unmarshal number 1 into a field of type string " QUOTES
             "\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* A field that nobody knows is a rule that nobody enforces. */
static void unknown_fields(void **state)
{
        static const struct row rows[] = {
            {"  podSelector: {}\n  ingres: []", "6:unknown field \"spec.ingres\"\n"},
            {"  podselector: {}", "5:unknown field \"spec.podselector\"\n"},
            {"  ingress: [{to: []}]", "5:unknown field \"spec.ingress[0].to\"\n"},
            {"  egress: [{from: []}]", "5:unknown field \"spec.egress[0].from\"\n"},
            {"  ingress: [{ports: [{endport: 9}]}]",
             "5:unknown field \"spec.ingress[0].ports[0].endport\"\n"},
            {"  ingress: [{from: [{podSelector: {app: a}}]}]",
             "5:unknown field \"spec.ingress[0].from[0].podSelector.app\"\n"},
            {"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, exept: []}}]}]",
             "5:unknown field \"spec.ingress[0].from[0].ipBlock.exept\"\n"},
            {"  podSelector: {matchExpressions: [{key: a, operator: Exists, value: b}]}",
             "5:unknown field \"spec.podSelector.matchExpressions[0].value\"\n"},
            {"  podSelector: {}\nmetdata: {}", "6:unknown field \"metdata\"\n"},
            {"  \"a\\nb\": {}", "5:unknown field \"spec.a\\nb\"\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void the_spec_itself(void **state)
{
        static const struct {
                const char *spec, *problem;
        } rows[] = {
            {"[]", ".spec: cannot unmarshal array into a field of type object"},
            {"{ingress: allow}",
             ".spec.ingress: cannot unmarshal string into a field of type array"},
            {"{ingress: [allow]}",
             ".spec.ingress[0]: cannot unmarshal string into a field of type object"},
            {"{ingress: [{from: anyone}]}",
             ".spec.ingress[0].from: cannot unmarshal string into a field of type array"},
            {"{ingress: [{ports: 80}]}",
             ".spec.ingress[0].ports: cannot unmarshal number 80 into a field of type array"},
            {"{ingress: [{ports: [80]}]}",
             ".spec.ingress[0].ports[0]: cannot unmarshal number 80 into a field of type object"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();

                assert_refused(
                    arena_printf(arena,
                                 "apiVersion: networking.k8s.io/v1\n"
                                 "kind: NetworkPolicy\n"
                                 "metadata: {name: p}\n"
                                 "spec: %s\n",
                                 rows[i].spec),
                    arena_printf(arena, "4: NetworkPolicy default/p: %s\n", rows[i].problem));
        }
}

/* Nothing is refused piecemeal: whoever mends a manifest wants to see all of it. */
static void all_is_said_at_once(void **state)
{
        static const struct row rows[] = {
            {"  podSelector: {matchLabels: {\"\": x}}\n"
             "  ingress:\n"
             "  - from:\n"
             "    - ipBlock: {cidr: 10.0.0.0/99}\n"
             "    - {}\n"
             "    ports:\n"
             "    - {port: 0}\n"
             "  egres: []\n"
             "  policyTypes: [Both]",
             "5:.spec.podSelector.matchLabels: Invalid value: \"\": name part must be non-empty\n"
             "5:.spec.podSelector.matchLabels: Invalid value: \"\": name part " LABEL_NAME "\n"
             "8:.spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0/99\": " BAD_CIDR
             "\n"
             "9:.spec.ingress[0].from[1]: Required value: must specify a peer\n"
             "11:.spec.ingress[0].ports[0].port: Invalid value: 0: " BAD_RANGE "\n"
             "12:unknown field \"spec.egres\"\n"
             "13:.spec.policyTypes[0]: Unsupported value: \"Both\": supported values: \"Ingress\", "
             "\"Egress\"\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(ports),
            cmocka_unit_test(port_names),
            cmocka_unit_test(end_ports),
            cmocka_unit_test(numbers),
            cmocka_unit_test(peers),
            cmocka_unit_test(blocks),
            cmocka_unit_test(selectors),
            cmocka_unit_test(types),
            cmocka_unit_test(unknown_fields),
            cmocka_unit_test(the_spec_itself),
            cmocka_unit_test(all_is_said_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
