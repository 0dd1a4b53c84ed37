#pragma once

#include <sys/types.h>

#include "iptables/apply.h"
#include "netlink/nftables_watch.h"

/* Notices where others change what is penstock's among nf_tables' rules, by what the kernel tells
 * of each transaction. penstock's own are told apart by who sent them; kube-proxy's rules are
 * nobody's business here, however many they are. */
struct others {
        struct nftables_watch *watch; /* NULL where the kernel tells nothing */
        bool doubt;                   /* they have changed something, or may have */
        uint32_t known;               /* generation of the rules: up to it all is known */
        uint32_t until;               /* penstock's own transactions are not later than this */
        pid_t own[APPLY_MAX_SENDERS]; /* and are these processes', one each */
        size_t n_own;
        /* While it is told. */
        const struct ruleset *installed;
        bool touched;
};

void others_begin(struct others *others);
void others_end(struct others *others);
/* All is about to be read: what was told until now has no more to say. Doubt until it was read. */
int others_before_reading(struct others *others, struct err *err);
/* penstock has changed rules. */
int others_expect_own(struct others *others, const struct apply_report *report, struct err *err);
/* Takes what is told. installed: nf_tables' rules as remembered. */
void others_hear(struct others *others, const struct ruleset *installed);
