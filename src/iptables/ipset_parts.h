#pragma once

#include "base/strbuf.h"
#include "iptables/span.h"
#include "rules/ruleset.h"

/* An element of a set but for what follows it: "10.0.0.1,tcp:80". A kind of set is a row of a table
 * of parts; a part is what stands between two commas. */

/* An element while it is read. */
struct element_reading {
        struct set *set;
        struct set_element element;
        struct set_element_more more;
        /* Still in the text that is read; the copy in more is made where it is new. */
        struct span interface, member, options;
        bool has_more;
};

/* False: it is no element of that kind of set. */
bool ipset_read_parts(struct element_reading *reading, struct span text);
void ipset_print_address(const struct set *set, const struct set_element *element,
                         struct strbuf *out);

/* An address of the family, nothing else: ::ffff:10.0.0.1 stays an IPv6 address. */
bool span_address(struct span span, enum family family, struct ip *ret);
