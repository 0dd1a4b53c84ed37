#pragma once

#include "iptables/span.h"
#include "rules/ruleset.h"

/* One element of a set, as ipset save writes it: "10.0.0.1,tcp:80" and what follows it, "timeout 3
 * nomatch".
 *
 * The many elements of a set that say the same besides their address ("timeout 0") share it. */
struct ipset_elements {
        struct arena *arena;
        const struct set_element_more *last;
};

/* False: this element is not understood, or is none of this kind of set. */
bool ipset_read_element(struct ipset_elements *elements, struct set *set, struct span text,
                        struct span rest, struct set_element *ret);
