#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/err.h"

struct unix_address {
        struct sockaddr_un address;
        socklen_t length;
};

/* Of a path, or of "@name", which belongs to the network namespace and is no file. False where it
 * is too long. */
bool unix_address(const char *path, struct unix_address *ret);
/* A connection, and who listens at its other end: pid 0 is of another pid namespace. flags:
 * SOCK_NONBLOCK. -1 with errno: ECONNREFUSED where nobody listens any more. */
int unix_connect(const struct unix_address *address, int flags, struct ucred *ret_listener);
/* Who is at the other end. False where the kernel does not say. */
bool unix_peer(int fd, struct ucred *ret);

/* A socket at path, of root alone, that listens; its folder is made (root's alone) where it is
 * missing. One whose program is gone is replaced; of one that lives, and of any other file, an
 * error. */
int unix_listen(const char *path, struct err *err);
