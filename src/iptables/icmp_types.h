#pragma once

#include "iptables/arguments.h"

/* ICMP types as iptables has them: "8", "3/1", "echo-request". The names are read, numbers are
 * printed, as iptables-save does. (ipset has names of its own: protocols.h.) */

/* Into ret->icmp; the rule's family says which ICMP. False where there is no such type. */
bool icmp_type_read(struct reading *reading, const struct word *argument, struct match *ret);
void icmp_type_print(const struct match *match, struct strbuf *out);
