#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "kube/client/base64.h"
#include "kube/client/kubeconfig.h"

/* The fields of clusters, users and contexts, as tables. What kubectl would act on and penstock
 * cannot is refused; what no table names is passed over, as kubectl does. */

enum field_type { FIELD_TEXT, FIELD_PATH, FIELD_BASE64, FIELD_FLAG, FIELD_REFUSED };

struct config_field {
        const char *name;
        enum field_type type;
        size_t offset;   /* in the struct that is filled in */
        const char *why; /* of REFUSED */
};

#define CONFIG(name, type, member)                                                                 \
        {                                                                                          \
                (name), (type), offsetof(struct kube_config, member), NULL                         \
        }

static const struct config_field cluster_fields[] = {
    CONFIG("server", FIELD_TEXT, server),
    CONFIG("tls-server-name", FIELD_TEXT, server_name),
    CONFIG("certificate-authority", FIELD_PATH, ca_file),
    CONFIG("certificate-authority-data", FIELD_BASE64, ca),
    CONFIG("insecure-skip-tls-verify", FIELD_FLAG, insecure),
    CONFIG("proxy-url", FIELD_TEXT, proxy),
};

#define NO_IMPERSONATION "impersonation is not supported"

static const struct config_field user_fields[] = {
    CONFIG("client-certificate", FIELD_PATH, certificate_file),
    CONFIG("client-certificate-data", FIELD_BASE64, certificate),
    CONFIG("client-key", FIELD_PATH, key_file),
    CONFIG("client-key-data", FIELD_BASE64, key),
    CONFIG("token", FIELD_TEXT, token),
    CONFIG("tokenFile", FIELD_PATH, token_file),
    CONFIG("username", FIELD_TEXT, user),
    CONFIG("password", FIELD_TEXT, password),
    {"as", FIELD_REFUSED, 0, NO_IMPERSONATION},
    {"as-uid", FIELD_REFUSED, 0, NO_IMPERSONATION},
    {"as-groups", FIELD_REFUSED, 0, NO_IMPERSONATION},
    {"as-user-extra", FIELD_REFUSED, 0, NO_IMPERSONATION},
    {"auth-provider", FIELD_REFUSED, 0, "is no longer supported; use exec"},
};

static const struct config_field context_fields[] = {
    {"cluster", FIELD_TEXT, offsetof(struct kubeconfig_context, cluster), NULL},
    {"user", FIELD_TEXT, offsetof(struct kubeconfig_context, user), NULL},
    {"namespace", FIELD_TEXT, offsetof(struct kubeconfig_context, namespace), NULL},
};

struct exec_mode {
        const char *interactive;
};
static const struct config_field exec_fields[] = {
    {"apiVersion", FIELD_TEXT, offsetof(struct kube_exec, api_version), NULL},
    {"command", FIELD_TEXT, offsetof(struct kube_exec, command), NULL},
    {"installHint", FIELD_TEXT, offsetof(struct kube_exec, install_hint), NULL},
    {"provideClusterInfo", FIELD_FLAG, offsetof(struct kube_exec, provide_cluster_info), NULL},
};
static const struct config_field exec_mode_fields[] = {
    {"interactiveMode", FIELD_TEXT, offsetof(struct exec_mode, interactive), NULL},
};

/* Where an error is. */
struct place_of {
        struct arena *arena;
        const struct kubeconfig_entry *entry;
        const char *what; /* "cluster" */
        const char *path; /* ".exec" */
        struct err *err;
};

static int __attribute__((format(printf, 4, 5)))
refuse(const struct place_of *place, const struct value *value, const char *name,
       const char *format, ...)
{
        char why[256];
        va_list args;

        va_start(args, format);
        vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        return err_set(place->err, "%s:%u: %s \"%s\": %s.%s: %s", place->entry->file, value->line,
                       place->what, place->entry->name, place->path, name, why);
}

/* Relative paths are the file's that they stand in. */
static const char *resolve(const struct place_of *place, const char *path)
{
        const char *slash = strrchr(place->entry->file, '/');

        if (*path == '/' || !slash)
                return arena_strdup(place->arena, path);
        return arena_printf(place->arena, "%.*s/%s", (int)(slash - place->entry->file),
                            place->entry->file, path);
}

static int read_base64(const struct place_of *place, const char *name, const struct value *value,
                       const char **ret)
{
        _cleanup_strbuf_ struct strbuf text = {0};

        if (!base64_decode(value->text, &text))
                return refuse(place, value, name, "is not base64");
        if (strlen(strbuf_text(&text)) != text.length || !strstr(strbuf_text(&text), "-----BEGIN "))
                return refuse(place, value, name, "is not PEM");
        *ret = arena_strdup(place->arena, text.text);
        return 0;
}

static int read_text(const struct place_of *place, const struct config_field *field,
                     const struct value *value, const char **ret)
{
        if (value->kind != VALUE_STRING)
                return refuse(place, value, field->name, "must be text");
        if (!*value->text)
                return 0; /* as absent */
        if (field->type == FIELD_BASE64)
                return read_base64(place, field->name, value, ret);
        *ret = field->type == FIELD_PATH ? resolve(place, value->text)
                                         : arena_strdup(place->arena, value->text);
        return 0;
}

static int read_field(const struct place_of *place, const struct config_field *field,
                      const struct value *value, void *target)
{
        void *member = (char *)target + field->offset;

        if (field->type == FIELD_REFUSED)
                return refuse(place, value, field->name, "%s", field->why);
        if (field->type != FIELD_FLAG)
                return read_text(place, field, value, member);
        if (value->kind != VALUE_BOOL)
                return refuse(place, value, field->name, "must be true or false");
        *(bool *)member = value->boolean;
        return 0;
}

static int read_fields(const struct place_of *place, const struct value *map,
                       const struct config_field *fields, size_t n, void *target)
{
        for (size_t i = 0; i < n; i++) {
                const struct value *value = value_member(map, fields[i].name);

                if (value && value->kind != VALUE_NULL &&
                    read_field(place, &fields[i], value, target) < 0)
                        return -1;
        }
        return 0;
}
#define READ_FIELDS(place, map, fields, target)                                                    \
        read_fields((place), (map), (fields), ARRAY_SIZE(fields), (target))

/* On the line of the field, where it is there. */
static const struct value *line_of(const struct value *map, const char *name)
{
        const struct value *member = value_member(map, name);

        return member ? member : map;
}

static bool begins_with_one_of(const char *text, const char *const *beginnings)
{
        for (; *beginnings; beginnings++)
                if (strncasecmp(text, *beginnings, strlen(*beginnings)) == 0 &&
                    text[strlen(*beginnings)])
                        return true;
        return false;
}

static int check_cluster(const struct place_of *place, const struct value *map,
                         struct kube_config *config)
{
        static const char *const servers[] = {"https://", "http://", NULL};
        static const char *const proxies[] = {"http://", "https://", "socks5://", NULL};

        if (!config->server)
                return refuse(place, map, "server", "must be there");
        if (!begins_with_one_of(config->server, servers))
                return refuse(place, line_of(map, "server"), "server",
                              "must begin with https:// or http://");
        if (config->proxy && !begins_with_one_of(config->proxy, proxies))
                return refuse(place, line_of(map, "proxy-url"), "proxy-url",
                              "must begin with http://, https:// or socks5://");
        if (config->insecure && (config->ca || config->ca_file))
                return refuse(place, line_of(map, "insecure-skip-tls-verify"),
                              "insecure-skip-tls-verify",
                              "an authority is given, which would not be asked");
        return 0;
}

int kubeconfig_read_cluster(struct arena *arena, const struct kubeconfig_entry *cluster,
                            struct kube_config *ret, struct err *err)
{
        const struct place_of place = {arena, cluster, "cluster", "", err};

        if (READ_FIELDS(&place, cluster->value, cluster_fields, ret) < 0 ||
            check_cluster(&place, cluster->value, ret) < 0)
                return -1;
        size_t length = strlen(ret->server);
        while (ret->server[length - 1] == '/')
                length--;
        ret->server = arena_strndup(arena, ret->server, length);
        ret->proxy_given = ret->proxy;
        return 0;
}

/* A list of texts, or of maps with a name and a value that make "NAME=value". */
static int read_list(const struct place_of *place, const struct value *map, const char *name,
                     bool pairs, const char *const **ret)
{
        const struct value *list = value_member(map, name);
        size_t n = 0;

        if (!list || list->kind == VALUE_NULL)
                return 0;
        if (list->kind != VALUE_LIST)
                return refuse(place, list, name, "must be a list");
        for (const struct value *item = list->first; item; item = item->next)
                n++;
        const char **texts = arena_new_array(place->arena, const char *, n + 1);
        n = 0;
        for (const struct value *item = list->first; item; item = item->next) {
                const char *key = value_member_text(item, "name");

                if (!pairs && item->kind != VALUE_STRING)
                        return refuse(place, item, name, "must be a list of texts");
                if (pairs && (!*key || strchr(key, '=')))
                        return refuse(place, item, name, "must be a list of names and values");
                texts[n++] = pairs ? arena_printf(place->arena, "%s=%s", key,
                                                  value_member_text(item, "value"))
                                   : arena_strdup(place->arena, item->text);
        }
        *ret = texts;
        return 0;
}

static int check_exec(const struct place_of *place, const struct value *map,
                      const struct exec_mode *mode, struct kube_exec *exec)
{
        static const char group[] = "client.authentication.k8s.io/";
        const char *version = exec->api_version ? exec->api_version : "";
        bool known = strncmp(version, group, sizeof(group) - 1) == 0;

        if (known)
                known = strcmp(version + sizeof(group) - 1, "v1") == 0 ||
                        strcmp(version + sizeof(group) - 1, "v1beta1") == 0;
        if (!known)
                return refuse(place, line_of(map, "apiVersion"), "apiVersion",
                              "must be %sv1 or %sv1beta1", group, group);
        if (!exec->command)
                return refuse(place, map, "command", "must be there");
        if (mode->interactive && strcmp(mode->interactive, "Always") == 0)
                return refuse(place, line_of(map, "interactiveMode"), "interactiveMode",
                              "nobody is there to be asked");
        if (strchr(exec->command, '/'))
                exec->command = resolve(place, exec->command);
        return 0;
}

static int read_exec(const struct place_of *user, const struct value *map, struct kube_config *ret)
{
        struct place_of place = *user;
        struct kube_exec *exec = arena_new_object(user->arena, struct kube_exec);
        struct exec_mode mode = {0};

        if (map->kind != VALUE_MAP)
                return refuse(user, map, "exec", "must be a map");
        place.path = ".exec";
        if (READ_FIELDS(&place, map, exec_fields, exec) < 0 ||
            READ_FIELDS(&place, map, exec_mode_fields, &mode) < 0 ||
            read_list(&place, map, "args", false, &exec->arguments) < 0 ||
            read_list(&place, map, "env", true, &exec->environment) < 0 ||
            check_exec(&place, map, &mode, exec) < 0)
                return -1;
        ret->exec = exec;
        return 0;
}

static int check_user(const struct place_of *place, const struct value *map,
                      const struct kube_config *config)
{
        bool certificate = config->certificate || config->certificate_file;
        bool key = config->key || config->key_file;

        if (certificate && !key)
                return refuse(place, map, "client-key", "must be there, beside client-certificate");
        if (key && !certificate)
                return refuse(place, map, "client-certificate", "must be there, beside client-key");
        if ((config->token || config->token_file) && config->user)
                return refuse(place, line_of(map, "username"), "username",
                              "there is a token too: which of them?");
        if (config->exec && config->user)
                return refuse(place, line_of(map, "exec"), "exec",
                              "there is a username too: which of them?");
        return 0;
}

int kubeconfig_read_user(struct arena *arena, const struct kubeconfig_entry *user,
                         struct kube_config *ret, struct err *err)
{
        const struct place_of place = {arena, user, "user", "", err};
        const struct value *exec = value_member(user->value, "exec");

        if (READ_FIELDS(&place, user->value, user_fields, ret) < 0)
                return -1;
        if (exec && exec->kind != VALUE_NULL && read_exec(&place, exec, ret) < 0)
                return -1;
        return check_user(&place, user->value, ret);
}

int kubeconfig_read_context(struct arena *arena, const struct kubeconfig_entry *context,
                            struct kubeconfig_context *ret, struct err *err)
{
        const struct place_of place = {arena, context, "context", "", err};

        *ret = (struct kubeconfig_context){0};
        return READ_FIELDS(&place, context->value, context_fields, ret);
}
