#pragma once

#include "lab/plan.h"

/* A lab in the kernel: a plan's network namespaces, wired as network plugins wire pods.
 *
 *     pod eth0 ── podN node eth0 ── nodeN fabric outside ── eth0 outside
 *
 * Everything is routed: addresses are /32 and /128, a pod's and a node's default gateways are
 * 169.254.1.1 and fe80::1 on a veth pair whose MACs are fixed on both sides, so that nothing is
 * ever asked for or waited for. A packet between pods of one node passes FORWARD of that node;
 * between nodes, of both; a pod's own node passes INPUT and OUTPUT. No address is rewritten. */

struct lab_progress {
        void (*report)(size_t done, size_t total, void *data); /* NULL where nobody listens */
        void *data;
};

/* A failure or a signal (SIGINT, SIGTERM) half-way removes what was made. LAB_EXISTS where one of
 * that name exists, or a part of one; nothing is changed then. */
int lab_up(const struct lab_plan *plan, struct lab_progress progress, struct err *err);
#define LAB_EXISTS (-2)
/* Removes every namespace of this lab, and what is left of one that was being made. */
int lab_down(const char *lab, size_t *ret_removed, struct err *err);
bool lab_exists(const char *lab);

/* Adds the plan's addresses outside to a lab that exists: policies may have come since. */
int lab_add_outside(const struct lab_plan *plan, struct err *err);
