#pragma once

#include "bytes.h"
#include "manifest.h"

/* One random change of a cluster: an object goes, comes from the other cluster, or becomes what it
 * is there; pods change addresses, ports their names. Documents are never changed in place: others
 * may share them. */
void manifest_change(struct arena *arena, struct bytes *bytes, struct manifest *manifest,
                     const struct manifest *other);
/* To be changed; NULL where there is none. */
struct value *member_of(const struct value *map, const char *key);
