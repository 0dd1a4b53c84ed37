#pragma once

#include "base/err.h"
#include "base/strbuf.h"

/* All of a small file, appended; -1 where it cannot be read, or is larger than FILE_MAX. */
#define FILE_MAX (4u << 20)
int file_read(const char *path, struct strbuf *ret, struct err *err);
