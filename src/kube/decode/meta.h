#pragma once

#include "kube/decode/field.h"

/* What all kinds share: metadata. */

struct meta_rules {
        bool namespaced;
        struct faults (*name_faults)(const char *name);
};

/* Reads the metadata of the object. */
void decode_meta(struct decoder *decoder, const struct field *object,
                 const struct meta_rules *rules, struct meta *ret);
