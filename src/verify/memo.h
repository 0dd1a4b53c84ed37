#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What was worked out once: from what a chain sees to what it does. Pointers in a key are compared
 * as such. */
struct memo;

struct memo_key {
        const void *point, *packet_case; /* what the chain sees of these */
        uint32_t block, mark;
        uint16_t stretch;
        bool mark_known;
        uint8_t axis;
};

struct memo *memo_new(void);
void memo_free(struct memo *memo);
const void *memo_get(const struct memo *memo, const struct memo_key *key); /* NULL: not there */
/* value is not NULL, and key is not there yet. */
void memo_put(struct memo *memo, const struct memo_key *key, const void *value);
