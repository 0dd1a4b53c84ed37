#include "kube/client/service_account.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/client/file.h"

int service_account_read(struct arena *arena, const char *directory, const char *host,
                         const char *port, struct kube_config *ret, struct err *err)
{
        const char *token = arena_printf(arena, "%s/token", directory);
        const char *ca = arena_printf(arena, "%s/ca.crt", directory);
        const char *namespace = arena_printf(arena, "%s/namespace", directory);
        _cleanup_strbuf_ struct strbuf text = {0};
        bool is_ipv6 = strchr(host, ':');

        if (access(token, R_OK) < 0)
                return err_errno(err, "the pod's service account: %s", token);
        if (access(ca, R_OK) < 0)
                return err_errno(err, "the pod's service account: %s", ca);
        if (file_read(namespace, &text, err) < 0)
                text.length = 0; /* older ones have none */
        *ret = (struct kube_config){
            .server = arena_printf(arena, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host,
                                   is_ipv6 ? "]" : "", port),
            .ca_file = ca,
            .token_file = token,
            .namespace = text.length ? arena_strdup(arena, text.text) : "default",
            .source = "service account",
        };
        return 0;
}

static const char *from_environment(const char *name)
{
        const char *text = getenv(name);

        return text && *text ? text : NULL;
}

bool kube_config_is_in_cluster(void)
{
        return from_environment("KUBERNETES_SERVICE_HOST") &&
               from_environment("KUBERNETES_SERVICE_PORT") &&
               access(SERVICE_ACCOUNT "/token", F_OK) == 0;
}

int kube_config_in_cluster(struct arena *arena, struct kube_config *ret, struct err *err)
{
        const char *host = from_environment("KUBERNETES_SERVICE_HOST");
        const char *port = from_environment("KUBERNETES_SERVICE_PORT");

        if (!host || !port)
                return err_set(err, "not in a pod: KUBERNETES_SERVICE_HOST and "
                                    "KUBERNETES_SERVICE_PORT are not set");
        return service_account_read(arena, SERVICE_ACCOUNT, host, port, ret, err);
}
