#include "fuzz.h"

#include <string.h>

#include "kube/read/value_bytes.h"

/* Bytes of the other process: no value, or one that is written as the same bytes again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_arena_ struct arena *arena = arena_new();
        _cleanup_strbuf_ struct strbuf again = {0};
        struct value *value = value_from_bytes(arena, (const char *)data, size);

        if (!value)
                return 0;
        value_to_bytes(&again, value);
        must(again.length == size);
        must(memcmp(again.text, data, size) == 0);
        return 0;
}
