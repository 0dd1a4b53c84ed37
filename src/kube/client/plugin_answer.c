#include "kube/client/plugin_answer.h"

#include <string.h>

#include "base/json_print.h"
#include "kube/client/base64.h"
#include "kube/decode/timestamp.h"
#include "kube/read/json.h"

static void print_cluster(const struct kube_config *config, struct json_print *json)
{
        _cleanup_strbuf_ struct strbuf ca = {0};

        json_open(json, "cluster", '{');
        json_text(json, "server", config->server);
        if (config->server_name)
                json_text(json, "tls-server-name", config->server_name);
        if (config->insecure)
                json_bool(json, "insecure-skip-tls-verify", true);
        if (config->ca) {
                base64_encode(config->ca, strlen(config->ca), &ca);
                json_text(json, "certificate-authority-data", ca.text);
        }
        if (config->proxy)
                json_text(json, "proxy-url", config->proxy);
        json_close(json, '}');
}

void plugin_question_print(const struct kube_config *config, struct strbuf *out)
{
        struct json_print json = {.out = out};

        json_open(&json, NULL, '{');
        json_text(&json, "apiVersion", config->exec->api_version);
        json_text(&json, "kind", "ExecCredential");
        json_open(&json, "spec", '{');
        json_bool(&json, "interactive", false);
        if (config->exec->provide_cluster_info)
                print_cluster(config, &json);
        json_close(&json, '}');
        json_close(&json, '}');
}

static const char *text_of(struct arena *arena, const struct value *status, const char *key)
{
        const char *text = value_member_text(status, key);

        return *text ? arena_strdup(arena, text) : NULL;
}

static int check(const struct value *root, const char *api_version, struct err *err)
{
        const char *version = value_member_text(root, "apiVersion");
        const char *kind = value_member_text(root, "kind");

        if (strcmp(kind, "ExecCredential") != 0)
                return err_set(err, "kind is \"%.64s\", not ExecCredential", kind);
        if (strcmp(version, api_version) != 0)
                return err_set(err, "apiVersion is \"%.64s\", not %s as was asked for", version,
                               api_version);
        return 0;
}

static int take(struct arena *arena, const struct value *root, struct plugin_answer *ret,
                struct err *err)
{
        const struct value *status = value_member(root, "status");

        if (!status)
                return err_set(err, "there is no status in what it printed");
        struct plugin_answer answer = {
            .token = text_of(arena, status, "token"),
            .certificate = text_of(arena, status, "clientCertificateData"),
            .key = text_of(arena, status, "clientKeyData"),
        };
        const char *expires = value_member_text(status, "expirationTimestamp");
        if (*expires && !timestamp_parse(expires, &answer.expires))
                return err_set(err, "expirationTimestamp is no time: \"%.64s\"", expires);
        if (!answer.token && !(answer.certificate && answer.key))
                return err_set(err, "it printed neither a token nor a certificate with its key");
        if (!answer.certificate != !answer.key)
                return err_set(err, "it printed a certificate without key, or a key without one");
        *ret = answer;
        return 0;
}

int plugin_answer_read(struct arena *arena, struct strbuf *output, const char *api_version,
                       struct plugin_answer *ret, struct err *err)
{
        static const char padding[INPUT_PAD];
        size_t length = output->length;
        struct json_objects objects = json_objects_new();
        int r = -1;

        strbuf_add_bytes(output, padding, sizeof(padding));
        const struct value *root = json_read_whole(&objects, output->text, length, NULL, err);
        if (!root)
                err_wrap(err, "what it printed is no JSON");
        else if (check(root, api_version, err) == 0)
                r = take(arena, root, ret, err);
        json_objects_done(&objects);
        return r;
}
