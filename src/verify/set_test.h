#pragma once

#include "verify/simulate.h"

/* Is the packet in the set, as the kernel's ip_set_test() has it? The match's inversion is the
 * caller's affair. The sets are finished.
 *
 * Of every kind of set. hash:net's longest prefix decides, be it a member or a nomatch; with two
 * nets the longest first one does, and the longest second one beside it. …,port takes the packet's
 * protocol and port, of ICMP type and code, of a protocol that has neither 0 (UDPLITE's ports are
 * looked for in the packet's port fields); bitmap:port asks TCP and UDP alone. …,iface takes the
 * interface that the packet came or goes by; the kernel looks at no element behind the longest net,
 * be its interface another one. list:set asks its members in turn. A match that names fewer ends
 * than the set has dimensions is never true, as is a set of the other family.
 *
 * UNKNOWN: a set that is absent or of an unknown kind, a match with options that ask more than
 * --return-nomatch, and what hangs on a MAC, which no packet here has.
 *
 * An element with a timeout is a member here: it was one when the sets were read. set->plain says
 * that there is none. */
enum truth set_test(const struct ruleset *sets, const struct match *match,
                    const struct sim_packet *packet);
