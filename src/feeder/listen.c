#include "feeder/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ip.h"

struct endpoint {
        bool any;
        struct ip ip;
        uint16_t port;
};

static bool parse_port(const char *text, uint16_t *ret)
{
        size_t digits = strspn(text, "0123456789");
        unsigned long port = strtoul(text, NULL, 10);

        if (digits == 0 || digits > 5 || text[digits] || port > UINT16_MAX)
                return false;
        *ret = (uint16_t)port;
        return true;
}

static bool parse_endpoint(const char *address, struct endpoint *ret)
{
        char host[IP_TEXT_SIZE + 2] = "";
        const char *colon = strrchr(address, ':');
        size_t length = colon ? (size_t)(colon - address) : 0;
        struct endpoint endpoint = {.any = length == 0};

        if (!colon || length >= sizeof(host) || !parse_port(colon + 1, &endpoint.port))
                return false;
        bool bracketed = length > 2 && address[0] == '[' && address[length - 1] == ']';
        memcpy(host, address + bracketed, length - 2 * bracketed);
        if (!endpoint.any && !ip_parse(host, &endpoint.ip))
                return false;
        if (!endpoint.any && bracketed != (strchr(host, ':') != NULL))
                return false;
        *ret = endpoint;
        return true;
}

static socklen_t fill_address(const struct endpoint *endpoint, sa_family_t family,
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
        struct endpoint endpoint;
        struct sockaddr_storage where;
        const int on = 1, v6_only = 0;

        if (!parse_endpoint(address, &endpoint))
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
