#pragma once

#include "verify/difference/difference.h"
#include "verify/difference/ends.h"

/* What a person calls a set of ends, an asterisk standing for the rest of a name:
 *
 *     anywhere             every pod and every address, of the families that are meant
 *     every pod, outside   one of the two
 *     shop, slash, *       all pods of the namespace
 *     shop/backend-*       all pods with the labels of these; no other pod of shop is called so
 *     shop/app=backend     the same, where their names have nothing in common
 *     shop/backend-7x2     one pod
 *     10.0.0.0/8 except 10.1.0.0/16
 *     10.0.0.0-10.0.2.255
 *     192.0.2.1 (node/n1)
 *
 * Pods that have no family with the other end are not missed. */
struct names;

struct names *names_new(const struct ends *ends); /* in the arena of the ends */
/* Sets group->names: of the ends that are in it; other is the other end of the change. */
void names_give(struct names *names, const bits_word *in, const bits_word *other,
                const bool families[FAMILIES], struct group *group);
