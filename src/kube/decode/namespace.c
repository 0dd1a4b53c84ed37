#include "kube/decode/kinds.h"
#include "kube/decode/meta.h"

/* Namespace, for its labels. */

/* kubernetes.io/metadata.name is as the manifest has it, right or wrong: sealing sets it, as the
 * API server does (semantics 27). */
void decode_namespace(struct decoder *decoder, const struct field *object, struct object *ret)
{
        static const struct meta_rules rules = {false, dns_label_faults};

        decode_meta(decoder, object, &rules, &ret->meta);
}
