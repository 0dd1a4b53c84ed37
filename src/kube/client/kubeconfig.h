#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "kube/client/config.h"
#include "kube/read/value.h"

/* Kubeconfig files, merged: of what more than one of them says, the first counts. */

struct kubeconfig_entry {
        const char *file;
        const char *name;
        const struct value *value; /* what is under "cluster", "user" or "context" */
};
typedef VEC(struct kubeconfig_entry) kubeconfig_entries;

struct kubeconfig {
        struct arena *arena;
        const char *files; /* for errors that are of all */
        kubeconfig_entries clusters, users, contexts;
        const char *current_context; /* NULL where none says */
};

/* file: its name in errors, and the directory that its paths are of. */
int kubeconfig_add(struct kubeconfig *config, const char *file, struct err *err);
int kubeconfig_add_text(struct kubeconfig *config, const char *file, const char *text,
                        size_t length, struct err *err);
/* What a context comes to; NULL: the current one. */
int kubeconfig_use(const struct kubeconfig *config, const char *context, struct kube_config *ret,
                   struct err *err);

/* Of kubeconfig_fields.c: an entry's fields into a configuration. */
int kubeconfig_read_cluster(struct arena *arena, const struct kubeconfig_entry *cluster,
                            struct kube_config *ret, struct err *err);
int kubeconfig_read_user(struct arena *arena, const struct kubeconfig_entry *user,
                         struct kube_config *ret, struct err *err);
struct kubeconfig_context {
        const char *cluster, *user, *namespace; /* NULL where not said */
};
int kubeconfig_read_context(struct arena *arena, const struct kubeconfig_entry *context,
                            struct kubeconfig_context *ret, struct err *err);
