#pragma once

#include "iptables/legacy_rules.h"

/* Asks the kernel what a table of iptables-legacy holds, all programs' rules, as iptables-legacy
 * itself does (IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES and IPv6's): 2 ms for 1,700 rules, of which its
 * -save takes 16.
 *
 * What is read is one state of the table: where it changes meanwhile it is read again. A table that
 * is not loaded has no chains, and is not loaded by asking. Needs CAP_NET_ADMIN in the network
 * namespace's user namespace, and CAP_NET_RAW. Everything lives in arena. */

#define LEGACY_TABLE_MAX ((uint32_t)256 << 20) /* bytes; more is an error */

int legacy_table_read(struct arena *arena, enum family family, const char *table,
                      struct legacy_rules *ret, struct err *err);
