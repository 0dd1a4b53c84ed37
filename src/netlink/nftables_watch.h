#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Tells when anyone changes nf_tables' rules in this network namespace. ipset and xtables (legacy)
 * tell nobody of their changes. */
struct nftables_watch;

/* NULL on failure. */
struct nftables_watch *nftables_watch_open(struct err *err);
void nftables_watch_close(struct nftables_watch *watch); /* NULL is allowed */
void nftables_watch_closep(struct nftables_watch **watch);
#define _cleanup_nftables_watch_ __attribute__((cleanup(nftables_watch_closep)))

int nftables_watch_descriptor(const struct nftables_watch *watch); /* to be polled for reading */
/* Takes all that is pending, without waiting; says whether there was anything, be it that there was
 * too much. */
bool nftables_watch_drain(struct nftables_watch *watch);
