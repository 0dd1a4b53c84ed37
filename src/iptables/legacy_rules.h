#pragma once

#include <linux/netfilter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "rules/ruleset.h"

/* The rules of one table of iptables-legacy, found in the bytes in which the kernel gives them out
 * (IPT_SO_GET_ENTRIES, IP6T_SO_GET_ENTRIES). Pure: legacy_table.h asks the kernel. The layout is
 * that of linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h,
 * linux/netfilter/x_tables.h:
 *
 *     rules of INPUT, its policy     a built-in chain begins at its hook_entry, and its policy, the
 *     rules of FORWARD, its policy   last entry of it, is at its underflow
 *     ERROR "KUBE-FORWARD"           a head: a chain of this name begins behind it
 *     its rules, RETURN              the RETURN is no rule but the chain's end
 *     …
 *     ERROR "ERROR"                  the table's end
 *
 * Each entry has a header (addresses, interfaces, protocol, its own size, where its target begins,
 * counters), then matches, then a target. A target without a name has a verdict: a negative one
 * ends the chain or the packet's way, another is the place in the table where to go on, which is
 * behind a chain's head, or the next entry where the rule has no target.
 *
 * The bytes are of this process' own word size: the kernel translates for one of 32 bits. */

/* As the kernel says (ipt_getinfo), and the bytes. */
struct legacy_bytes {
        enum family family;
        uint32_t valid_hooks; /* a bit for each built-in chain that the table has */
        uint32_t hook_entry[NF_INET_NUMHOOKS], underflow[NF_INET_NUMHOOKS];
        uint32_t n_entries;
        const uint8_t *bytes;
        size_t size;
};

struct legacy_rule {
        const char *leads_to; /* the chain that it jumps or goes to; NULL where it does not */
        int32_t verdict;      /* where it has one and leads nowhere: negative, or 0 for no target */
        struct counters counters;
        enum family family;
        const uint8_t *entry;
        uint16_t target, size; /* where the target begins in the entry; how long all is */
};

struct legacy_chain {
        const char *name;
        bool builtin;
        uint32_t begins; /* in the table: what a jump to it says */
        const struct legacy_rule *rules;
        size_t n_rules;
};

/* In the order in which the table has them. */
struct legacy_rules {
        VEC(struct legacy_chain) chains;
};

/* Arrays live in arena, names and entries are where bytes are. Whatever the bytes are, nothing
 * outside them is read: -1 where they are no table, or not one of n_entries. */
int legacy_rules_parse(struct arena *arena, const struct legacy_bytes *bytes,
                       struct legacy_rules *ret, struct err *err);

/* A number for all that the rule says, without what it has counted and where in the table it and
 * the chain are that it leads to: the same for equal rules, in this process; another one, but for
 * a chance of 2⁻⁶⁴, for others. */
uint64_t legacy_rule_print(const struct legacy_rule *rule);
