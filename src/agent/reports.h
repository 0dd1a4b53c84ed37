#pragma once

#include "base/strbuf.h"
#include "kube/mirror.h"

/* An object that the agent cannot accept, as an Event (core v1) beside it: JSON, to be posted to
 * the API server. All nodes' agents say the same of it, so that its name is made of what is said:
 * whoever comes later finds it there. */
void report_refused(const struct refused *refused, int64_t unix_time, struct strbuf *out);
/* Where it is to be posted: of objects without a namespace, "default". */
const char *report_namespace(const struct refused *refused);
