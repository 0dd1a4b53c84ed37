#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void memory_exhausted(size_t wanted)
{
        fprintf(stderr, "penstock: out of memory (%zu bytes wanted)\n", wanted);
        exit(3);
}

void *memory_alloc_raw(size_t size)
{
        void *memory = malloc(size ? size : 1);

        if (!memory)
                memory_exhausted(size);
        return memory;
}

void *memory_alloc(size_t size)
{
        void *memory = calloc(1, size ? size : 1);

        if (!memory)
                memory_exhausted(size);
        return memory;
}

void *memory_grow(void *old, size_t size)
{
        void *memory = realloc(old, size ? size : 1);

        if (!memory)
                memory_exhausted(size);
        return memory;
}
