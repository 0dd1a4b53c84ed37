#pragma once

#include "iptables/arguments.h"

/* Ports and ranges of them, as the options of tcp, udp, sctp and multiport have them: "80",
 * "80:90", "80,443,8000:". A command may name a service ("http"); numbers are printed. */

/* Into ret->ports, in the arena of what is read. */
bool match_port_read(struct reading *reading, const struct word *argument, struct match *ret);
bool match_ports_read(struct reading *reading, const struct word *argument, struct match *ret);
void match_ports_print(const struct match *match, struct strbuf *out);
