#pragma once

#include "compile/compiler.h"

/* The ipBlocks of one rule, of one family, as the elements of one hash:net set.
 *
 * A hash:net answers by the longest prefix that holds the address: a member says yes, a nomatch
 * says no. So any union of blocks with their excepts is one set: each prefix that is named anywhere
 * says whether addresses that no longer prefix holds are in. An except thereby cuts its own block
 * only; where a sibling block allows the same addresses, the prefix says yes.
 *
 * A hash:net cannot hold /0, which is given as its two halves. Sorted; empty where the rule has no
 * block of this family. */

struct block_elements {
        VEC(struct set_element) list;
};

struct block_elements blocks_elements(struct arena *arena, const struct policy_rule *rule,
                                      enum family family);
/* Every address of the family? */
bool blocks_are_everything(const struct block_elements *elements);
