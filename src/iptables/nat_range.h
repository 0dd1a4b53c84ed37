#pragma once

#include "base/strbuf.h"
#include "rules/ruleset.h"

/* What a connection's addresses and ports become, as DNAT, SNAT, REDIRECT and MASQUERADE say it. */

/* "10.0.0.1-10.0.0.5:80-90", "[fd00::1]:80", ":80"; false too where ports are shifted
 * ("80-90/5"). */
bool nat_parse(const char *text, enum family family, struct nat *ret);
void nat_print(const struct nat *nat, struct strbuf *out);
/* "80", "80-90" */
bool nat_ports_parse(const char *text, struct nat *ret);
void nat_ports_print(struct port_range ports, struct strbuf *out);
/* "10.0.0.1-10.0.0.9" of length bytes, in whichever order; one address alone is a range, too. */
bool ip_range_parse(const char *text, size_t length, enum family family, struct ip *ret_first,
                    struct ip *ret_last);
