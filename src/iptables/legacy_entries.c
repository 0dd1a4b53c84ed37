#include "iptables/legacy_entries.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iptables/backend.h"

static bool read_ipv4(int fd, const char *table, struct legacy_entries *ret)
{
        struct ipt_getinfo info = {0};
        socklen_t size = sizeof(info);

        snprintf(info.name, sizeof(info.name), "%s", table);
        if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) < 0)
                return false;
        *ret = (struct legacy_entries){info.num_entries, info.size};
        return true;
}

static bool read_ipv6(int fd, const char *table, struct legacy_entries *ret)
{
        struct ip6t_getinfo info = {0};
        socklen_t size = sizeof(info);

        snprintf(info.name, sizeof(info.name), "%s", table);
        if (getsockopt(fd, IPPROTO_IPV6, IP6T_SO_GET_INFO, &info, &size) < 0)
                return false;
        *ret = (struct legacy_entries){info.num_entries, info.size};
        return true;
}

bool legacy_entries_read(enum family family, const char *table, struct legacy_entries *ret)
{
        if (!legacy_has_table(family, table)) {
                *ret = (struct legacy_entries){0};
                return true;
        }
        int fd = socket(family == FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
                        IPPROTO_RAW);
        if (fd < 0)
                return false;
        bool done = family == FAMILY_IPV4 ? read_ipv4(fd, table, ret) : read_ipv6(fd, table, ret);
        close(fd);
        return done;
}
