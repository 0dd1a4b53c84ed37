#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

/* What nf_tables itself says that it holds in this network namespace, of any program: chains, and
 * what their rules are made of. Not what the rules mean; enough to notice that a tool shows less
 * than there is, and whose rules there are besides. */

/* A part of a rule: a test or an action. Those that only carry values (cmp, bitwise, range,
 * counter) are left out. */
struct nftables_part {
        const char *name;      /* "meta", "payload", "match", "target", "verdict", "limit", … */
        const char *extension; /* of match and target: of which xtables extension; else NULL */
        uint32_t key;          /* meta: NFT_META_…; payload: NFT_PAYLOAD_…_HEADER */
        uint32_t offset;       /* payload: of the first byte */
        bool sets;             /* meta, payload: it writes, and does not test */
        int verdict;           /* NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, NFT_RETURN, … */
        const char *chain;     /* of a jump or goto; else NULL */
};

struct nftables_rule {
        VEC(struct nftables_part) parts;
};

struct nftables_chain {
        uint8_t family; /* NFPROTO_… */
        const char *table, *name;
        bool is_base;     /* it hangs on a hook */
        unsigned hook;    /* NF_INET_…; of netdev, arp and bridge their own */
        int policy;       /* NF_ACCEPT, NF_DROP */
        const char *type; /* "filter", "nat", "route" */
        VEC(struct nftables_rule) rules;
};

struct nftables_table {
        uint8_t family;
        const char *name;
        bool dormant; /* its chains are off their hooks, whatever they hold */
};

struct nftables {
        VEC(struct nftables_table) tables;
        VEC(struct nftables_chain) chains;
        bool changed; /* something was changed meanwhile: this is no state that ever was */
};

/* Everything lives in arena. Nothing where the kernel has no nf_tables. -1 with errno EPERM where
 * the caller may not look (CAP_NET_ADMIN). */
int nftables_read(struct arena *arena, struct nftables *ret, struct err *err);
