#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/* One change. Those of a transaction come one after the other, and then its end. */
enum nftables_object { NFTABLES_TABLE, NFTABLES_CHAIN, NFTABLES_RULE, NFTABLES_END };
struct nftables_event {
        enum nftables_object object;
        bool removed;
        bool created; /* chains: it is new; else it got another name or policy */
        /* Rules that came: nothing stands above it. Kernels before 5.15 don't say where one
         * stands; then true, in doubt. */
        bool on_top;
        uint8_t family;       /* NFPROTO_… */
        const char *table;    /* "" where it is none of these three */
        const char *chain;    /* of chains and rules; else "" */
        const char *leads_to; /* the chain that a rule jumps or goes to; NULL where to none */
        uint32_t generation;  /* at the end: of the rules, with this transaction */
        uint32_t sender;      /* its port of netlink: a tool's is its process's number, as its
                               * parent knows it, unless that is taken */
};
/* Takes all that is pending, without waiting, and tells of each change; texts live until each()
 * returns. False where some were lost. */
bool nftables_watch_listen(struct nftables_watch *watch,
                           void (*each)(const struct nftables_event *event, void *data),
                           void *data);
