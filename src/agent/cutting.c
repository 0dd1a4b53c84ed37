#include "agent/cutting.h"

#include <stdlib.h>

#include "base/memory.h"

enum stage {
        STAGE_NONE, /* nobody waits but those that are gathered */
        STAGE_BARRIER,
        STAGE_ASKING,
};

struct cutting {
        struct generation gathered, waiting;
        enum stage stage; /* of those that wait */
        bool in_force;
};

static struct generation generation_new(void)
{
        return (struct generation){.touched = {.arena = arena_new()}};
}

struct cutting *cutting_new(void)
{
        struct cutting *cutting = memory_alloc(sizeof(*cutting));

        cutting->gathered = generation_new();
        cutting->gathered.owed = true;
        cutting_shut(cutting, true, true);
        return cutting;
}

void cutting_free(struct cutting *cutting)
{
        if (!cutting)
                return;
        arena_free(cutting->gathered.touched.arena);
        arena_free(cutting->waiting.touched.arena);
        free(cutting);
}

struct touched *cutting_touched(struct cutting *cutting)
{
        return &cutting->gathered.touched;
}

void cutting_shut(struct cutting *cutting, bool may_have, bool for_anybody)
{
        cutting->gathered.may_have_shut |= may_have;
        cutting->gathered.touched.everybody |= for_anybody;
}

void cutting_in_force(struct cutting *cutting, bool in_force)
{
        cutting->in_force = in_force;
        cutting->gathered.owed |= !in_force;
}

/* What only let more through is nobody's concern. */
static void forget_gathered(struct cutting *cutting)
{
        arena_free(cutting->gathered.touched.arena);
        cutting->gathered = generation_new();
}

bool cutting_begins(struct cutting *cutting, double now)
{
        struct generation *gathered = &cutting->gathered;

        if (!cutting->in_force)
                return false;
        if (!gathered->may_have_shut) {
                forget_gathered(cutting);
                return false;
        }
        if (gathered->since == 0)
                gathered->since = now;
        if (cutting->stage != STAGE_NONE)
                return false;
        cutting->waiting = *gathered;
        cutting->gathered = generation_new();
        cutting->stage = STAGE_BARRIER;
        return true;
}

void cutting_barrier_over(struct cutting *cutting)
{
        cutting->stage = STAGE_ASKING;
}

const struct generation *cutting_asks(const struct cutting *cutting)
{
        return cutting->stage == STAGE_ASKING && cutting->in_force ? &cutting->waiting : NULL;
}

void cutting_asked(struct cutting *cutting, bool done)
{
        if (!done) {
                cutting->waiting.owed = true;
                return;
        }
        arena_free(cutting->waiting.touched.arena);
        cutting->waiting = (struct generation){0};
        cutting->stage = STAGE_NONE;
}

bool cutting_owes(const struct cutting *cutting)
{
        return cutting->gathered.owed || cutting->waiting.owed;
}
