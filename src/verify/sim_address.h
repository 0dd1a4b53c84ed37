#pragma once

#include "verify/simulate.h"

/* What the node's routes say of an address, as xt_addrtype asks them. limited: only of one link
 * (--limit-iface-in, -out), of which nothing is known here. node may be NULL. */
enum truth sim_address_is_of_type(const struct sim_node *node, const struct ip *ip, uint32_t types,
                                  bool limited);
/* Does a packet to it end at this node? */
enum truth sim_address_is_local(const struct sim_node *node, const struct ip *ip);
