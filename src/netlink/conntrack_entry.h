#pragma once

#include <libmnl/libmnl.h>

#include "base/arena.h"
#include "policy/verdict.h"

/* One entry. The attributes lie in the message it was read from. */
struct connection {
        struct packet packet;
        uint16_t source_port;
        uint8_t family; /* AF_INET, AF_INET6 */
        bool answered, over;
        const struct nlattr *reply, *id;
        const struct nlattr *zone, *master; /* NULL where absent */
};

/* False where it is none that policies speak of. */
bool conntrack_read(const struct nlmsghdr *message, struct connection *ret);
/* The same with its attributes in arena, so that it outlives the message. */
struct connection conntrack_hold(struct arena *arena, const struct connection *connection);
