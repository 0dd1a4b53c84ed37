#pragma once

#include <stdint.h>

#include "base/err.h"

/* The number of the rules that nf_tables holds in this network namespace: another one after any
 * change of them, of any family and by any program. 0 where the kernel has no nf_tables, or doesn't
 * say it to this user. */
int nftables_generation(uint32_t *ret, struct err *err);
