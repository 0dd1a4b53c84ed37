#pragma once

#include "kube/objects.h"
#include "kube/read/wanted.h"

/* What of an object is read: what the decoders look at, and resourceVersion. All else, which is
 * nine tenths of a pod (volumes, environment, conditions, managedFields), is passed over. */
const struct wanted *wanted_of_item(enum kind kind);
/* … of an event of a watch; also what a Status has and a bookmark says. */
const struct wanted *wanted_of_event(enum kind kind);
