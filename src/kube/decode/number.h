#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The text of a number of JSON or YAML as an integer, exactly. 80, 80.0 and 8e1 are one number, as
 * they are to kubectl, which sends 80 for each of them. False where it is none of 32 bits. */
bool number_int32(const char *text, int32_t *ret);
