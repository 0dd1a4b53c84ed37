#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink/netlink.h"

/* What a rule of nf_tables has counted. */
struct nftables_counted {
        const char *chain;    /* that it is in */
        const char *leads_to; /* the chain that it jumps or goes to; NULL where it does not */
        bool counts;          /* it has a counter */
        uint64_t packets, bytes;
};

/* Gives each rule of one chain of a table (chain NULL: of all its chains), in their order, to
 * each(). A chain that is not there has no rules. -1 with errno EINTR where rules changed
 * meanwhile: what each() was given is no state that ever was. */
int nftables_counters_read(struct netlink *netlink, uint8_t family, const char *table,
                           const char *chain,
                           void (*each)(const struct nftables_counted *rule, void *data),
                           void *data, struct err *err);

/* The chain that the rule in a message jumps or goes to, in the message; NULL where it does not. */
const char *nftables_leads_to(const struct nlmsghdr *message);
