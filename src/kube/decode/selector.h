#pragma once

#include "kube/decode/field.h"

/* Labels and label selectors, in the order that kube/selector.h wants. target is a struct labels, a
 * struct selector. */
void decode_labels(struct decoder *decoder, const struct field *field, void *target);
void decode_selector(struct decoder *decoder, const struct field *field, void *target);
