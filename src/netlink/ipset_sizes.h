#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

/* The sets of this network namespace and how many elements each has, as the kernel counts them. */
struct ipset_size {
        const char *name;
        bool counted; /* some kinds are not, in some kernels */
        uint32_t elements;
};

struct ipset_sizes {
        VEC(struct ipset_size) list;
};

/* Names live in arena. Nothing where the kernel has no ipset. */
int ipset_sizes_read(struct arena *arena, struct ipset_sizes *ret, struct err *err);
