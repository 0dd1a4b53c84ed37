#pragma once

#include <stdbool.h>

#include "base/strbuf.h"
#include "kube/mirror.h"

/* An object that the agent cannot accept, as an Event (core v1) beside it: JSON, to be posted to
 * the API server. All nodes' agents say the same of it, so that its name is made of what is said:
 * whoever comes later finds it there. */
void report_refused(const struct refused *refused, int64_t unix_time, struct strbuf *out);
/* Where it is to be posted: of objects without a namespace, "default". */
const char *report_namespace(const struct refused *refused);

/* How many are told one by one, in the log and as Events: whoever may store objects must not be
 * able to fill disks by it. The others are counted. Zero-initialise; times are clock_seconds(). */
#define REPORTS_MAX     100
#define REPORTS_SECONDS 60

struct report_budget {
        double since; /* when the first of the last REPORTS_MAX was told */
        double said;  /* when it was last said how many were not */
        size_t told, untold;
};

/* May one more be told? */
bool report_budget_take(struct report_budget *budget, double now);
/* How many were not, once in REPORTS_SECONDS; 0: nothing is to be said. */
size_t report_budget_untold(struct report_budget *budget, double now);
