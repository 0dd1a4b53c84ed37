#pragma once

#include "base/json_print.h"
#include "policy/verdict.h"

/* What a verdict is made of, as explain prints it: which policies isolate each end, which of their
 * rules allow. */

/* "  ingress of shop/web: allowed by", and the rules with the place where each is written. */
void verdict_print_side(const struct side *side, enum direction direction, const char *name);
/* "egress" and "ingress": {"isolated": BOOL, "exempt": TEXT|null,
 *  "allowedBy": [{"policy": "NAMESPACE/NAME", "rule": N}…], "policies": ["NAMESPACE/NAME"…]} */
void verdict_json(struct json_print *json, const struct verdict *verdict);
