#pragma once

#include <stdint.h>

/* How long to wait before a failed request is made again: twice as long after each failure, up to a
 * maximum, and never the same for two nodes: what failed for one failed for a thousand. */

struct delay {
        uint64_t *random; /* the generator's state, shared */
        double first, most;
        unsigned failures;
};

double delay_next(struct delay *delay); /* seconds, of one failure more */
void delay_reset(struct delay *delay);
/* Somewhere in low … high. */
double delay_random(uint64_t *random, double low, double high);
