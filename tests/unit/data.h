#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

/* The text of a file of tests/data, of at most a megabyte. */
static inline const char *data_text(struct arena *arena, const char *name)
{
        const char *path = arena_printf(arena, "%s/tests/data/%s", getenv("PENSTOCK_SOURCE"), name);
        FILE *file = fopen(path, "r");
        char *text = arena_alloc(arena, 1 << 20);

        if (!file)
                fail_msg("%s", path);
        assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
        fclose(file);
        return text;
}
