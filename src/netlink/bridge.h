#pragma once

#include <net/if.h>

#include "base/err.h"
#include "base/ip.h"

/* Two pods behind one bridge reach each other without being routed: iptables sees them only where
 * br_netfilter is loaded and net.bridge.bridge-nf-call-iptables (and -ip6tables) is 1 in this
 * network namespace. A pod is behind a bridge where the route to it says so; where none leads to it
 * directly, any bridge that is up may be the one. Bridges without pods of ours are nobody's
 * business here. */

struct bridge_report {
        char bridge[IFNAMSIZ]; /* one that has pods behind it; "" where there is none */
        bool wanted[FAMILIES]; /* the setting was off, and is on now; with only_look it would be */
};

const char *bridge_setting(enum family family); /* "net.bridge.bridge-nf-call-iptables" */

/* Sees to it that what passes between these addresses passes iptables. -1 where that cannot be had:
 * err says why and what would mend it. only_look changes nothing. */
int bridge_filter(const struct ip *pods, size_t n, bool only_look, struct bridge_report *ret,
                  struct err *err);
