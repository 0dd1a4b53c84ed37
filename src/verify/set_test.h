#pragma once

#include "verify/simulate.h"

/* Is the packet in the set, as the kernel's ip_set_test() has it? Of every kind of set: hash:net's
 * longest prefix decides (nomatch), …,port takes the packet's protocol and port (of ICMP type and
 * code), …,iface the interface, list:set its members in turn. A set that is absent, of an unknown
 * kind, not plain, or a match with more options is UNKNOWN; so is what depends on a field that the
 * packet does not have (a MAC). */
enum truth set_test(const struct ruleset *sets, const struct match *match,
                    const struct sim_packet *packet);
