#pragma once

#include "iptables/plan.h"

/* Carries out a plan that leads on from what is there now: what of the sets must change before the
 * rules; the rules of the wanted flavour, both families at the same time; those of the other
 * flavour; what of the sets must change after, and sets that are no longer used. A step that fails
 * undoes what was done before: what is there by then is read, and led back to what was installed,
 * back_to. */
int send_plan(const struct plan *plan, const struct installed *now, const struct installed *back_to,
              const struct apply_options *options, struct apply_report *report, struct err *err);
/* Undoes plans that were carried out to their end; err says why, and comes back with what is in
 * force. Always -1. */
int send_back(const struct installed *back_to, const struct apply_options *options,
              struct err *err);
