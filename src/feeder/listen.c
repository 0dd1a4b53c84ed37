#include "feeder/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ip.h"

static socklen_t fill_address(const struct listen_address *endpoint, sa_family_t family,
                              struct sockaddr_storage *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

        *ret = (struct sockaddr_storage){.ss_family = family};
        if (family == AF_INET6) {
                v6->sin6_port = htons(endpoint->port);
                memcpy(&v6->sin6_addr, endpoint->ip.bytes, sizeof(v6->sin6_addr));
                return sizeof(*v6);
        }
        v4->sin_port = htons(endpoint->port);
        memcpy(&v4->sin_addr, endpoint->ip.bytes, sizeof(v4->sin_addr));
        return sizeof(*v4);
}

int listen_at(const char *address, struct err *err)
{
        struct listen_address endpoint;
        struct sockaddr_storage where;
        const int on = 1, v6_only = 0;

        if (!listen_address_parse(address, &endpoint))
                return err_set(err, "%s: not ADDRESS:PORT, [ADDRESS]:PORT or :PORT", address);
        sa_family_t family = endpoint.any || endpoint.ip.family == FAMILY_IPV6 ? AF_INET6 : AF_INET;
        const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
        int fd = socket(family, type, 0);
        if (fd < 0 && errno == EAFNOSUPPORT && endpoint.any) {
                family = AF_INET; /* a kernel without IPv6 */
                fd = socket(family, type, 0);
        }
        if (fd < 0)
                return err_errno(err, "listening at %s", address);
        socklen_t length = fill_address(&endpoint, family, &where);
        if (family == AF_INET6 && endpoint.any)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *)&where, length) < 0 || listen(fd, SOMAXCONN) < 0) {
                err_errno(err, "listening at %s", address);
                close(fd);
                return -1;
        }
        return fd;
}
