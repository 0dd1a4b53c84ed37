#include "kube/client/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube/client/file.h"
#include "kube/client/plugin.h"

struct credentials {
        const struct kube_config *config;
        struct plugin *plugin; /* NULL where none is configured */
        struct strbuf base;    /* of URLs */
        /* Where the certificate is of another name than the server: */
        struct strbuf host; /* the header that names the server */
        struct curl_slist *connect_to;
        void (*closed)(void *data);
        void *closed_data;
};

/* What is given in the configuration, or else in a file; neither leaves text empty. */
static bool read_either(const char *given, const char *path, struct strbuf *ret, struct err *err)
{
        if (given)
                strbuf_add(ret, given);
        else if (path)
                return file_read(path, ret, err) == 0;
        return true;
}

static void set_blob(CURL *curl, CURLoption option, const struct strbuf *text)
{
        struct curl_blob blob = {text->text, text->length, CURL_BLOB_COPY};

        if (text->length)
                curl_easy_setopt(curl, option, &blob);
}

/* Whose certificate is taken for the server's. Without the two NULLs the system's authorities
 * would be believed besides the one that is given. */
static bool set_trust(const struct kube_config *config, CURL *curl, struct err *err)
{
        _cleanup_strbuf_ struct strbuf ca = {0};

        if (config->insecure) {
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
                return true;
        }
        if (!config->ca && !config->ca_file)
                return true;
        if (!read_either(config->ca, config->ca_file, &ca, err))
                return err_wrap(err, "certificate-authority"), false;
        if (!ca.length)
                return err_set(err, "certificate-authority: is empty"), false;
        curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        set_blob(curl, CURLOPT_CAINFO_BLOB, &ca);
        return true;
}

static bool set_certificate(struct credentials *credentials, CURL *curl, struct err *err)
{
        const struct kube_config *config = credentials->config;
        _cleanup_strbuf_ struct strbuf certificate = {0}, key = {0};
        const char *given = config->certificate, *given_key = config->key;

        if (credentials->plugin && plugin_certificate(credentials->plugin)) {
                given = plugin_certificate(credentials->plugin);
                given_key = plugin_key(credentials->plugin);
        }
        if (!read_either(given, config->certificate_file, &certificate, err))
                return err_wrap(err, "client-certificate"), false;
        if (!read_either(given_key, config->key_file, &key, err))
                return err_wrap(err, "client-key"), false;
        curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, "PEM");
        curl_easy_setopt(curl, CURLOPT_SSLKEYTYPE, "PEM");
        set_blob(curl, CURLOPT_SSLCERT_BLOB, &certificate);
        set_blob(curl, CURLOPT_SSLKEY_BLOB, &key);
        return true;
}

static bool add_bearer(struct curl_slist **headers, struct strbuf *token, struct err *err)
{
        _cleanup_strbuf_ struct strbuf header = {0};

        while (token->length && strchr(" \t\r\n", token->text[token->length - 1]))
                token->text[--token->length] = '\0';
        if (!token->length)
                return err_set(err, "the token is empty"), false;
        if (strpbrk(token->text, "\r\n"))
                return err_set(err, "the token has more than one line"), false;
        strbuf_printf(&header, "Authorization: Bearer %s", token->text);
        *headers = curl_slist_append(*headers, header.text);
        return true;
}

static bool set_who(struct credentials *credentials, CURL *curl, struct curl_slist **headers,
                    struct err *err)
{
        const struct kube_config *config = credentials->config;
        const char *given = config->token_file ? NULL : config->token;
        _cleanup_strbuf_ struct strbuf token = {0};

        if (!set_certificate(credentials, curl, err))
                return false;
        if (!given && !config->token_file && credentials->plugin)
                given = plugin_token(credentials->plugin);
        if (given || config->token_file) {
                if (!read_either(given, config->token_file, &token, err))
                        return err_wrap(err, "token"), false;
                return add_bearer(headers, &token, err);
        }
        if (config->user) {
                curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                curl_easy_setopt(curl, CURLOPT_USERNAME, config->user);
                curl_easy_setopt(curl, CURLOPT_PASSWORD, config->password ? config->password : "");
        }
        return true;
}

/* libcurl asks a certificate for the URL's host: so that is the name that is expected, and where
 * the connection goes is said apart. */
static void set_url(const struct credentials *credentials, CURL *curl, const char *path,
                    struct curl_slist **headers)
{
        _cleanup_strbuf_ struct strbuf url = {0};

        strbuf_printf(&url, "%s%s", credentials->base.text, path);
        curl_easy_setopt(curl, CURLOPT_URL, url.text);
        if (!credentials->connect_to)
                return;
        curl_easy_setopt(curl, CURLOPT_CONNECT_TO, credentials->connect_to);
        *headers = curl_slist_append(*headers, credentials->host.text);
}

bool credentials_prepare(void *data, CURL *curl, const char *path, struct curl_slist **headers,
                         struct err *err)
{
        struct credentials *credentials = data;
        const struct kube_config *config = credentials->config;

        if (credentials->plugin && plugin_failed(credentials->plugin, err))
                return false;
        set_url(credentials, curl, path, headers);
        if (config->proxy)
                curl_easy_setopt(curl, CURLOPT_PROXY, config->proxy);
        return set_trust(config, curl, err) && set_who(credentials, curl, headers, err);
}

/* "https://HOST:PORT/path" is written anew with the name in place of HOST. */
static void rename_server(struct credentials *credentials)
{
        const char *server = credentials->config->server, *scheme = strstr(server, "://");
        const char *host = scheme ? scheme + 3 : server;
        size_t whole = strcspn(host, "/");
        const char *bracket = memchr(host, ']', whole);
        const char *after = bracket ? bracket : host;
        const char *port = memchr(after, ':', whole - (size_t)(after - host));
        _cleanup_strbuf_ struct strbuf connect_to = {0};

        if (!port)
                port = host + whole;
        strbuf_printf(&credentials->base, "%.*s%s%s", (int)(host - server), server,
                      credentials->config->server_name, port);
        strbuf_printf(&credentials->host, "Host: %.*s", (int)whole, host);
        strbuf_printf(&connect_to, "::%.*s:", (int)(port - host), host);
        credentials->connect_to = curl_slist_append(NULL, connect_to.text);
}

bool credentials_ready(struct credentials *credentials)
{
        return !credentials->plugin || plugin_ready(credentials->plugin);
}

bool credentials_refused(struct credentials *credentials)
{
        const struct kube_config *config = credentials->config;

        if (credentials->plugin)
                plugin_refused(credentials->plugin);
        return credentials->plugin || config->token_file || config->certificate_file ||
               config->key_file;
}

/* Without a connection, so that what is configured wrongly is said at once. */
static bool check(struct credentials *credentials, struct err *err)
{
        struct curl_slist *headers = NULL;
        CURL *curl = curl_easy_init();

        if (!curl)
                return err_set(err, "libcurl cannot be used"), false;
        bool good = credentials_prepare(credentials, curl, "/", &headers, err);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        return good;
}

static void credentials_free(struct credentials *credentials)
{
        strbuf_done(&credentials->base);
        strbuf_done(&credentials->host);
        curl_slist_free_all(credentials->connect_to);
        free(credentials);
}

struct credentials *credentials_new(uv_loop_t *loop, const struct kube_config *config,
                                    void (*changed)(void *data), void *data, struct err *err)
{
        struct credentials *credentials = memory_alloc(sizeof(*credentials));

        credentials->config = config;
        if (config->server_name)
                rename_server(credentials);
        else
                strbuf_add(&credentials->base, config->server);
        if (!check(credentials, err)) {
                credentials_free(credentials);
                return NULL;
        }
        if (config->exec)
                credentials->plugin = plugin_new(loop, config, changed, data);
        return credentials;
}

static void plugin_closed(void *data)
{
        struct credentials *credentials = data;

        credentials->closed(credentials->closed_data);
        credentials_free(credentials);
}

void credentials_close(struct credentials *credentials, void (*closed)(void *data), void *data)
{
        credentials->closed = closed;
        credentials->closed_data = data;
        if (credentials->plugin)
                plugin_close(credentials->plugin, plugin_closed, credentials);
        else
                plugin_closed(credentials);
}
