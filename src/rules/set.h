#pragma once

#include "rules/ruleset.h"

/* One set's part of ruleset_finish(). */
void set_finish(struct arena *arena, struct set *set);
