#pragma once

#include <sys/socket.h>

#include "base/err.h"
#include "base/ip.h"

/* The prober's sockets, each in the network namespace that the thread is in when it is made, where
 * it stays. All are non-blocking and closed on exec; descriptors, or -1. */

/* Accepts TCP, receives UDP; SCTP is a raw socket that sees all of the address's packets, and port
 * does not count. */
int socket_serve(enum protocol protocol, const struct ip *ip, uint16_t port, struct err *err);
/* Bound to the source, with `port` as its port or (ICMP) its echo's identifier. errno is EADDRINUSE
 * where that is taken. */
int socket_client(enum protocol protocol, const struct ip *ip, uint16_t port, struct err *err);
/* Connects, and sends `nonce` unless it is TCP. 0 where it is on its way, else an errno. */
int socket_send(int fd, enum protocol protocol, const struct ip *ip, uint16_t port, uint64_t nonce);
/* What came of it: 0 where it got through, else an errno; EAGAIN where that is not known yet. */
int socket_result(int fd, enum protocol protocol, uint64_t nonce);
/* Closes without any state left behind: TCP resets. */
void socket_drop(int fd);

socklen_t socket_address(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret);
struct ip socket_address_ip(const struct sockaddr *address); /* of IPv4 or IPv6 */
