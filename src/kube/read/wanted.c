#include "kube/read/wanted.h"

#include <stddef.h>
#include <string.h>

const struct wanted *wanted_find(const struct wanted *members, const char *key)
{
        for (const struct wanted *row = members; row->key; row++)
                if (strcmp(row->key, key) == 0 || strcmp(row->key, WANTED_OTHERS) == 0)
                        return row->skipped ? NULL : row;
        return NULL;
}
