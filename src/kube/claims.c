#include "kube/claims.h"

#include <string.h>

#include "base/map.h"
#include "base/vec.h"

/* Open addressing. A table and not a sorted list, because addresses come in no order: ten thousand
 * pods that are listed would each move half of what is there. */

#define FEWEST_SLOTS 16

static uint32_t hash_of(const struct ip *ip)
{
        return (uint32_t)map_hash(ip, sizeof(*ip));
}

static size_t slot_after(const struct claims *claims, size_t slot)
{
        return (slot + 1) & (claims->n_slots - 1);
}

static size_t home_of(const struct claims *claims, uint32_t hash)
{
        return hash & (claims->n_slots - 1);
}

struct claims claims_in(struct arena *arena)
{
        return (struct claims){
            .arena = arena,
            .slots = arena_new_array(arena, struct claim, FEWEST_SLOTS),
            .n_slots = FEWEST_SLOTS,
        };
}

static void insert(struct claims *claims, struct claim claim)
{
        size_t slot = home_of(claims, claim.hash);

        while (claims->slots[slot].place)
                slot = slot_after(claims, slot);
        claims->slots[slot] = claim;
}

static void grow(struct claims *claims)
{
        struct claim *old = claims->slots;
        size_t n = claims->n_slots;

        claims->n_slots = n * 2;
        claims->slots = arena_new_array(claims->arena, struct claim, claims->n_slots);
        for (size_t i = 0; i < n; i++)
                if (old[i].place)
                        insert(claims, old[i]);
        arena_release(claims->arena, old);
}

void claims_add(struct claims *claims, const struct ip *ip, size_t place)
{
        if (++claims->n * 4 > claims->n_slots * 3)
                grow(claims);
        insert(claims, (struct claim){hash_of(ip), (uint32_t)place + 1});
}

/* What was put behind the slot because it was taken moves up, or nobody would find it. */
static void empty(struct claims *claims, size_t slot)
{
        size_t next = slot_after(claims, slot), mask = claims->n_slots - 1;

        for (; claims->slots[next].place; next = slot_after(claims, next)) {
                size_t home = home_of(claims, claims->slots[next].hash);

                if (((next - home) & mask) >= ((next - slot) & mask)) {
                        claims->slots[slot] = claims->slots[next];
                        slot = next;
                }
        }
        claims->slots[slot] = (struct claim){0};
        claims->n--;
}

void claims_drop(struct claims *claims, const struct ip *ip, size_t place)
{
        struct claimants claimants = claimants_of(claims, ip);
        size_t found;

        while (claimants_next(&claimants, &found))
                if (found == place) {
                        empty(claims, (claimants.slot - 1) & (claims->n_slots - 1));
                        return;
                }
}

void claims_open(struct claims *claims, size_t place)
{
        for (size_t i = 0; i < claims->n_slots; i++)
                claims->slots[i].place += claims->slots[i].place > place;
}

void claims_close(struct claims *claims, size_t place)
{
        for (size_t i = 0; i < claims->n_slots; i++)
                claims->slots[i].place -= claims->slots[i].place > place + 1;
}

struct claimants claimants_of(const struct claims *claims, const struct ip *ip)
{
        uint32_t hash = hash_of(ip);

        return (struct claimants){claims, hash, home_of(claims, hash)};
}

bool claimants_next(struct claimants *claimants, size_t *ret_place)
{
        const struct claims *claims = claimants->claims;

        for (;;) {
                const struct claim *claim = &claims->slots[claimants->slot];

                if (!claim->place)
                        return false;
                claimants->slot = slot_after(claims, claimants->slot);
                if (claim->hash == claimants->hash) {
                        *ret_place = claim->place - 1;
                        return true;
                }
        }
}
