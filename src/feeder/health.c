#include "feeder/health.h"

#include <stddef.h>

void health_hear(struct health *health, const struct feed_state *state, uint64_t now)
{
        health->state = *state;
        health->heard = true;
        health->heard_at = now;
}

const char *health_why_not_live(const struct health *health, uint64_t now)
{
        if (!health->heard)
                return "the agent has not said anything yet";
        if (now - health->heard_at >= health->silence_ms)
                return "the agent has not said anything for too long";
        return health->state.live ? NULL : health->state.why;
}

const char *health_why_not_enforcing(const struct health *health, uint64_t now)
{
        const char *why = health_why_not_live(health, now);

        return why || health->state.enforcing ? why : health->state.why;
}
