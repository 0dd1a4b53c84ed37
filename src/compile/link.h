#pragma once

#include "compile/compiler.h"

/* Addresses that mean no pod, and reach pods all the same where these share a link: link-local
 * ones, that each pod has besides its own, and those of many at once. Only bridged packets have
 * them in FORWARD; which pods they reach nobody can tell, so they are denied where any pod of the
 * node is isolated. Of broadcasts and multicasts only those of pods: a bridge may carry others'
 * too. */

/* The set of all local pods' addresses, which the rules need. */
void link_add_set(struct compiler *compiler, enum family family);
/* In FORWARD's own chain: the tree of egress is INPUT's too, where a node meets its links. */
void link_add_sources(struct compiler *compiler, struct chain *chain, enum family family);
/* At the end of a chain of the tree of ingress, where only packets come that are to no isolated
 * pod: the others pay nothing. */
void link_add_destinations(struct compiler *compiler, struct chain *chain, enum family family);
