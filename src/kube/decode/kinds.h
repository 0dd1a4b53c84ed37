#pragma once

#include "kube/decode/field.h"

/* One object of each kind into the cluster; it is added only where decoding adds no problem. */
void decode_namespace(struct decoder *decoder, const struct field *object);
void decode_node(struct decoder *decoder, const struct field *object);
void decode_pod(struct decoder *decoder, const struct field *object);
void decode_network_policy(struct decoder *decoder, const struct field *object);

/* target is a struct policy_peer; an item of "from" or "to". */
void decode_policy_peer(struct decoder *decoder, const struct field *field, void *target);
