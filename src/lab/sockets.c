#include "lab/sockets.h"

#include <endian.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

/* What an echo request carries, and a UDP datagram's payload. The kernel fills in the identifier
 * (the socket's port) and the checksum. */
struct echo {
        uint8_t type, code;
        uint16_t checksum, identifier, sequence;
        uint64_t nonce;
} __attribute__((packed));

socklen_t socket_address(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *four = (void *)ret;
        struct sockaddr_in6 *six = (void *)ret;

        memset(ret, 0, sizeof(*ret));
        if (ip->family == FAMILY_IPV4) {
                four->sin_family = AF_INET;
                four->sin_port = htobe16(port);
                memcpy(&four->sin_addr, ip->bytes, sizeof(four->sin_addr));
                return sizeof(*four);
        }
        six->sin6_family = AF_INET6;
        six->sin6_port = htobe16(port);
        memcpy(&six->sin6_addr, ip->bytes, sizeof(six->sin6_addr));
        return sizeof(*six);
}

struct ip socket_address_ip(const struct sockaddr *address)
{
        const struct sockaddr_in *four = (const void *)address;
        const struct sockaddr_in6 *six = (const void *)address;
        struct ip ip = {.family = address->sa_family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4};

        if (ip.family == FAMILY_IPV6)
                memcpy(ip.bytes, &six->sin6_addr, sizeof(six->sin6_addr));
        else
                memcpy(ip.bytes, &four->sin_addr, sizeof(four->sin_addr));
        return ip;
}

static int open_socket(enum protocol protocol, enum family family)
{
        int domain = family == FAMILY_IPV6 ? AF_INET6 : AF_INET,
            flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

        if (protocol == PROTOCOL_TCP)
                return socket(domain, SOCK_STREAM | flags, IPPROTO_TCP);
        if (protocol == PROTOCOL_SCTP)
                return socket(domain, SOCK_RAW | flags, IPPROTO_SCTP);
        if (protocol == PROTOCOL_ICMP)
                return socket(domain, SOCK_DGRAM | flags,
                              domain == AF_INET6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
        return socket(domain, SOCK_DGRAM | flags, IPPROTO_UDP);
}

static int open_bound(enum protocol protocol, const struct ip *ip, uint16_t port, struct err *err)
{
        struct sockaddr_storage address;
        socklen_t length = socket_address(ip, port, &address);
        char text[IP_TEXT_SIZE];
        int fd = open_socket(protocol, ip->family);

        if (fd < 0)
                return err_errno(err, "opening a socket for %s", protocol_name(protocol));
        if (bind(fd, (const void *)&address, length) == 0)
                return fd;
        int reason = errno;
        err_errno(err, "taking %s port %u of %s", protocol_name(protocol), port,
                  ip_format(ip, text));
        close(fd);
        errno = reason;
        return -1;
}

int socket_serve(enum protocol protocol, const struct ip *ip, uint16_t port, struct err *err)
{
        int fd = open_bound(protocol, ip, protocol == PROTOCOL_SCTP ? 0 : port, err);

        if (fd >= 0 && protocol == PROTOCOL_TCP && listen(fd, BACKLOG) < 0) {
                err_errno(err, "listening");
                close(fd);
                return -1;
        }
        return fd;
}

int socket_client(enum protocol protocol, const struct ip *ip, uint16_t port, struct err *err)
{
        return open_bound(protocol, ip, port, err);
}

static struct echo echo_request(enum family family, uint64_t nonce)
{
        return (struct echo){
            .type = family == FAMILY_IPV6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO,
            .nonce = nonce,
        };
}

int socket_send(int fd, enum protocol protocol, const struct ip *ip, uint16_t port, uint64_t nonce)
{
        struct sockaddr_storage address;
        socklen_t length = socket_address(ip, port, &address);
        struct echo echo = echo_request(ip->family, nonce);

        if (connect(fd, (const void *)&address, length) < 0 && errno != EINPROGRESS)
                return errno;
        if (protocol == PROTOCOL_UDP && send(fd, &nonce, sizeof(nonce), 0) < 0)
                return errno;
        if (protocol == PROTOCOL_ICMP && send(fd, &echo, sizeof(echo), 0) < 0)
                return errno;
        return 0;
}

/* That it is writable proves nothing by itself: only a connection that stands has a peer. */
static int tcp_result(int fd)
{
        struct sockaddr_storage peer;
        int error = 0;
        socklen_t error_length = sizeof(error), peer_length = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_length) < 0)
                return errno;
        if (error)
                return error;
        return getpeername(fd, (void *)&peer, &peer_length) < 0 ? errno : 0;
}

int socket_result(int fd, enum protocol protocol, uint64_t nonce)
{
        struct echo echo;

        if (protocol == PROTOCOL_TCP)
                return tcp_result(fd);
        ssize_t n = recv(fd, &echo, sizeof(echo), 0);
        if (n < 0)
                return errno;
        if (protocol == PROTOCOL_UDP)
                return n == sizeof(nonce) && memcmp(&echo, &nonce, sizeof(nonce)) == 0 ? 0 : EAGAIN;
        return n == sizeof(echo) && echo.nonce == nonce ? 0 : EAGAIN;
}

void socket_drop(int fd)
{
        struct linger reset = {.l_onoff = 1};

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
}
