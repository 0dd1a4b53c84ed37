#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/vec.h"

/* The addresses of this network namespace, both families, of all its links: what is not sent on. */
struct local_addresses {
        VEC(struct ip) list; /* sorted */
};

int local_addresses_read(struct arena *arena, struct local_addresses *ret, struct err *err);
bool local_addresses_contain(const struct local_addresses *addresses, const struct ip *ip);

/* What its routes call broadcast addresses (IPv4's). *ret_whole: addresses alone say what is local;
 * no route makes a whole net the node's own, but 127.0.0.0/8. */
int local_broadcasts_read(struct arena *arena, struct local_addresses *ret, bool *ret_whole,
                          struct err *err);
