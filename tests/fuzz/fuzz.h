#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One target each file: what must hold for whatever bytes. libFuzzer and AFL++ call it with what
 * they make up, replay.c with the files of tests/fuzz/corpus. What does not hold ends the process.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                            \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: %s: does not hold: %s\n", __FILE__, __LINE__,      \
                                __func__, #condition);                                             \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
