#pragma once

#include "iptables/plan.h"

/* The sets' part of plan_make(). */
void plan_sets(struct arena *arena, const struct installed *installed, const struct wanted *wanted,
               bool diff, struct apply_report *report, struct plan *plan);
