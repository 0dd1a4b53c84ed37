#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ip.h"

/* Which objects of a list claim which address: a table over addresses that holds places in the
 * list. Several may claim one address. What is found may also be another address' claimant, as only
 * hashes are kept: whoever asks looks. Memory is an arena's. */

struct claim {
        uint32_t hash;
        uint32_t place; /* + 1; 0: the slot is empty */
};

struct claims {
        struct arena *arena;
        struct claim *slots;
        size_t n_slots, n; /* a power of two; claims in them */
};

struct claims claims_in(struct arena *arena);
void claims_add(struct claims *claims, const struct ip *ip, size_t place);
void claims_drop(struct claims *claims, const struct ip *ip, size_t place); /* it is there */
/* The list has a new place, and what was there and behind it moved on; or lost it. */
void claims_open(struct claims *claims, size_t place);
void claims_close(struct claims *claims, size_t place);

/* Claimants of an address, one after the other, in no order. */
struct claimants {
        const struct claims *claims;
        uint32_t hash;
        size_t slot;
};
struct claimants claimants_of(const struct claims *claims, const struct ip *ip);
bool claimants_next(struct claimants *claimants, size_t *ret_place);
