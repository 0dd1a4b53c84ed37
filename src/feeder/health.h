#pragma once

#include "daemon/feed.h"

/* What the agent said of itself last, and when. Times are the loop's, in milliseconds. */
struct health {
        struct feed_state state;
        bool heard; /* it has said something */
        uint64_t heard_at;
        unsigned silence_ms; /* so long it may be silent */
};

void health_hear(struct health *health, const struct feed_state *state, uint64_t now);
/* Why not; NULL where it is. */
const char *health_why_not_live(const struct health *health, uint64_t now);
const char *health_why_not_enforcing(const struct health *health, uint64_t now);
