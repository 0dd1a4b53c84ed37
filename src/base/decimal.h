#pragma once

#include <stddef.h>

/* A number as decimal text, twenty times as fast as snprintf() writes it. Returns the end, where a
 * NUL is. */
#define DECIMAL_SIZE 21
char *decimal_put(char *text, size_t number);
