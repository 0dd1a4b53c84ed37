#pragma once

#include "iptables/grammar.h"

/* The targets of iptables' extensions, a row for each: what becomes of the packet, and its options.
 * A new target is a new row.
 *
 * A target may change what later rules see. Of what the model of a packet has:
 * - its mark and its connection's, its addresses, ports and state: TARGET_MARK, TARGET_CONNMARK,
 *   TARGET_DNAT and its kin, TARGET_NOTRACK say how;
 * - its hop limit (TTL, HL), what a set holds (SET), its mark in another way (HMARK): nothing is
 *   said of a packet that came there, it is TARGET_BEYOND.
 * Of what only matches beyond the model see (DSCP, TOS, the MSS) the packet goes on, aside: those
 * matches are three-valued anyway. A conntrack zone (CT --zone) says which connection a packet is
 * part of, hence what its state will be; who asks about a packet says its state, so it goes on. */

/* [first, …) are the words behind "-j". False where no row understands them. */
bool target_parse(const struct reading *reading, const struct words *words, size_t first,
                  struct target *ret);
bool target_is_known(const char *name);
/* What the target calls the option that begins so; NULL. *ret_arguments: how many it has. */
const char *target_option(enum family family, const char *target, const char *name,
                          unsigned *ret_arguments);
