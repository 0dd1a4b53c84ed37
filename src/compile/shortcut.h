#pragma once

#include "compile/classes.h"

#define SHORTCUT_COMMENT "penstock: at once what the rules below allow"

/* A class's policy rules in one look: a set of the pairs (peer, port) that they allow, and one of
 * the peers of those that name no port, asked before all of them. What it allows some rule below it
 * allows, too, so that it never decides anything; it only spares the walk. The rules stay as they
 * are, for what does not fit, and for people.
 *
 * To be called when the chain holds the class's policy rules and nothing else. Adds nothing where
 * few of them would be spared. Whether there is a shortcut depends on the policies only: pods that
 * come and go are elements. */
void shortcut_compile(struct compiler *compiler, struct table *table, struct chain *chain,
                      const struct class *class);

/* In a ruleset that was read back: the packets that shortcuts let through, to the first rule that
 * would have. */
void shortcut_spread(struct ruleset *ruleset);
