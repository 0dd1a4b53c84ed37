#pragma once

#include <stddef.h>

/* The only callers of malloc. Out of memory ends the process: a half-built ruleset is worth
 * nothing, and what the kernel enforces stays as it is. */
void *memory_alloc(size_t size) __attribute__((returns_nonnull)); /* zeroed */
void *memory_alloc_raw(size_t size) __attribute__((returns_nonnull));
void *memory_grow(void *old, size_t size) __attribute__((returns_nonnull));
_Noreturn void memory_exhausted(size_t wanted);
