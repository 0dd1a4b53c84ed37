#pragma once

#include "base/strbuf.h"
#include "policy/verdict.h"

/* Which parts of the language decided how often: a generator whose packets are nearly all denied,
 * or whose named ports never match, proves nothing. */

enum feature {
        FEATURE_ANYONE,
        FEATURE_POD_SELECTOR,
        FEATURE_NAMESPACE_SELECTOR,
        FEATURE_BOTH_SELECTORS,
        FEATURE_BLOCK,
        FEATURE_EXCEPT,
        FEATURE_ALL_PORTS,
        FEATURE_PROTOCOL_ALONE,
        FEATURE_NUMBER,
        FEATURE_RANGE,
        FEATURE_NAME_INGRESS,
        FEATURE_NAME_EGRESS,
        FEATURES
};

struct reach {
        size_t packets, allowed, open; /* open: isolated at neither end */
        size_t exempt[2];              /* itself, own node, where policy would have denied */
        size_t denied[DIRECTIONS];
        size_t allows[FEATURES];  /* a rule with it was the only one that allowed */
        size_t refuses[FEATURES]; /* a rule with it did not allow what was then denied */
};

void reach_count(struct reach *reach, const struct verdict *verdict);
void reach_print(const struct reach *reach, struct strbuf *out);
/* The name of one that never allowed or never refused; NULL where every one did both. */
const char *reach_lacking(const struct reach *reach);
