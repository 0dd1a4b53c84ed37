#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "netlink/ipset_sizes.h"
#include "netlink/nftables.h"
#include "rules/ruleset.h"

/* What iptables-nft-save shows, held against what nf_tables itself says that it holds. A tool that
 * is older than the one that wrote a rule may show it without a match that it doesn't know: a rule
 * of other packets than the kernel's. */

/* -1 where they differ: err names table, chain, rule, and what is not shown. text: of both
 * families, as read. */
int nftables_agree(const struct nftables *held, const struct ruleset *text, struct err *err);

/* A line for each table that hangs on a hook beside iptables' and may drop packets: nftables' own
 * language, which nothing here reads. */
void nftables_note_others(const struct nftables *held, struct strbuf *notes);

/* Has it a table of iptables-nft's? */
bool nftables_has_iptables(const struct nftables *held);

/* What ipset save shows, held against what the kernel counts: a text that ends too early is still a
 * text. sets: as read. -1 where they differ, be it that a set has changed meanwhile. */
int ipset_agree(const struct ipset_sizes *held, const struct ruleset *sets, struct err *err);
