#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "kube/client/base64.h"
#include "kube/client/kubeconfig.h"
#include "kube/client/service_account.h"

#define PEM_TEXT "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define PEM_BASE64                                                                                 \
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

static const char whole[] =
    "apiVersion: v1\n"
    "kind: Config\n"
    "preferences: {}\n"
    "current-context: prod\n"
    "clusters:\n"
    "- name: prod\n"
    "  cluster:\n"
    "    server: https://10.0.0.1:6443/\n"
    "    certificate-authority-data: " PEM_BASE64 "\n"
    "    tls-server-name: kubernetes\n"
    "    proxy-url: http://proxy:3128\n"
    "- name: dev\n"
    "  cluster: {server: 'https://dev/k8s', certificate-authority: ca.pem}\n"
    "- name: lax\n"
    "  cluster: {server: 'https://lax', insecure-skip-tls-verify: true}\n"
    "users:\n"
    "- name: cert\n"
    "  user:\n"
    "    client-certificate: certs/me.pem\n"
    "    client-key: /keys/me.pem\n"
    "- {name: token, user: {token: secret}}\n"
    "- {name: file, user: {tokenFile: token}}\n"
    "- {name: basic, user: {username: me, password: '1234'}}\n"
    "- name: plugin\n"
    "  user:\n"
    "    exec:\n"
    "      apiVersion: client.authentication.k8s.io/v1\n"
    "      command: ./get-token\n"
    "      args: [a, b]\n"
    "      env: [{name: X, value: '1'}, {name: Z, value: ''}]\n"
    "      installHint: get it there\n"
    "      provideClusterInfo: true\n"
    "      interactiveMode: Never\n"
    "contexts:\n"
    "- {name: prod, context: {cluster: prod, user: cert, namespace: ns}}\n"
    "- {name: dev, context: {cluster: dev, user: token}}\n"
    "- {name: lax, context: {cluster: lax, user: basic}}\n"
    "- {name: file, context: {cluster: lax, user: file}}\n"
    "- {name: plugin, context: {cluster: lax, user: plugin}}\n"
    "- {name: nobody, context: {cluster: lax, user: ''}}\n";

static void use(struct arena *arena, const char *text, const char *context, struct kube_config *ret)
{
        struct kubeconfig config = {.arena = arena, .files = "dir/config"};
        struct err err = {""};

        if (kubeconfig_add_text(&config, "dir/config", text, strlen(text), &err) < 0 ||
            kubeconfig_use(&config, context, ret, &err) < 0)
                fail_msg("%s", err.text);
}

static void clusters_and_certificates(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct kube_config config;

        use(arena, whole, NULL, &config);
        assert_string_equal(config.server, "https://10.0.0.1:6443");
        assert_string_equal(config.server_name, "kubernetes");
        assert_string_equal(config.ca, PEM_TEXT);
        assert_null(config.ca_file);
        assert_string_equal(config.proxy, "http://proxy:3128");
        assert_true(config.proxy_given);
        assert_string_equal(config.certificate_file, "dir/certs/me.pem");
        assert_string_equal(config.key_file, "/keys/me.pem");
        assert_string_equal(config.namespace, "ns");
        assert_string_equal(config.source, "dir/config, context prod");
        assert_false(config.insecure);

        use(arena, whole, "dev", &config);
        assert_string_equal(config.server, "https://dev/k8s");
        assert_string_equal(config.ca_file, "dir/ca.pem");
        assert_string_equal(config.token, "secret");
        assert_string_equal(config.namespace, "default");
        assert_false(config.proxy_given);
}

static void who_we_are(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        struct kube_config config;

        use(arena, whole, "lax", &config);
        assert_true(config.insecure);
        assert_string_equal(config.user, "me");
        assert_string_equal(config.password, "1234");
        use(arena, whole, "file", &config);
        assert_string_equal(config.token_file, "dir/token");
        use(arena, whole, "nobody", &config);
        assert_null(config.token);
        use(arena, whole, "plugin", &config);
        assert_string_equal(config.exec->api_version, "client.authentication.k8s.io/v1");
        assert_string_equal(config.exec->command, "dir/./get-token");
        assert_string_equal(config.exec->arguments[0], "a");
        assert_string_equal(config.exec->arguments[1], "b");
        assert_null(config.exec->arguments[2]);
        assert_string_equal(config.exec->environment[0], "X=1");
        assert_string_equal(config.exec->environment[1], "Z=");
        assert_null(config.exec->environment[2]);
        assert_string_equal(config.exec->install_hint, "get it there");
        assert_true(config.exec->provide_cluster_info);
}

/* A cluster, a user and the context of both, of which one has the line under test. */
#define CLUSTER(line)                                                                              \
        "clusters:\n- name: c\n  cluster:\n    server: https://x\n    " line                       \
        "\ncontexts:\n- {name: x, context: {cluster: c}}\ncurrent-context: x\n"
#define USER(line)                                                                                 \
        "users:\n- name: u\n  user:\n    " line "\nclusters:\n- {name: c, cluster: {server: "      \
        "'https://x'}}\ncontexts:\n- {name: x, context: {cluster: c, user: u}}\ncurrent-context: " \
        "x\n"
#define EXEC "client.authentication.k8s.io/v1"

static void errors_name_file_line_and_field(void **state)
{
        static const struct {
                const char *text, *expected;
        } rows[] = {
            {"", "f: no context is given, and none is the current one"},
            {"current-context: x\n", "f: there is no context \"x\""},
            {"[]", "f:1: .: a kubeconfig must be a map"},
            {"{\"clusters\":\n3}", "f:1: .clusters: must be a list"},
            {"a: b\n---\na: b\n", "f:3: .: a kubeconfig is one document"},
            {"a: b\na: c\n", "f:2: key \"a\" already set in map on line 1"},
            {"a: [\n", "f:2: did not find expected node content while parsing a flow node"},
            {"clusters:\n- 3\n", "f:2: .clusters[0]: must be a map"},
            {"users:\n- name: a\n  user: {}\n- user: {}\n", "f:4: .users[1].name: must be there, "
                                                            "and text"},
            {"contexts:\n- name: a\n", "f:2: .contexts[0].context: must be there, and a map"},
            {"current-context: [x]\n", "f:1: .current-context: must be text"},
            {"contexts:\n- name: x\n  context: {cluster: c}\ncurrent-context: x\n",
             "f:3: context \"x\": .cluster: there is no cluster \"c\""},
            {"contexts:\n- name: x\n  context: {user: c}\ncurrent-context: x\n",
             "f:3: context \"x\": .cluster: must be there"},
            {"clusters: [{name: c, cluster: {}}]\ncontexts:\n- name: x\n  context: {cluster: c, "
             "user: u}\ncurrent-context: x\n",
             "f:4: context \"x\": .user: there is no user \"u\""},
            {"clusters: [{name: c, cluster: {}}]\ncontexts:\n- name: x\n  context: {cluster: c}\n"
             "current-context: x\n",
             "f:1: cluster \"c\": .server: must be there"},
            {"clusters: [{name: c, cluster: {server: 'localhost:80'}}]\ncontexts:\n- name: x\n  "
             "context: {cluster: c}\ncurrent-context: x\n",
             "f:1: cluster \"c\": .server: must begin with https:// or http://"},
            {CLUSTER("tls-server-name: 3"), "f:5: cluster \"c\": .tls-server-name: must be text"},
            {CLUSTER("insecure-skip-tls-verify: 'no'"),
             "f:5: cluster \"c\": .insecure-skip-tls-verify: must be true or false"},
            {CLUSTER("certificate-authority-data: '%%'"),
             "f:5: cluster \"c\": .certificate-authority-data: is not base64"},
            {CLUSTER("certificate-authority-data: AAAA"),
             "f:5: cluster \"c\": .certificate-authority-data: is not PEM"},
            {CLUSTER("proxy-url: proxy"), "f:5: cluster \"c\": .proxy-url: must begin with "
                                          "http://, https:// or socks5://"},
            {CLUSTER("insecure-skip-tls-verify: true\n    certificate-authority: x"),
             "f:5: cluster \"c\": .insecure-skip-tls-verify: an authority is given, which would "
             "not be asked"},
            {USER("token: 3"), "f:4: user \"u\": .token: must be text"},
            {USER("as: admin"), "f:4: user \"u\": .as: impersonation is not supported"},
            {USER("auth-provider: {}"), "f:4: user \"u\": .auth-provider: is no longer supported; "
                                        "use exec"},
            {USER("client-certificate: x"), "f:3: user \"u\": .client-key: must be there, beside "
                                            "client-certificate"},
            {USER("client-key: x"), "f:3: user \"u\": .client-certificate: must be there, beside "
                                    "client-key"},
            {USER("token: x\n    username: me"),
             "f:5: user \"u\": .username: there is a token too: which of them?"},
            {USER("exec: 3"), "f:4: user \"u\": .exec: must be a map"},
            {USER("exec: {apiVersion: v2, command: x}"),
             "f:4: user \"u\": .exec.apiVersion: must be client.authentication.k8s.io/v1 or "
             "client.authentication.k8s.io/v1beta1"},
            {USER("exec: {apiVersion: " EXEC "}"), "f:4: user \"u\": .exec.command: must be there"},
            {USER("exec: {apiVersion: " EXEC ", command: x, args: [3]}"),
             "f:4: user \"u\": .exec.args: must be a list of texts"},
            {USER("exec: {apiVersion: " EXEC ", command: x, env: [A=b]}"),
             "f:4: user \"u\": .exec.env: must be a list of names and values"},
            {USER("exec: {apiVersion: " EXEC ", command: x, interactiveMode: Always}"),
             "f:4: user \"u\": .exec.interactiveMode: nobody is there to be asked"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_arena_ struct arena *arena = arena_new();
                struct kubeconfig config = {.arena = arena, .files = "f"};
                struct kube_config ret;
                struct err err = {"no error"};

                if (kubeconfig_add_text(&config, "f", rows[i].text, strlen(rows[i].text), &err) ==
                    0)
                        kubeconfig_use(&config, NULL, &ret, &err);
                if (strcmp(err.text, rows[i].expected) != 0)
                        print_message("of %s\n", rows[i].text);
                assert_string_equal(err.text, rows[i].expected);
        }
}

static void write_file(const char *directory, const char *name, const char *text)
{
        char path[256];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void of_files_the_first_counts(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char directory[] = "/tmp/penstock-kubeconfig-XXXXXX";
        struct kube_config config;
        struct err err = {""};

        assert_non_null(mkdtemp(directory));
        write_file(directory, "a", "users: [{name: u, user: {tokenFile: mine}}]\n");
        write_file(directory, "b",
                   "current-context: x\nusers: [{name: u, user: {token: theirs, username: y}}]\n"
                   "clusters: [{name: c, cluster: {server: 'https://b'}}]\n"
                   "contexts: [{name: x, context: {cluster: c, user: u}}]\n");
        write_file(directory, "c",
                   "current-context: z\n"
                   "clusters: [{name: c, cluster: {server: 'https://c'}}]\n");
        setenv("KUBECONFIG",
               arena_printf(arena, "%s/missing:%s/a::%s/b:%s/c", directory, directory, directory,
                            directory),
               1);
        if (kube_config_load(arena, NULL, NULL, &config, &err) < 0)
                fail_msg("%s", err.text);
        assert_string_equal(config.server, "https://b");
        assert_string_equal(config.token_file, arena_printf(arena, "%s/mine", directory));
        assert_null(config.token);
        assert_null(config.user);

        setenv("KUBECONFIG", "/nowhere/a:/nowhere/b", 1);
        assert_int_equal(kube_config_load(arena, NULL, NULL, &config, &err), -1);
        assert_string_equal(err.text, "/nowhere/a:/nowhere/b: there is no kubeconfig");
        assert_int_equal(kube_config_load(arena, "/nowhere/a", NULL, &config, &err), -1);
        assert_string_equal(err.text, "/nowhere/a: No such file or directory");

        unsetenv("KUBECONFIG");
        setenv("HOME", directory, 1);
        assert_int_equal(mkdir(arena_printf(arena, "%s/.kube", directory), 0700), 0);
        write_file(directory, ".kube/config", whole);
        if (kube_config_load(arena, NULL, "dev", &config, &err) < 0)
                fail_msg("%s", err.text);
        assert_string_equal(config.server, "https://dev/k8s");
        assert_int_equal(system(arena_printf(arena, "rm -r %s", directory)), 0);
}

static void a_pod_has_a_service_account(void **state)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        char directory[] = "/tmp/penstock-account-XXXXXX";
        struct kube_config config;
        struct err err = {""};

        assert_non_null(mkdtemp(directory));
        assert_int_equal(service_account_read(arena, directory, "::1", "443", &config, &err), -1);
        write_file(directory, "token", "t");
        write_file(directory, "ca.crt", "c");
        assert_int_equal(service_account_read(arena, directory, "::1", "443", &config, &err), 0);
        assert_string_equal(config.server, "https://[::1]:443");
        assert_string_equal(config.namespace, "default");
        write_file(directory, "namespace", "kube-system");
        assert_int_equal(service_account_read(arena, directory, "10.0.0.1", "6443", &config, &err),
                         0);
        assert_string_equal(config.server, "https://10.0.0.1:6443");
        assert_string_equal(config.namespace, "kube-system");
        assert_string_equal(config.token_file, arena_printf(arena, "%s/token", directory));
        assert_string_equal(config.ca_file, arena_printf(arena, "%s/ca.crt", directory));
        assert_int_equal(system(arena_printf(arena, "rm -r %s", directory)), 0);
}

static void base64(void **state)
{
        static const struct {
                const char *text, *encoded;
        } rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfb", "//77"}};
        static const char *const bad[] = {
            "Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "Zg=a", "Zm9_", "Zm 9"};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_strbuf_ struct strbuf encoded = {0}, decoded = {0};

                base64_encode(rows[i].text, strlen(rows[i].text), &encoded);
                assert_string_equal(strbuf_text(&encoded), rows[i].encoded);
                assert_true(base64_decode(rows[i].encoded, &decoded));
                assert_string_equal(strbuf_text(&decoded), rows[i].text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_strbuf_ struct strbuf decoded = {0};

                assert_false(base64_decode(bad[i], &decoded));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(clusters_and_certificates),
            cmocka_unit_test(who_we_are),
            cmocka_unit_test(errors_name_file_line_and_field),
            cmocka_unit_test(of_files_the_first_counts),
            cmocka_unit_test(a_pod_has_a_service_account),
            cmocka_unit_test(base64),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
