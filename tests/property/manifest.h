#pragma once

#include "base/strbuf.h"
#include "base/vec.h"
#include "kube/read/value.h"

/* Manifests as trees, to be built, cut smaller and printed. */

enum manifest_style {
        MANIFEST_YAML,  /* documents in block style */
        MANIFEST_JSON,  /* one List */
        MANIFEST_MIXED, /* documents by turns in block and in flow style */
};
#define MANIFEST_STYLES 3

struct manifest {
        enum manifest_style style;
        VEC(struct value *) documents;
};

/* All return the new member or item, and copy no text. key is NULL in lists. */
struct value *add_map(struct arena *arena, struct value *to, const char *key);
struct value *add_list(struct arena *arena, struct value *to, const char *key);
struct value *add_null(struct arena *arena, struct value *to, const char *key);
struct value *add_text(struct arena *arena, struct value *to, const char *key, const char *text);
struct value *add_number(struct arena *arena, struct value *to, const char *key, unsigned number);
struct value *add_true(struct arena *arena, struct value *to, const char *key);

/* A document with apiVersion, kind and metadata, which is returned in ret_metadata. namespace may
 * be NULL. */
struct value *manifest_add(struct arena *arena, struct manifest *manifest, const char *api_version,
                           const char *kind, const char *namespace, const char *name,
                           struct value **ret_metadata);

void manifest_print(const struct manifest *manifest, struct strbuf *out);
