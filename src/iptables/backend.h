#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/ip.h"

/* Which iptables the node's rules live in: two kernel interfaces that do not see each other's
 * rules. Choosing the other one would enforce policies beside, not among, kube-proxy's rules. */
enum flavour { FLAVOUR_NFT, FLAVOUR_LEGACY };
#define FLAVOURS 2

const char *flavour_name(enum flavour flavour);          /* "iptables-nft", "iptables-legacy" */
bool flavour_parse(const char *name, enum flavour *ret); /* also "nft", "legacy" */

/* What holds penstock's own chains first, then what holds kubelet's hint (KUBE-IPTABLES-HINT,
 * KUBE-KUBELET-CANARY in mangle), then what holds more rules, then what plain `iptables` is.
 * Fails where no usable iptables is installed, or one doesn't show what it holds. */
int flavour_detect(enum flavour *ret, struct err *err);
/* "iptables-nft-save" and the like: tool is "save", "restore" or "". Static text. */
const char *flavour_tool(enum flavour flavour, enum family family, const char *tool);
/* Has iptables-legacy this table in this network namespace (NULL: any)? Asking the tool would load
 * it, with its hooks, for good. */
bool legacy_has_table(enum family family, const char *table);
