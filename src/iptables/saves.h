#pragma once

#include <stdbool.h>

#include "iptables/backend.h"
#include "iptables/tool.h"

/* What all the tools show at one time: iptables-save of both flavours and families, run side by
 * side, and last ipset save. */

#define MAX_SAVES (FLAVOURS * FAMILIES + 1)

struct saves {
        struct tool_run runs[MAX_SAVES];
        enum flavour flavours[MAX_SAVES]; /* FLAVOURS: ipset's */
        enum family families[MAX_SAVES];
        size_t n;
        /* IPv6 is not, where the kernel has none: no packet of it either. */
        bool has_family[FAMILIES];
};

/* table: only that one; NULL: all. What legacy has not loaded is not asked for. Failures are in the
 * runs; saves_done() releases in any case. */
void saves_run(const char *table, struct saves *ret);
void saves_done(struct saves *saves);
#define _cleanup_saves_ __attribute__((cleanup(saves_done)))

/* Did it fail because this flavour is not there: no tool, or no nf_tables in the kernel? */
bool save_is_absent(const struct saves *saves, size_t i);

/* iptables-nft-save asks the kernel many times; where rules change between two answers it shows
 * chains twice, or those of one state with rules of another. Calls read() again until nothing
 * changed meanwhile. */
int read_settled(int (*read)(void *data, struct err *err), void *data, struct err *err);
