#pragma once

#include "iptables/plan.h"

/* May going from what was installed to wanted have shut what was open? False only where sets have
 * grown, and these only let through: connections need not be asked again then. */
bool may_shut(const struct installed *before, const struct wanted *wanted,
              const struct apply_report *report);
