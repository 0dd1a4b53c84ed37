#pragma once

#include <stdint.h>

#include "base/ip.h"
#include "netlink/netlink.h"

/* Links, and what hangs on them: addresses, routes and fixed neighbours. Interfaces are named by
 * index, which the caller chooses when a pair is made: nothing has to be looked up. What is there
 * already is replaced, so that doing it twice is doing it once. */

#define LINK_LOOPBACK 1 /* the index of lo in every network namespace */

struct link_end {
        int netns;        /* descriptor of the namespace it lives in */
        const char *name; /* 15 characters at most */
        int index;        /* free in that namespace */
        uint8_t mac[6];
};

/* A veth pair; both ends are down. */
int link_add_pair(struct netlink *netlink, const struct link_end *end, const struct link_end *peer,
                  struct err *err);
int link_up(struct netlink *netlink, int index, struct err *err);

/* /32 or /128, in use at once: duplicates are not looked for (IPv6 would wait for that). */
int link_add_address(struct netlink *netlink, int index, const struct ip *ip, struct err *err);
/* To everything in prefix by way of a gateway on that link, reachable or not by other routes.
 * source: the address that local packets get, or NULL. */
int link_add_route(struct netlink *netlink, int index, const struct prefix *prefix,
                   const struct ip *gateway, const struct ip *source, struct err *err);
/* Fixes an address's MAC, so that nobody has to ask for it. */
int link_add_neighbour(struct netlink *netlink, int index, const struct ip *ip,
                       const uint8_t mac[6], struct err *err);
