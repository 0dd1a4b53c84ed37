#include "agent/options.h"

#include <string.h>
#include <sys/un.h>

#include "base/vec.h"
#include "kube/decode/number.h"
#include "kube/decode/validate.h"

struct agent_option {
        const char *name;
        bool is_number;
        const char *(*set)(const char *text, struct agent_options *options);
};

static const char *set_kubeconfig(const char *text, struct agent_options *options)
{
        if (!*text)
                return "a path";
        options->kubeconfig = text;
        return NULL;
}

static const char *set_context(const char *text, struct agent_options *options)
{
        if (!*text)
                return "a context's name";
        options->context = text;
        return NULL;
}

/* No node has another name, and an agent of no node would protect no pod. */
static const char *set_node(const char *text, struct agent_options *options)
{
        if (dns_subdomain_faults(text).n > 0)
                return "a node's name: lower case letters, digits, '-' and '.'";
        options->node = text;
        return NULL;
}

static const char *set_backend(const char *text, struct agent_options *options)
{
        options->has_flavour = strcmp(text, "iptables") != 0; /* whichever holds the node's rules */
        if (options->has_flavour && !flavour_parse(text, &options->flavour))
                return "iptables-nft, iptables-legacy or iptables";
        return NULL;
}

static const char *set_own_node_egress(const char *text, struct agent_options *options)
{
        return own_node_egress_parse(text, &options->own_node_egress) ? NULL : "Allow or Policy";
}

static const char *set_deny(const char *text, struct agent_options *options)
{
        return deny_parse(text, &options->deny) ? NULL : "drop or reject";
}

static const char *set_socket(const char *text, struct agent_options *options)
{
        struct sockaddr_un address;

        if (*text && (*text != '/' || strlen(text) >= sizeof(address.sun_path)))
                return "an absolute path of at most 107 bytes, or empty for none";
        options->socket = text;
        return NULL;
}

static const char *set_metrics(const char *text, struct agent_options *options)
{
        struct listen_address address;

        if (*text && !listen_address_parse(text, &address))
                return "ADDRESS:PORT, [ADDRESS]:PORT, :PORT, or empty for none";
        options->metrics = text;
        return NULL;
}

static const char *set_log_level(const char *text, struct agent_options *options)
{
        return log_level_parse(text, &options->log_level) ? NULL : "error, warning, info or debug";
}

static const char *set_log_format(const char *text, struct agent_options *options)
{
        return log_format_parse(text, &options->log_format) ? NULL : "text or json";
}

static const char *set_seconds(const char *text, unsigned *ret)
{
        int32_t number;

        if (!number_int32(text, &number) || number < 1 || number > 86400)
                return "seconds, 1 to 86400";
        *ret = (unsigned)number;
        return NULL;
}

static const char *set_period(const char *text, struct agent_options *options)
{
        return set_seconds(text, &options->period_seconds);
}

static const char *set_feeder_silence(const char *text, struct agent_options *options)
{
        return set_seconds(text, &options->feeder_silence_seconds);
}

static const struct agent_option rows[] = {
    {"kubeconfig", false, set_kubeconfig},
    {"context", false, set_context},
    {"node", false, set_node},
    {"backend", false, set_backend},
    {"ownNodeEgress", false, set_own_node_egress},
    {"deny", false, set_deny},
    {"socket", false, set_socket},
    {"metrics", false, set_metrics},
    {"logLevel", false, set_log_level},
    {"logFormat", false, set_log_format},
    {"period", true, set_period},
    {"feederSilence", true, set_feeder_silence},
};

struct agent_options agent_options_default(void)
{
        return (struct agent_options){
            .socket = AGENT_SOCKET,
            .metrics = AGENT_METRICS,
            .log_level = LOG_INFO,
            .log_format = LOG_TEXT,
            .period_seconds = 60,
            .feeder_silence_seconds = 30,
        };
}

const struct agent_option *agent_option(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].name, name) == 0)
                        return &rows[i];
        return NULL;
}

bool agent_option_is_number(const struct agent_option *option)
{
        return option->is_number;
}

const char *agent_option_set(const struct agent_option *option, const char *text,
                             struct agent_options *options)
{
        return option->set(text, options);
}
