#pragma once

#include "iptables/plan.h"

/* Carries a plan out: sets that grow; the rules of the wanted flavour, both families at the same
 * time; those of the other flavour; sets that shrink and are no longer used. A step that fails
 * undoes what was done before: what is there by then is read, and led back to what was installed.
 */
int send_plan(const struct plan *plan, const struct installed *installed,
              const struct apply_options *options, struct apply_report *report, struct err *err);
