#pragma once

#include "kube/decode/field.h"

/* One object of each kind, zeroed before. Where decoding adds problems, it is made of what is
 * right, as decode_stored() has it. */
void decode_namespace(struct decoder *decoder, const struct field *object, struct object *ret);
void decode_node(struct decoder *decoder, const struct field *object, struct object *ret);
void decode_pod(struct decoder *decoder, const struct field *object, struct object *ret);
void decode_network_policy(struct decoder *decoder, const struct field *object, struct object *ret);

/* target is a struct policy_peer; an item of "from" or "to". */
void decode_policy_peer(struct decoder *decoder, const struct field *field, void *target);
