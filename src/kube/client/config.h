#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/* Where an API server is, whom to trust, and who we are: from a kubeconfig, as kubectl reads it, or
 * from a pod's own service account. Everything lives in the arena it was read into. */

/* A credential plugin (client.authentication.k8s.io/v1, v1beta1): run for a token or certificate,
 * which is used until it expires or is refused. */
struct kube_exec {
        const char *api_version, *command;
        const char *const *arguments;   /* ends in NULL */
        const char *const *environment; /* "NAME=value", beside the present ones; ends in NULL */
        const char *install_hint;       /* NULL: none */
        bool provide_cluster_info;
};

struct kube_config {
        const char *server;      /* "https://10.0.0.1:6443", without a path's trailing "/" */
        const char *server_name; /* whom the certificate must be of; NULL: the server's host */
        const char *ca;          /* PEM; NULL: the system's authorities */
        const char *ca_file;     /* read again when it changes */
        bool insecure;           /* insecure-skip-tls-verify */
        const char *proxy; /* "http://proxy:3128", also socks5; NULL: as the environment says */
        bool proxy_given;  /* proxy-url is in the kubeconfig */
        /* Who we are: a certificate, and one of the others, the first that is there. */
        const char *certificate, *key;           /* PEM */
        const char *certificate_file, *key_file; /* read again when they change */
        const char *token_file;                  /* likewise: its owner rotates it */
        const char *token;
        const struct kube_exec *exec;
        const char *user, *password;
        const char *namespace; /* "default" where not said */
        const char *source;    /* for messages: the file and context, or "service account" */
};

/* What is not said is as in the environment: paths NULL is $KUBECONFIG (a list of files, merged by
 * kubectl's rules) or ~/.kube/config; context NULL is the current one. Errors name file, line and
 * field. Relative paths are the file's. */
int kube_config_load(struct arena *arena, const char *path, const char *context,
                     struct kube_config *ret, struct err *err);
/* KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, the token and the authority that are mounted
 * into every pod. */
bool kube_config_is_in_cluster(void);
int kube_config_in_cluster(struct arena *arena, struct kube_config *ret, struct err *err);
