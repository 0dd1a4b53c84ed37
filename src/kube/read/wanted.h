#pragma once

#include <stdbool.h>

/* Which members of a map are read; the others are passed over without making values of them. A
 * table of rows, ended by one without a key, for each map; a list's table is of the maps in it. */

#define WANTED_OTHERS "*" /* all that no row before it names */

struct wanted {
        const char *key;
        const struct wanted *members; /* of what it holds; NULL: all */
        bool skipped;                 /* this one is not, where others are */
};

/* NULL: the member is not wanted. */
const struct wanted *wanted_find(const struct wanted *members, const char *key);
