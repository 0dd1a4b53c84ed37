#pragma once

#include "compile/classes.h"

/* From a packet's address to its pod's class: a tree of chains over the addresses, each a goto on a
 * longer prefix. 250 pods cost as many rules as their logarithm; a list of every pod would cost 125
 * on the average. */

/* Adds chain `root` to the table; a packet whose address is no member's returns from it; of the
 * tree of ingress, where link says so, by way of link.h's rules. */
void dispatch_compile(struct compiler *compiler, struct table *table, const char *root,
                      const struct classes *classes, enum direction direction, bool link);
