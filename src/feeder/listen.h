#pragma once

#include "base/err.h"

/* A TCP socket that listens at "127.0.0.1:9469", "[::1]:9469" or ":9469" (every address of both
 * families), not blocking, closed on exec. Names are not resolved: where to listen must not depend
 * on who answers. Port 0 is any. */
int listen_at(const char *address, struct err *err);
